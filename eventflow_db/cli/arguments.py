"""Reads `key=value` from the command line into what the parameters of a query take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ..errors import InvalidValueError
from ..query.parameters import split_mark
from ..query.spec import QuerySpec


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "identifier*": lambda text: text.split(","),
    "bytes": str.encode,
    "bytes(16)": str.encode,
    "json": json.loads,
    "datetime": _moment,
    "datetime(3)": _moment,
    "date": _moment,
    "partition": _moment,
    "port": int,
    "limit": int,
    "page": int,
    "seconds": int,
}
"""Of the types that are no text. A time without a zone is in UTC, as the server keeps it."""


def parse(spec: QuerySpec, words: Sequence[str]) -> dict[str, Any]:
    """The values of a query's parameters; a `limit` may be left out.

    Raises: InvalidValueError naming every word that is not `key=value`, or not of its parameter's type.
    """
    kinds = {name.rstrip("_"): text for name, text in spec.parameters.items()}
    values: dict[str, Any] = {key: None for key, kind in kinds.items() if kind == "limit"}
    problems = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            problems.append(f"{word}: must be of the form key=value")
            continue
        try:
            values[key] = _READERS.get(split_mark(kinds.get(key, ""))[0], str)(text)
        except ValueError:
            problems.append(f"{key}: must be {spec.types[key].rule}")
    if problems:
        raise InvalidValueError(spec.code, "; ".join(problems))
    return values
