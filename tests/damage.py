"""Edited copies of sql/: what an edit does to one query, and what becomes of it when it is loaded and checked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from eventflow_db import Settings
from eventflow_db.check.prove import Finding, prove
from eventflow_db.errors import ContractError
from eventflow_db.query import load_specs, package_sql


class Edit(NamedTuple):
    """One change to the text of one query; `file` is below sql/."""

    file: str
    query: str
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.file.partition('/')[0]}.{self.query}"


def edited_copy(directory: Path, *edits: Edit) -> Path:
    """A copy of sql/ with the edits made, each exactly once within its query."""
    copy = directory / "sql"
    shutil.copytree(package_sql(), copy)
    for edit in edits:
        path = copy / edit.file
        text = path.read_text(encoding="utf-8")
        start = text.index(f"-- name: {edit.query}(")
        end = text.find("\n-- name: ", start + 1)
        query = text[start:] if end < 0 else text[start:end]
        assert query.count(edit.old) >= 1, f"{edit.old!r} is not in {edit.name}"
        path.write_text(
            text[:start] + query.replace(edit.old, edit.new, 1) + text[start + len(query) :], encoding="utf-8"
        )
    return copy


def load_refusal(copy: Path) -> str | None:
    """Why a copy is not loaded as an overlay."""
    try:
        load_specs(str(copy))
    except ContractError as error:
        return error.message
    return None


def check_findings(
    settings: Settings, copy: Path, only: str | None = None, keep: bool = True, rows: int = 20_000
) -> list[Finding]:
    """What `check` finds out about a copy."""
    return prove(settings, load_specs(str(copy)), only=[only] if only else None, rows=rows, keep=keep)
