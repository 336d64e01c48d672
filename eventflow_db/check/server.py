"""A session that looks at a server: rows as text, and what the server says of a statement that it prepares."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from itertools import starmap
from typing import Any, Final, NamedTuple, Self

import msgspec
import pymysql.err
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.protocol import FieldDescriptorPacket

from ..hosts import Hosts
from ..query.rows import parse_rows
from ..settings import Settings, ssl_context
from ..sync.channel import Channel

CODE: Final = "E_EVENTFLOW_DB_CHECK"
Row = tuple[Any, ...]
"""Values as text, None for NULL."""
AGE: Final = "TIMESTAMPDIFF(SECOND, {}, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM'))"
"""Seconds since a time of InnoDB's, which is in the system's time zone, whatever the session's."""
NO_DATABASE: Final = "information_schema"
"""The default database of a session that needs none."""
_TIMEOUT: Final = 600
"""Seconds that a statement may take, such as one that fills a scratch table."""
_BINARY: Final = 63
"""The character set of what is no text."""
_NAMES: Final = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.VARCHAR: "varchar",
    FIELD_TYPE.VAR_STRING: "varchar",
    FIELD_TYPE.STRING: "char",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.JSON: "json",
}
_BLOBS: Final = (FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.BLOB)


class TableColumn(NamedTuple):
    """A column of a table, as information_schema has it; of what is or is not, 1 or None."""

    table: str
    name: str
    kind: str
    """The type without its length; `json` on MariaDB, too, where it is LONGTEXT with a check."""
    type: str
    length: str | None
    nullable: str | None
    default: str | None
    extra: str
    collation: str | None
    """None for JSON, of which each kind of server has its own."""
    primary: str | None
    """Whether it is of the primary key."""
    parent: str | None
    """The table that a foreign key refers to."""

    @property
    def is_required(self) -> bool:
        """Whether an INSERT has to give it a value."""
        filled = "auto_increment" in self.extra or "generated" in self.extra
        return not (self.nullable or filled) and self.default is None


_TABLE_COLUMNS: Final = """
    SELECT c.table_name, c.column_name, c.data_type, LOWER(c.column_type), c.character_maximum_length,
        IF(c.is_nullable = 'YES', 1, NULL), c.column_default, LOWER(c.extra), c.collation_name,
        IF(c.column_key = 'PRI', 1, NULL), k.parent
    FROM information_schema.columns AS c
    LEFT JOIN (
        SELECT table_name, column_name, MIN(referenced_table_name) AS parent
        FROM information_schema.key_column_usage WHERE table_schema = DATABASE() GROUP BY table_name, column_name
    ) AS k ON k.table_name = c.table_name AND k.column_name = c.column_name
    WHERE c.table_schema = DATABASE()
    ORDER BY c.table_name, c.ordinal_position
"""


_JSON_COLUMNS: Final = """
    SELECT table_name, SUBSTRING_INDEX(SUBSTRING_INDEX(check_clause, '`', 2), '`', -1)
    FROM information_schema.check_constraints
    WHERE constraint_schema = DATABASE() AND check_clause REGEXP '^json_valid[(]`[^`]+`[)]$'
"""
_TIME_ZONE: Final = """
    SELECT @@GLOBAL.time_zone, @@system_time_zone,
        SUM(CONVERT_TZ(midnight, '+00:00', @@GLOBAL.time_zone) <> midnight)
    FROM (
        SELECT CAST(MAKEDATE(YEAR(UTC_DATE()), 1) AS DATETIME) AS midnight
        UNION ALL SELECT CAST(MAKEDATE(YEAR(UTC_DATE()), 183) AS DATETIME)
    ) AS halves
"""
"""The zone of a session that sets none, unlike ours, and whether it is another time than UTC in winter or summer."""


