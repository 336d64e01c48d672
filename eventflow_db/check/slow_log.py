"""Sums up statements by the query that they are of: from performance_schema, or from a slow query log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import msgspec

from .activity import TAG
from .server import Inspector

_DIGESTS: Final = """
    SELECT query_sample_text, count_star, sum_timer_wait / 1e12, max_timer_wait / 1e12,
        sum_rows_examined, sum_rows_sent, sum_errors
    FROM performance_schema.events_statements_summary_by_digest
    WHERE schema_name = DATABASE()
"""
_LOST: Final = "SELECT count_star FROM performance_schema.events_statements_summary_by_digest WHERE digest IS NULL"
_HEAD: Final = re.compile(rb"# Query_time: ")
_FIGURES: Final = (b"Query_time", b"Rows_sent", b"Rows_examined")
_FIGURE: Final = re.compile(rb"(Query_time|Rows_sent|Rows_examined): (\d+(?:\.\d+)?)")
_BEFORE: Final = re.compile(rb"use |set timestamp=", re.IGNORECASE)
"""Lines between the figures and their statement."""
_LONGEST: Final = 2_000
"""Bytes of a line that are kept: a tag stands behind the verb."""
OTHERS: Final = "(others)"
"""Statements without a tag."""


class Usage(msgspec.Struct):
    """What the runs of one text of a query took; times in seconds."""

    query: str
    hash: str
    calls: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    rows_examined: int = 0
    rows_sent: int = 0
    errors: int = 0

    def add(self, calls: int, seconds: float, longest: float, examined: int, sent: int, errors: int) -> None:
        """Add runs to it."""
        self.calls += calls
        self.seconds += seconds
        self.longest = max(self.longest, longest)
        self.rows_examined += examined
        self.rows_sent += sent
        self.errors += errors


class _Usages(dict[tuple[str, str], Usage]):
    """By query and hash."""

    def of(self, statement: str) -> Usage:
        """Where the runs of a statement are added to."""
        match = TAG.match(statement)
        key = (match["query"], match["hash"]) if match else (OTHERS, "")
        return self.setdefault(key, Usage(*key))


def lost_runs(inspector: Inspector) -> int:
    """How many runs performance_schema has counted for no statement, because its table of digests is full."""
    return sum(int(count) for (count,) in inspector.execute(_LOST))


def from_server(inspector: Inspector) -> list[Usage]:
    """What MySQL's performance_schema knows of the default database since it was started or truncated.

    Raises: the driver's error, 1054 on MariaDB, which keeps no text with a tag.
    """
    usages = _Usages()
    for text, calls, seconds, longest, examined, sent, errors in inspector.execute(_DIGESTS):
        usages.of(text or "").add(int(calls), float(seconds), float(longest), int(examined), int(sent), int(errors))
    return list(usages.values())


def from_log(file: BinaryIO) -> list[Usage]:
    """What a slow query log holds, of MySQL or of MariaDB; a log of any size takes no more memory than its queries."""
    usages = _Usages()
    for figures, text in _entries(_lines(file)):
        seconds, sent, examined = (float(figures.get(name, 0)) for name in _FIGURES)
        usages.of(text.decode("ascii", "replace")).add(1, seconds, seconds, int(examined), int(sent), 0)
    return list(usages.values())


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The beginning of each line."""
    while line := file.readline(_LONGEST):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(_LONGEST)


def _entries(lines: Iterable[bytes]) -> Iterator[tuple[dict[bytes, bytes], bytes]]:
    """The figures of each statement of a log, and how the statement begins."""
    figures: dict[bytes, bytes] | None = None
    text = b""
    for line in lines:
        if _HEAD.match(line):
            if figures is not None:
                yield figures, text
            figures, text = dict(_FIGURE.findall(line)), b""
        elif not text and not line.startswith(b"#") and not _BEFORE.match(line):
            text = line
    if figures is not None:
        yield figures, text
