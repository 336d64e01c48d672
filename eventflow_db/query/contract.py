"""The lock file, sql/contract.json: what each query promises its callers, and which text has been checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from .refusals import refused
from .spec import QuerySpec

FILE: Final = "contract.json"
PROMISES: Final = (
    "method", "batch", "param", "takes", "kind", "returns", "error", "not_found", "idempotent", "conflict", "timeout",
)  # fmt: skip
"""What callers rely on: a query that breaks one of these is not loaded."""


class Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One query of the lock file: its annotation, and what its SQL says; what is none, empty or usual is left out.

    columns: result column → type in the tables, with `null` behind it where it may be NULL.
    tables: that it names; the one that it writes first. error, not_found: the code. hash: of the SQL, as in its tag.
    """

    method: str | None = None
    batch: str | None = None
    param: dict[str, str] = {}
    takes: str | None = None
    kind: str
    returns: str
    columns: dict[str, str] = {}
    tables: list[str] = []
    index: str | None = None
    scan: str | None = None
    error: str
    not_found: str | None = None
    idempotent: str
    conflict: list[int] = []
    timeout: str = "read"
    hash: str

    @classmethod
    def of(cls, spec: QuerySpec, columns: Mapping[str, str] = {}, tables: Iterable[str] = ()) -> Entry:
        """What a query promises; columns and tables are known only where its SQL was checked."""
        same = ("method", "kind", "returns", "index", "scan", "idempotent", "timeout", "hash")
        return cls(
            batch="{}({})".format(*spec.batch) if spec.batch else None,
            param=dict(spec.param),
            takes=": ".join(spec.takes) if spec.takes else None,
            error=spec.error.code,
            not_found=spec.not_found.code if spec.not_found else None,
            conflict=sorted(spec.conflict),
            columns=dict(columns),
            tables=list(tables),
            **{field: getattr(spec, field) for field in same},
        )


class Contract:
    """The lock file, read; without any queries where there is none."""

    def __init__(self, path: Path, queries: Mapping[str, Entry]) -> None:
        self.path = path
        self.queries = queries

    @classmethod
    def read(cls, path: Path) -> Contract:
        """The lock file at a path.

        Raises: ContractError where it is not what `eventflow-db contract --write` writes.
        """
        if not path.exists():
            return cls(path, {})
        try:
            return cls(path, msgspec.json.decode(path.read_bytes(), type=dict[str, Entry]))
        except msgspec.MsgspecError as error:
            raise refused(path, f"{error}: eventflow-db contract --write makes it anew") from None

    def knows(self, spec: QuerySpec) -> bool:
        """Whether the text of a query is the one that was checked."""
        return spec.name in self.queries and self.queries[spec.name].hash == spec.hash

    def compare(self, spec: QuerySpec) -> None:
        """Refuse a query that promises its callers something else; of a new one nothing is known.

        Raises: ContractError naming file, line, query, what breaks the contract and what would keep it.
        """
        entry = self.queries.get(spec.name)
        if entry is None:
            return
        given = Entry.of(spec)
        for field in PROMISES:
            if getattr(given, field) != (promised := getattr(entry, field)):
                raise spec.refuse(
                    f"its {field} breaks the contract ({self.path.parent.name}/{FILE}): "
                    f"{_plain(getattr(given, field))} instead of {_plain(promised)}"
                )
        if spec.index in (None, "none") and entry.index not in (None, "none"):
            raise spec.refuse(
                f"reads by no index ({spec.lookup}), the contract says {entry.index}: name one that it uses"
            )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name}: {kind}" for name, kind in value.items()) + ")"
    return "none" if value in (None, []) else str(value)


def write(entries: Mapping[str, Entry]) -> str:
    """The text of the file: one line for each thing that a reviewer may want to see changed."""
    return _lines({name: msgspec.to_builtins(entries[name]) for name in sorted(entries)}, "\n") + "\n"


def _lines(value: Any, newline: str) -> str:
    """JSON with a line for each key, and lists on the line of theirs."""
    if not isinstance(value, dict):
        return json.dumps(value)
    inner = newline + "  "
    items = (f"{inner}{json.dumps(key)}: {_lines(item, inner)}" for key, item in value.items())
    return f"{{{','.join(items)}{newline}}}"
