"""Copies queries of the package, with their annotation, to a directory where they are edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InvalidValueError
from ..query.annotations import read_specs
from ..query.spec import QuerySpec
from .server import CODE


def copy(specs: Sequence[QuerySpec], directory: Path) -> Iterator[str]:
    """Append queries to the files of their tables; gives `path:line: name` of each.

    Raises: InvalidValueError where one is there already, before any is written; OSError.
    """
    there = read_specs(directory) if any(directory.glob("*/*.sql")) else {}
    for spec in specs:
        if other := there.get(spec.name):
            raise InvalidValueError(CODE, f"{spec.name}: is there already ({other.path}:{other.line})")
    for spec in specs:
        source = Path(spec.path)
        path = directory / source.parent.name / source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        if present:
            present = present.rstrip() + "\n\n"
        path.write_text(present + _text(spec), encoding="utf-8")
        yield f"{path}:{present.count(chr(10)) + 1}: {spec.name}"


def _text(spec: QuerySpec) -> str:
    """A query as its file has it, and the hash of what it replaces."""
    lines = Path(spec.path).read_text(encoding="utf-8").split("\n")
    annotation = "\n".join(lines[spec.line - 1 : spec.body - 1])
    return f"{annotation}\n-- replaces: {spec.hash}\n{spec.sql}\n"
