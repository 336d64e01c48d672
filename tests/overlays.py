"""Edited copies of sql/: the cases of tests/damage/, and what loading, `check` and `diff` say about a copy.

A file of tests/damage/ holds cases. Each says what an edit must lead to, and the edit as the lines that change:

    -- case: function on the column
    -- check finds: event.read_by_eid: scans event_eid
    -- query: event.read_by_eid
    - WHERE event_eid.eid = :eid
    + WHERE LOWER(event_eid.eid) = :eid

    -- load raises: TEXT                    loading the copy raises a ContractError with the text, the file and the line
    -- check finds: QUERY: TEXT             `check` says this of the query; `…` stands for whatever is in between
    -- diff finds: ITEM: ours A; live B     the one difference from a live database with the package's tables
    -- check passes                         the copy loads, and `check` has no problem and no doubt
    -- query: TABLE.NAME                    the query that the lines below it are of

Changed lines begin with `- ` (before) and `+ ` (after), unchanged ones with two spaces; a blank line ends a change. The
lines before a change must be in the query exactly once. Other comments are for the reader.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eventflow_db import Settings
from eventflow_db.check.prove import Finding, prove
from eventflow_db.errors import ContractError
from eventflow_db.query import load_specs, package_sql

DAMAGE = Path(__file__).with_name("damage")
KINDS = {"load raises", "check finds", "diff finds", "check passes"}
EXPECTATION = re.compile(r"-- ((?:load|check|diff) \w+)(?:: (.+))?")


class Edit(NamedTuple):
    """Whole lines of one query, such as `event.read`, and what replaces them."""

    query: str
    old: str
    new: str

    @property
    def file(self) -> Path:
        """Where the query is, below sql/."""
        table, _, name = self.query.partition(".")
        for path in package_sql().glob(f"{table}/*.sql"):
            if f"-- name: {name}(" in path.read_text(encoding="utf-8"):
                return path.relative_to(package_sql())
        raise LookupError(f"sql/ has no query {self.query}")

    def apply(self, text: str) -> str:
        """The text of the query's file with the lines replaced."""
        lines, old = text.split("\n"), self.old.splitlines()
        names = [number for number, line in enumerate(lines) if line.startswith("-- name: ")]
        name = self.query.partition(".")[2]
        start = next(number for number in names if lines[number].startswith(f"-- name: {name}("))
        end = next((number for number in names if number > start), len(lines))
        found = [number for number in range(start, end) if lines[number : number + len(old)] == old]
        if len(found) != 1:
            raise LookupError(f"{self.query} holds these lines {len(found)} times, not once:\n{self.old}")
        lines[found[0] : found[0] + len(old)] = self.new.splitlines()
        return "\n".join(lines)


class Case(NamedTuple):
    """One case of tests/damage/: edits, and what must come of them, by the kind of expectation."""

    edits: list[Edit]
    expected: dict[str, list[str]]

    @property
    def query(self) -> str:
        """The one query that is edited."""
        (query,) = {edit.query for edit in self.edits}
        return query


def damage(expectation: str) -> dict[str, Case]:
    """The cases of tests/damage/ with an expectation of a kind, by file and name."""
    cases: dict[str, Case] = {}
    for path in sorted(DAMAGE.glob("*.sql")):
        for title, case in read_cases(path.read_text(encoding="utf-8")):
            name = f"{path.stem}-{title.replace(' ', '_')}"
            assert name not in cases, f"{path}: there are two cases {title}"
            cases[name] = case
    return {name: case for name, case in cases.items() if expectation in case.expected}


def read_cases(text: str) -> Iterator[tuple[str, Case]]:
    """The cases of a file with their titles."""
    for block in re.split(r"(?m)^-- case: ", text)[1:]:
        head, *queries = re.split(r"(?m)^-- query: ", block)
        title, *comments = head.splitlines()
        expected: dict[str, list[str]] = {}
        for match in filter(None, map(EXPECTATION.fullmatch, comments)):
            expected.setdefault(match[1], []).append(match[2])
        edits = [edit for query in queries for edit in _read_edits(query)]
        assert edits, f"{title}: there is no query"
        assert all(edit.old for edit in edits), f"{title}: each change needs a line that is there before it"
        assert expected, f"{title}: one of {sorted(KINDS)} belongs above the query"
        assert expected.keys() <= KINDS, f"{title}: {sorted(expected)} are not all of {sorted(KINDS)}"
        yield title, Case(edits, expected)


def _read_edits(text: str) -> Iterator[Edit]:
    query, _, changes = text.partition("\n")
    for change in changes.strip("\n").split("\n\n"):
        lines = change.splitlines()
        assert all(line[:2] in ("- ", "+ ", "  ", "-", "+") for line in lines), (
            f"{query}: not lines of a change:\n{change}"
        )
        old, new = ("\n".join(line[2:] for line in lines if line[:1] in (sign, " ")) for sign in "-+")
        yield Edit(query, old, new)


def edited_copy(directory: Path, *edits: Edit) -> Path:
    """A copy of sql/ with the edits made."""
    copy = directory / "sql"
    shutil.copytree(package_sql(), copy)
    for edit in edits:
        path = copy / edit.file
        path.write_text(edit.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def load_refusal(copy: Path) -> str | None:
    """Why a copy is not loaded as an overlay."""
    try:
        load_specs(str(copy))
    except ContractError as error:
        return error.message
    return None


def check_findings(settings: Settings, copy: Path, *only: str, keep: bool = True, rows: int = 20_000) -> list[Finding]:
    """What `check` finds out about a copy: about every query, or the ones named."""
    return prove(settings, load_specs(str(copy)), only=only or None, rows=rows, keep=keep)
