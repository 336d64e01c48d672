"""A connection that looks at a server: rows as text, statements prepared in the binary protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import pymysql.err
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.protocol import FieldDescriptorPacket

from ..query.rows import parse_rows
from ..settings import Settings, ssl_context
from ..sync.channel import Channel

_TIMEOUT: Final = 600
"""Seconds that a statement may take, such as one that fills a scratch table."""
_BINARY: Final = 63
"""The character set of what is no text."""
_INTEGERS: Final = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
}
_BLOBS: Final = (FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.BLOB)


class Column(NamedTuple):
    """One result column, as PREPARE tells it."""

    name: str
    type: str
    """As in a CREATE TABLE; `json` is `longtext` on MariaDB."""
    nullable: bool
    """False for an expression, of which servers do not know."""


class Prepared(NamedTuple):
    """What a server says of a statement that it has prepared."""

    parameters: int
    columns: list[Column]


class Inspector:
    """One session on a server."""

    def __init__(self, settings: Settings, database: str = "information_schema") -> None:
        self.settings = settings
        self.channel = Channel.open(msgspec.structs.replace(settings, database=database), ssl_context(settings))
        self.channel.limit(_TIMEOUT)
        self.thread: int = self.channel.connection.thread_id()
        version: str = self.channel.connection.server_version
        self.is_mariadb = "MariaDB" in version
        self.server = f"{'MariaDB' if self.is_mariadb else 'MySQL'} {version.removeprefix('5.5.5-')}"
        with contextlib.suppress(pymysql.err.Error):  # MySQL before 8.3 knows that version alone
            self.execute("SET SESSION explain_json_format_version = 1")

    def execute(self, statement: str | bytes) -> list[tuple[str | None, ...]]:
        """Run a statement; gives its rows as text."""
        return self.query(statement if isinstance(statement, bytes) else statement.encode())[1]

    def query(self, statement: bytes) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
        """Run a statement; gives its columns' names, and its rows as text."""
        result = self.channel.send(statement)
        decode = (bytes.decode,) * len(result.columns)
        return result.columns, [tuple(row) for row in parse_rows(result.rows, decode)]

    def prepare(self, statement: bytes) -> Prepared | None:
        """Have the server prepare a statement, and forget it; None for what it understands and never prepares."""
        try:
            parameters, fields = self.channel.prepare(statement, _TIMEOUT)
        except pymysql.err.Error as error:
            if error.args[0] == 1295:
                return None
            raise
        return Prepared(parameters, [_column(field) for field in fields])

    def close(self) -> None:
        """Close the session."""
        self.channel.close()


def _column(field: FieldDescriptorPacket) -> Column:
    text = field.charsetnr != _BINARY
    kind = field.type_code
    if kind in _INTEGERS:
        name = _INTEGERS[kind] + (" unsigned" if field.flags & FLAG.UNSIGNED else "")
    elif kind in (FIELD_TYPE.VAR_STRING, FIELD_TYPE.VARCHAR):
        name = f"varchar({field.length // 4})" if text else f"varbinary({field.length})"
    elif kind == FIELD_TYPE.STRING:
        name = f"char({field.length // 4})" if text else f"binary({field.length})"
    elif kind in _BLOBS:
        length = field.length // 4 if text and field.length < 2**32 - 1 else field.length
        size = {255: "tiny", 65_535: "", 16_777_215: "medium"}.get(length, "long")
        name = size + ("text" if text else "blob")
    elif kind in (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP):
        name = ("datetime" if kind == FIELD_TYPE.DATETIME else "timestamp") + (
            f"({field.scale})" if field.scale else ""
        )
    elif kind == FIELD_TYPE.JSON:
        name = "json"
    else:
        name = f"type {kind}"
    return Column(field.name, name, bool(field.org_table) and not field.flags & FLAG.NOT_NULL)


@contextlib.contextmanager
def inspecting(settings: Settings, database: str = "information_schema") -> Iterator[Inspector]:
    """An Inspector, closed at the end of the block."""
    inspector = Inspector(settings, database)
    try:
        yield inspector
    finally:
        inspector.close()
