"""The lock file, sql/contract.json: what each query promises its callers, and which text has been judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import ContractError
from .spec import CODE, QuerySpec

FILE: Final = "contract.json"
PROMISES: Final = ("parameters", "kind", "returns", "error", "not_found", "idempotent", "conflict", "timeout")
"""What callers rely on: a query that breaks one of these is not loaded."""


class Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One query of the lock file; what is none, empty or usual is left out.

    columns: result column → type in the tables, with `null` behind it where it may be NULL.
    tables: that it names; the one that it writes first. hash: of the SQL, as in its tag.
    """

    parameters: dict[str, str] = {}
    kind: str
    returns: str
    columns: dict[str, str] = {}
    tables: list[str] = []
    index: str
    error: str
    not_found: str | None = None
    idempotent: str
    conflict: list[int] = []
    timeout: str = "read"
    hash: str

    @classmethod
    def of(cls, spec: QuerySpec, columns: Mapping[str, str], tables: Iterable[str]) -> Entry:
        """What a query promises."""
        return cls(columns=dict(columns), tables=list(tables), hash=spec.hash, **promises(spec))


def promises(spec: QuerySpec) -> dict[str, Any]:
    """The fields of an Entry that the annotation alone tells."""
    return {
        "parameters": dict(spec.parameters),
        "kind": spec.kind,
        "returns": spec.returns,
        "index": spec.lookup,
        "error": spec.code,
        "not_found": spec.not_found[0] if spec.not_found else None,
        "idempotent": spec.idempotent,
        "conflict": sorted(spec.conflicts),
        "timeout": "ddl" if spec.unhurried else "read",
    }


class Contract(msgspec.Struct):
    """The lock file, read; without any queries where there is none."""

    path: Path
    queries: Mapping[str, Entry]

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Read the file.

        Raises: ContractError where it is not what `eventflow-db contract --write` writes.
        """
        if not path.exists():
            return cls(path, {})
        try:
            return cls(path, msgspec.json.decode(path.read_bytes(), type=dict[str, Entry]))
        except msgspec.MsgspecError as error:
            raise ContractError(CODE, f"{path}: {error}: eventflow-db contract --write makes it anew") from None

    def prove(self, specs: Iterable[QuerySpec], originals: Mapping[str, QuerySpec]) -> None:
        """Compare queries with the contract, and judge the text of those that it does not know.

        originals: the package's, whose effects others of the same name have to keep.

        Raises: ContractError naming file, line, query, what breaks the contract and what would keep it.
        """
        for spec in specs:
            entry = self.queries.get(spec.name)
            if entry is None or entry.hash != spec.hash:
                _judge(spec, entry, originals[spec.name])
            if entry is not None:
                self._compare(spec, entry)

    def _compare(self, spec: QuerySpec, entry: Entry) -> None:
        given = promises(spec)
        for field in PROMISES:
            if given[field] != (promised := getattr(entry, field)):
                raise spec.refuse(
                    f"its {field} break the contract ({self.path.parent.name}/{FILE}): "
                    f"{_plain(given[field])} instead of {_plain(promised)}"
                )
        if spec.index in (None, "none") and not entry.index.startswith(("none", "scan:")):
            raise spec.refuse(
                f"reads by no index ({spec.lookup}), the contract says {entry.index}: name one that it uses"
            )


def _judge(spec: QuerySpec, entry: Entry | None, original: QuerySpec) -> None:
    try:
        from ..check.overlay import keep
        from ..check.rules import judge
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == "sqlglot":
            raise spec.refuse(
                f"its text is not the one in {FILE}, and judging it needs sqlglot: pip install 'eventflow-db[cli]'"
            ) from None
        raise
    verdict = judge(spec)
    if entry is not None and spec.kind == "write" and verdict.tables[:1] != entry.tables[:1]:
        raise spec.refuse(
            f"writes to {', '.join(verdict.tables[:1]) or 'no table'}, the contract says {entry.tables[0]}",
            spec.body,
        )
    if spec.hash != original.hash and spec.kind == original.kind:
        keep(spec, original)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name}: {kind}" for name, kind in value.items()) + ")"
    return "none" if value in (None, []) else str(value)


def write(entries: Mapping[str, Entry]) -> str:
    """The text of the file: one line for each thing that a reviewer may want to see changed."""
    text = json.dumps({name: msgspec.to_builtins(entries[name]) for name in sorted(entries)}, indent=2)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"