class Column(NamedTuple):
    """One result column of a prepared statement."""

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
    """One session on a server, closed at the end of its `with` block.

    It raises the driver's error where the server cannot be reached, or refuses a statement.
    """

    def __init__(self, settings: Settings, database: str = NO_DATABASE) -> None:
        self.channel = Channel.open(Hosts(msgspec.structs.replace(settings, database=database)), ssl_context(settings))
        self.channel.limit(_TIMEOUT)
        self.thread: int = self.channel.connection.thread_id()
        version: str = self.channel.connection.server_version
        self.is_mariadb = "MariaDB" in version
        kind = "MariaDB" if self.is_mariadb else "MySQL"
        found = self.channel.settings
        assert found is not None
        # what else is done goes to the same server
        self.settings = msgspec.structs.replace(settings, host=found.host, port=found.port)
        address = found.socket_path or f"{found.host}:{found.port}"
        place = "" if database == NO_DATABASE else f", database {database}"
        self.description = f"{kind} {version.removeprefix('5.5.5-')} at {address}{place}"
        # MySQL before 8.3 knows that version alone
        with contextlib.suppress(pymysql.err.Error):
            self.execute("SET SESSION explain_json_format_version = 1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.channel.close()

    @property
    def is_clustered(self) -> bool:
        """Whether the server is, or is set up to be, a member of Group Replication or Galera."""
        names = "'group_replication_group_name', 'wsrep_on'"
        found = self.execute(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({names})")
        return any(value not in ("", "OFF") for _, value in found)

    def introduce(self, report: Callable[[str], None]) -> None:
        """Say which server this is, and that its time zone is not UTC."""
        report(self.description)
        zone, of_system, differs = self.execute(_TIME_ZONE)[0]
        if differs != "0":
            name = f"{zone} ({of_system})" if zone == "SYSTEM" else zone
            text = "what Node leaves to a column's default is local time, which everyone reads as UTC"
            report(f"the server's time zone is {name}, not UTC: {text}: set default_time_zone = '+00:00' there")

    def execute(self, statement: str | bytes) -> list[Row]:
        """Run a statement; gives its rows."""
        return self.query(statement if isinstance(statement, bytes) else statement.encode())[1]

    def query(self, statement: bytes) -> tuple[tuple[str, ...], list[Row]]:
        """Run a statement; gives the names of its columns, and its rows."""
        result = self.channel.send(statement)
        decode = (bytes.decode,) * len(result.columns)
        return result.columns, [tuple(row) for row in parse_rows(result.rows, decode)]

    def table_columns(self) -> dict[str, list[TableColumn]]:
        """The columns of each table of the default database."""
        tables: dict[str, list[TableColumn]] = {}
        json = set(self.execute(_JSON_COLUMNS)) if self.is_mariadb else set()
        for column in starmap(TableColumn, self.execute(_TABLE_COLUMNS)):
            is_json = column.kind == "json" or (column.table, column.name) in json
            is_null = column.default is None or column.default.upper() == "NULL"
            given = column._replace(
                kind="json" if is_json else column.kind,
                default=None if is_null else expression(column.default),
                extra=" ".join(re.sub("default_generated|,", " ", expression(column.extra)).split()),
                collation=None if is_json or column.collation is None else collation(column.collation),
            )
            tables.setdefault(column.table, []).append(given)
        return tables

    def prepare(self, statement: bytes) -> Prepared | None:
        """Have the server prepare a statement, and forget it; None for a kind of statement that it never prepares."""
        try:
            parameters, fields = self.channel.prepare(statement, _TIMEOUT)
        except pymysql.err.Error as error:
            if error.args[0] == 1295:
                return None
            raise
        return Prepared(parameters, [_column(field) for field in fields])


def expression(text: str | None) -> str:
    """One spelling of an expression: CURRENT_TIMESTAMP with or without brackets, names with or without quotes."""
    text = (text or "").replace("`", "")
    if re.fullmatch(r"'.*'", text):
        return text[1:-1]
    return re.sub(r"(?i)\b(?:current_timestamp|now)(?:\(\))?(?!\w)", "CURRENT_TIMESTAMP", text)


def collation(name: str) -> str:
    """One spelling of a collation."""
    return re.sub(r"^utf8_", "utf8mb3_", name)


def _column(field: FieldDescriptorPacket) -> Column:
    return Column(field.name, _type(field), bool(field.org_table) and not field.flags & FLAG.NOT_NULL)


def _type(field: FieldDescriptorPacket) -> str:
    """The type of a result column, as in a CREATE TABLE."""
    is_text = field.charsetnr != _BINARY
    if field.type_code in _BLOBS:
        length = field.length // 4 if is_text and field.length < 2**32 - 1 else field.length
        size = {255: "tiny", 65_535: "", 16_777_215: "medium"}.get(length, "long")
        return size + ("text" if is_text else "blob")
    name = _NAMES.get(field.type_code, f"type {field.type_code}")
    if name.endswith("char"):
        return f"{name}({field.length // 4})" if is_text else f"{name.replace('char', 'binary')}({field.length})"
    if name.endswith("int") and field.flags & FLAG.UNSIGNED:
        return f"{name} unsigned"
    return f"{name}({field.scale})" if name in ("datetime", "timestamp") and field.scale else name
