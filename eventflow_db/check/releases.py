"""Which release made tables: known by the collation of their names, and by what a release has that others lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from .structure import Structure

NODE_4_1: Final = "Node 4.1"
NODE_4_8: Final = "Node 4.8"
FIRST: Final = "eventflow-db 0.1.0"
OURS: Final = "this eventflow-db"
_UNKNOWN: Final = "no known release"
_RELEASES: Final = (OURS, NODE_4_8, FIRST, NODE_4_1)
"""The latest first: it is taken for what several could have made."""
_COLLATIONS: Final = {"ascii_bin": {OURS, NODE_4_8, NODE_4_1}, "utf8mb4_bin": {FIRST, NODE_4_1}}
"""Node 4.1 leaves it to the server's default, which may be any."""
_MARKS: Final = {
    ("certificate", "index", "idx_id"): {OURS, FIRST},
    ("event_cpid", "column", "domain"): {OURS, NODE_4_8},
    ("event_cpid", "index", "idx_cpid"): {OURS, FIRST, NODE_4_1},
    ("event_published", "column", "available"): {OURS},
    ("event_scheduled", "index", "idx_executed_scheduled"): {OURS, FIRST},
    ("hub", "index", "idx_quit_timestamp"): {OURS, FIRST},
    ("lease", "column", "fence"): {OURS},
    ("log", "column", "seq"): {OURS, FIRST},
}
"""What the tables of some releases have, and those of the others lack."""


def releases(live: Structure, tables: Iterable[str]) -> dict[str, list[str]]:
    """The release that made all of these tables, or the few that did, each with its tables."""
    made_by = {table: _candidates(live, table) for table in sorted(tables) if table in live.columns}
    found: dict[str, list[str]] = {}
    while made_by:
        release = max(_RELEASES, key=lambda release: sum(release in some for some in made_by.values()))
        made = [table for table, some in made_by.items() if release in some]
        found[release if made else _UNKNOWN] = made or list(made_by)
        made_by = {table: some for table, some in made_by.items() if made and table not in made}
    return found


def describe(found: Mapping[str, list[str]]) -> str:
    """The same in words."""
    if len(found) < 2:
        return "".join(f"the tables are those of {release}" for release in found) or "none of the tables is there"
    return "the tables are a mixture: " + "; ".join(f"{name} ({', '.join(tables)})" for name, tables in found.items())


def _candidates(live: Structure, table: str) -> set[str]:
    names = Counter(column.collation for column in live.columns[table].values() if column.kind == "varchar")
    ((collation, _),) = names.most_common(1) or [("", 0)]
    made_by = set(_COLLATIONS.get(collation or "", {NODE_4_1}))
    for mark, some in _MARKS.items():
        if mark[0] == table:
            made_by &= some if mark in live.items else {*_RELEASES} - some
    return made_by
