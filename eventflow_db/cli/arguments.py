"""Reads `key=value` from the command line into what the parameters of a query take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..query.spec import QuerySpec


def parse(spec: QuerySpec, words: Sequence[str]) -> dict[str, Any]:
    """The values of a query's parameters; a `limit` may be left out.

    Raises: InvalidValueError naming every word that is not `key=value`, or not of its parameter's type.
    """
    values: dict[str, Any] = {key: None for key, kind in spec.param.items() if kind == "limit"}
    problems = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            problems.append(f"{word}: must be of the form key=value")
            continue
        try:
            values[key] = spec.types[key].read(text) if key in spec.types else text
        except ValueError:
            problems.append(f"{key}: must be {spec.types[key].rule}")
    if problems:
        raise spec.invalid("; ".join(problems))
    return values
