"""Replies and rows, read in bulk: the same as the driver's own reader reads, however the bytes arrive."""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pymysql.err
import pymysql.protocol
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql.constants import COMMAND

from eventflow_db import EventflowDB, Settings
from eventflow_db.driver.reply import LONGEST, Reply, packet, read_ok
from eventflow_db.errors import SchemaError, UnavailableError
from eventflow_db.hosts import Hosts
from eventflow_db.query import load_specs
from eventflow_db.query.codec import decode_json, parse_datetime
from eventflow_db.query.collector import PAUSE
from eventflow_db.query.rows import Result, parse_rows, read_length
from eventflow_db.records import Certificate, Event, Hub, PublishedEvent, ScheduledEvent, columns
from eventflow_db.settings import ssl_context
from eventflow_db.sync.channel import Channel
from eventflow_db.testing import Server

from .support import Admin

KIB, MIB = 1 << 10, 1 << 20
LENGTHS = ((b"", "<B", 251), (b"\xfc", "<H", 1 << 16), (b"\xfe", "<Q", 1 << 64))
"""What a length begins with, its layout, and the limit that it stays below; the form of 3 bytes has no layout."""
slowly = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def driver(eventflow_server: Server) -> Iterator[Any]:
    """A connection of PyMySQL, with its own reader."""
    connection = pymysql.connect(
        host=eventflow_server.host, port=eventflow_server.port, user=eventflow_server.user,
        password=eventflow_server.password.encode(), charset="utf8mb4", ssl_disabled=True, autocommit=None,
        init_command="SET SESSION sql_mode = '', time_zone = '+00:00', autocommit = 1",
    )  # fmt: skip
    yield connection
    connection.close()


def reply_bytes(connection: Any, statement: str) -> bytes:
    """The server's whole reply to a statement, as it comes over the wire."""
    connection._execute_command(COMMAND.COM_QUERY, statement)
    sock: socket.socket = connection._sock
    data = b""
    sock.settimeout(20)
    reply = Reply()
    while True:
        part = sock.recv(1 << 20)
        assert part
        data += part
        try:
            if reply.feed(part):
                return data
        except pymysql.err.MySQLError:
            return data


def fed(data: bytes, size: int) -> Reply:
    """A reply whose bytes arrived so many at a time; complete with the last of them, and not before."""
    reply = Reply()
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    for part in parts[:-1]:
        assert reply.feed(part) is False
    assert reply.feed(parts[-1]) is True
    return reply


def values(result: Result, converters: Any = None) -> list[list[Any]]:
    return list(parse_rows(result.rows, converters or [bytes] * len(result.columns)))


def by_driver(connection: Any, statement: str) -> list[list[Any]]:
    """The rows as the driver reads them, every value as bytes."""
    connection.query(statement)
    result = connection._result
    rows = [[value if value is None else str(value).encode() if not isinstance(value, bytes) else value
             for value in row] for row in result.rows or ()]  # fmt: skip
    connection._result = None
    return rows


SMALL = "SELECT 'ä' AS text, 7 AS number, NULL AS nothing, '' AS `empty` UNION ALL SELECT 'b', -1, 'x', 'y'"


@pytest.mark.parametrize("statement", [SMALL, "SELECT 1 AS one WHERE FALSE", "DO 1", "SET @a = 1"])
def test_reply_split_at_every_byte(driver: Any, statement: str) -> None:
    statement = statement.replace(" WHERE FALSE", " FROM DUAL WHERE FALSE")
    data = reply_bytes(driver, statement)
    whole = fed(data, len(data))
    assert all(fed(data, size).result == whole.result for size in range(1, len(data)))
    for at in range(1, len(data)):
        reply = Reply()
        assert [reply.feed(data[:at]), reply.feed(data[at:])] == [False, True]
        assert (reply.result, reply.status) == (whole.result, whole.status)


def test_reply_has_the_rows_and_columns_that_the_driver_reads(driver: Any) -> None:
    result = fed(reply_bytes(driver, SMALL), 3).result
    assert result.columns == ("text", "number", "nothing", "empty")
    assert values(result) == by_driver(driver, SMALL)
    assert values(result)[0] == ["ä".encode(), b"7", None, b""]


@pytest.mark.parametrize("size", [0, 1, 250, 251, 252, 255, 256, 65_535, 65_536, MIB])
def test_reply_value_of_any_length(driver: Any, size: int) -> None:
    statement = f"SELECT REPEAT('x', {size}) AS a, 'end' AS b"
    result = fed(reply_bytes(driver, statement), 4093).result
    assert values(result) == [[b"x" * size, b"end"]]


# a packet holds 2**24 - 1 bytes; lengths of 3 bytes end there; a row of just that length needs an empty packet more
@pytest.mark.slow
@pytest.mark.parametrize("size", [2**24 - 12, 2**24 - 6, 2**24 - 5, 2**24 - 4, 2**24 - 1, 2**24, 2**24 + 9, 2**25 + 3])
def test_reply_value_over_16_mb(eventflow_server: Server, admin: Admin, size: int) -> None:
    before = admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    admin.execute(f"SET GLOBAL max_allowed_packet = {64 * MIB}")
    try:
        account = Settings.from_url(eventflow_server.database_url("mysql"))
        channel = Channel.open(Hosts(account), ssl_context(account))
        try:
            for statement in (f"SELECT REPEAT('x', {size}) AS a", f"SELECT 'first' AS b, REPEAT('x', {size}) AS a"):
                result = channel.send(statement.encode())
                (row,) = values(result)
                assert row[-1] == b"x" * size
                assert row[:-1] in ([], [b"first"])
        finally:
            channel.close()
    finally:
        admin.execute(f"SET GLOBAL max_allowed_packet = {before}")


# a statement of several packets: those of its reply count on from there
@pytest.mark.slow
@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, LONGEST + 2, LONGEST + 3, 2**25 - 3, 2**25 - 2])
def test_reply_to_a_statement_over_16_mb(eventflow_server: Server, admin: Admin, size: int) -> None:
    before = admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    admin.execute(f"SET GLOBAL max_allowed_packet = {64 * MIB}")
    try:
        account = Settings.from_url(eventflow_server.database_url("mysql"))
        channel = Channel.open(Hosts(account), ssl_context(account))
        try:
            assert channel.send(b"DO '%b'" % (b"x" * (size - 5))).affected == 0
            assert values(channel.send(b"SELECT 'y', '%b'" % (b"x" * (size - 14))))[0][0] == b"y"
        finally:
            channel.close()
    finally:
        admin.execute(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize("statement", [SMALL, "SELECT 1", "SELECT", "DO 1", "SET @a = 1", "COMMIT"])
def test_read_ok_is_what_reply_reads_or_none(driver: Any, statement: str) -> None:
    data = reply_bytes(driver, statement)
    for size in range(1, len(data)):
        assert read_ok(data[:size]) is None
    if data[4] == 0:
        reply = fed(data, len(data))
        assert read_ok(data) == (reply.result, reply.status)
    else:
        assert read_ok(data) is None


@given(
    affected=st.integers(0, 2**64 - 1) | st.integers(0, 255), last=st.integers(0, 2**64 - 1) | st.integers(0, 255),
    status=st.integers(0, 2**16 - 1), text=st.binary(max_size=300), more=st.binary(max_size=2),
)  # fmt: skip
def test_read_ok_of_any_packet_is_what_reply_reads_or_none(
    affected: int, last: int, status: int, text: bytes, more: bytes
) -> None:
    body = b"\0" + length_encoded(affected) + length_encoded(last) + struct.pack("<HH", status, 0) + text
    data = len(body).to_bytes(3, "little") + b"\1" + body + more
    reply = Reply()
    try:
        complete = reply.feed(data)
    except pymysql.err.OperationalError:
        complete = False
    found = read_ok(data)
    if not complete:
        assert found is None
    elif affected < 251 > last and len(body) < 256:
        assert found == (reply.result, reply.status)
    else:
        assert found in (None, (reply.result, reply.status))


def length_encoded(number: int) -> bytes:
    """The shortest of the forms."""
    return next(mark + struct.pack(layout, number) for mark, layout, limit in LENGTHS if number < limit)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000, LONGEST])
def test_packet_is_the_drivers(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = pymysql.connections.Connection(defer_connect=True)
    sent: list[bytes] = []
    monkeypatch.setattr(connection, "_sock", True)
    monkeypatch.setattr(connection, "_write_bytes", sent.append)
    statement = b"x" * size
    connection._execute_command(COMMAND.COM_QUERY, statement)
    assert b"".join(sent) == packet(statement)
    connection._sock = None


@pytest.mark.parametrize("statement", ["SELECT", "SELECT nonsense", "SELECT (SELECT 1 UNION SELECT 2) AS a"])
def test_reply_error_is_the_drivers_own(driver: Any, statement: str) -> None:
    data = reply_bytes(driver, statement)
    with pytest.raises(pymysql.err.MySQLError) as expected:
        driver.query(statement)
    for at in range(1, len(data)):
        reply = Reply()
        with pytest.raises(pymysql.err.MySQLError) as caught:
            if reply.feed(data[:at]) is False:
                reply.feed(data[at:])
        assert (caught.type, caught.value.args) == (expected.type, expected.value.args)


def test_reply_error_after_rows_is_raised(driver: Any, admin: Admin, empty_database: str) -> None:
    with driver.cursor() as cursor:
        cursor.execute(f"CREATE TABLE `{empty_database}`.t (a INT)")
        cursor.execute(f"INSERT INTO `{empty_database}`.t VALUES (1), (2), (3)")
    statement = f"SELECT a, (SELECT 1 UNION SELECT IF(a = 3, 2, 1)) AS b FROM `{empty_database}`.t"
    data = reply_bytes(driver, statement)
    with pytest.raises(pymysql.err.MySQLError) as caught:
        Reply().feed(data)
    assert caught.value.args[0] == 1242


def test_reply_says_how_many_rows_were_affected(driver: Any, empty_database: str) -> None:
    fed(reply_bytes(driver, f"CREATE TABLE `{empty_database}`.t (a INT)"), 2)
    many = ", ".join(f"({number})" for number in range(300))
    for rows, expected in (("(1), (2)", 2), (many, 300)):
        result = fed(reply_bytes(driver, f"INSERT INTO `{empty_database}`.t VALUES {rows}"), 1).result
        assert (result.affected, result.columns, list(result.rows)) == (expected, (), [])


def test_reply_with_bytes_after_its_end_raises(driver: Any) -> None:
    data = reply_bytes(driver, SMALL)
    with pytest.raises(pymysql.err.OperationalError):
        Reply().feed(data + b"\x01\0\0\x01\0")


def test_reply_end_without_an_end_is_not_complete(driver: Any) -> None:
    data = reply_bytes(driver, SMALL)
    assert not any(Reply().feed(data[:size]) for size in range(len(data)))


def test_reply_that_asks_for_a_file_raises() -> None:
    with pytest.raises(pymysql.err.OperationalError):
        Reply().feed(b"\x06\0\0\x01\xfb/file")


# --- replies that break the protocol


def packets(data: bytes) -> list[bytes]:
    """The packets of a reply, without their headers."""
    found, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 3], "little")
        found.append(data[at + 4 : end])
        at = end
    return found


def joined(packets: list[bytes]) -> bytes:
    """The reply that consists of packets."""
    return b"".join(len(one).to_bytes(3, "little") + bytes([n & 0xFF]) + one for n, one in enumerate(packets, 1))


def lengths(packet: bytes, strings: int) -> Iterator[int]:
    """Where the lengths of a packet's first strings stand, and 0xFB for NULL."""
    at = 0
    for _ in range(strings):
        yield at
        if packet[at] == 0xFB:
            at += 1
        else:
            length, at = read_length(packet, at)
            at += length


def mutations(data: bytes) -> Iterator[tuple[str, bytes]]:
    """A reply with one fault: a byte that is no content changed, a packet cut, extended, left out or doubled."""
    parts = packets(data)
    width = parts[0][0] if len(parts) > 1 else 0
    at = 0
    for number, part in enumerate(parts):
        if not width:
            # the rows affected and the last id are content
            places = [0]
        elif number in (0, width + 1, len(parts) - 1):
            places = [0]
        else:
            places = list(lengths(part, 6 if number <= width else width))
        for place in [*(at + n for n in range(4)), *(at + 4 + place for place in places)]:
            for byte in range(256):
                # no value and an empty one differ by content
                if byte != data[place] and {byte, data[place]} != {0, 0xFB}:
                    yield f"byte {place}: {byte}", data[:place] + bytes([byte]) + data[place + 1 :]
        at += 4 + len(part)
        before, after = parts[:number], parts[number + 1 :]
        for size in range(len(part)):
            yield f"packet {number} cut to {size}", joined([*before, part[:size], *after])
        for more in (b"\0", b"\1x", b"\xfb", b"\xfe\0\0\2\0"):
            if width:
                yield f"packet {number} and {more!r}", joined([*before, part + more, *after])
        yield f"packet {number} left out", joined([*before, *after])
        if number <= width:
            yield f"packet {number} doubled", joined([*before, part, part, *after])
        for more in (b"\0", part):
            yield f"packet {number} said again", data[:at] + joined([more]) + data[at:]


def read(data: bytes, size: int) -> tuple[Any, ...] | None:
    """The columns and values of a whole reply; None where it is not whole, or an error."""
    reply = Reply()
    try:
        if (found := read_ok(data)) is not None:
            return found[0].affected, found[0].columns, []
        for start in range(0, len(data), size):
            if reply.feed(data[start : start + size]):
                return reply.result.affected, reply.result.columns, values(reply.result)
    except (pymysql.err.MySQLError, LookupError, ValueError, struct.error):
        pass
    return None


@pytest.mark.parametrize("statement", [SMALL, "SELECT 1", "DO 1", "SELECT 1 AS a FROM DUAL HAVING a = 2"])
def test_reply_with_a_fault_gives_the_same_values_or_an_error(driver: Any, statement: str) -> None:
    data = reply_bytes(driver, statement)
    expected = read(data, len(data))
    assert expected is not None
    rows = len(packets(data)) - len(expected[1]) - 3
    for what, faulty in mutations(data):
        for size in (len(faulty), 7):
            found = read(faulty, size)
            if found is not None and what.endswith("left out") and len(found[2]) < rows:
                # packets that count on: nobody can know of the row
                continue
            assert found in (None, expected), what


BROKEN_ROWS = {
    "empty": b"",
    "a field too few": b"\1a",
    "a field too many": b"\1a\1b\1c",
    "a byte too many": b"\1a\1b\0",
    "a field that ends behind it": b"\1a\2b",
    "a length that ends behind it": b"\1a\xfc\1",
    "a length of 2**63": b"\1a\xfe" + struct.pack("<Q", 1 << 63),
    "no length": b"\1a\xffb",
}


@pytest.mark.parametrize("row", BROKEN_ROWS.values(), ids=BROKEN_ROWS)
def test_row_that_does_not_fill_its_packet_raises(row: bytes) -> None:
    with pytest.raises(ValueError, match="None"):
        list(parse_rows([row], (bytes, bytes)))


FIELDS = {"str": b"\1a", "int": b"\0011", "bytes": b"\1a", "datetime": b"\x132030-01-02 12:00:00", "Any": b"\2{}"}
"""A field of each type."""


@pytest.mark.parametrize("record", [Event, Hub, Certificate])
def test_decode_row_that_breaks_the_protocol_is_unavailable(record: Any) -> None:
    spec = next(spec for spec in load_specs().values() if spec.record is record)
    row = b"".join(FIELDS[column.type] for column in columns(record))
    result = Result(0, record.__struct_encode_fields__, [row + b"\1a"])
    with pytest.raises(UnavailableError) as raised:
        spec.decode(result)
    assert raised.value.errno == 2014


@pytest.mark.parametrize("record", [Event, PublishedEvent, ScheduledEvent, Hub, Certificate])
def test_decode_null_where_the_record_has_none_is_a_schema_error(record: Any) -> None:
    spec = next(spec for spec in load_specs().values() if spec.record is record)
    for number, column in enumerate(columns(record)):
        row = [FIELDS[one.type] for one in columns(record)]
        row[number] = b"\xfb"
        result = Result(0, record.__struct_encode_fields__, [b"".join(row)])
        if column.nullable:
            assert getattr(spec.decode(result)[0], record.__struct_fields__[number]) is None
        else:
            with pytest.raises(SchemaError, match=f"gives NULL for {column.name}"):
                spec.decode(result)


def test_decode_null_scalar_is_a_schema_error() -> None:
    with pytest.raises(SchemaError, match="gives NULL for cpid"):
        load_specs()["event_cpid.read_by_event_id"].decode(Result(0, ("cpid",), [b"\1a", b"\xfb"]))


def test_decode_of_a_reply_without_columns_is_a_schema_error() -> None:
    with pytest.raises(SchemaError, match="columns"):
        load_specs()["event_cpid.read_by_event_id"].decode(Result(0, (), []))


# 4031, of a server that has closed the connection meanwhile, says so unasked
@pytest.mark.parametrize(("number", "errno"), [(0, 4031), (1, 4031), (2, None)])
def test_reply_error_unasked_is_taken_and_one_out_of_order_is_not(number: int, errno: int | None) -> None:
    data = b"\xff" + struct.pack("<H", 4031) + b"#HY000closed"
    with pytest.raises(pymysql.err.OperationalError) as raised:
        Reply().feed(len(data).to_bytes(3, "little") + bytes([number]) + data)
    assert raised.value.args[0] == (errno or 2014)


def literal(value: Any) -> str:
    """A value as SQL."""
    return "NULL" if value is None else f"X'{value.hex()}'"


table = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.none() | st.binary(max_size=300), min_size=width, max_size=width), min_size=1, max_size=8
    )
)


@slowly
@given(rows=table, size=st.integers(1, 700))
def test_rows_are_those_of_the_drivers_reader(driver: Any, rows: list[list[bytes | None]], size: int) -> None:
    columns = [", ".join(f"CAST({literal(value)} AS BINARY) AS c{n}" for n, value in enumerate(row)) for row in rows]
    statement = " UNION ALL ".join(f"SELECT {text}" for text in columns)
    result = fed(reply_bytes(driver, statement), size).result
    assert values(result) == by_driver(driver, statement) == rows


@given(number=st.integers(0, 2**64 - 1))
def test_read_length_reads_what_the_driver_reads(number: int) -> None:
    for mark, layout, limit in LENGTHS:
        if number < limit:
            data = mark + struct.pack(layout, number)
            packet = pymysql.protocol.MysqlPacket(data, "utf8")
            assert read_length(b"?" + data + b"??", 1) == (packet.read_length_encoded_integer(), 1 + len(data))
    if number < 1 << 24:
        assert read_length(b"\xfd" + number.to_bytes(3, "little"), 0) == (number, 4)


# --- values, against the plain ways to read them

moments = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59))


@slowly
@given(moment=moments, digits=st.sampled_from([0, 1, 3, 6]))
def test_parse_datetime_is_the_drivers_in_utc(driver: Any, moment: datetime, digits: int) -> None:
    text = moment.isoformat(" ", "microseconds")
    statement = f"SELECT CAST('{text[: 20 + digits] if digits else text[:19]}' AS DATETIME({digits})) AS t"
    ((data,),) = values(fed(reply_bytes(driver, statement), 9).result)
    driver.query(statement)
    ((expected,),) = driver._result.rows
    driver._result = None
    assert parse_datetime(data) == expected.replace(tzinfo=UTC)
    assert parse_datetime(data).tzinfo is UTC


leaves = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
documents = st.recursive(
    leaves, lambda more: st.lists(more) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), more)
)


@given(value=documents, ascii=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_decode_json_is_pythons_own_reader(value: Any, ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    assert repr(decode_json(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text",
    ["1e308", "1E-320", "-0.0", "123456789012345678901234567890", "-9223372036854775808", "18446744073709551615",
     "0.1", "1.0", "1e5", '"\\ud83d\\ude00"', '"\\u0000"', '"\\/\\b\\f\\n\\r\\t"', '"\\ud800"', " [ 1 , 2 ] ",
     '{"a": 1, "a": 2}'],
)  # fmt: skip
def test_decode_json_corner(text: str) -> None:
    assert repr(decode_json(text.encode())) == repr(json.loads(text))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_collector_paused_by_another_thread_runs_in_a_forked_child() -> None:
    entered, done = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        done.wait(20)

    thread = threading.Thread(target=PAUSE.during, args=(work,))
    thread.start()
    try:
        entered.wait(20)
        child = os.fork()
        if child == 0:
            os._exit(0 if gc.isenabled() else 1)
        assert os.waitpid(child, 0)[1] == 0
        PAUSE.during(lambda: None)
        assert not gc.isenabled()
    finally:
        done.set()
        thread.join()
    assert gc.isenabled()


@slowly
@given(datas=st.lists(documents, min_size=1, max_size=6))
def test_events_read_in_bulk_are_those_read_plainly(settings: Settings, driver: Any, datas: list[Any]) -> None:
    with EventflowDB(settings) as db:
        ids = db.persist_events([{"domain": "d", "pid": "p", "name": "n", "data": data} for data in datas])
        try:
            found = db.read_events_by_domain_and_pid("d", "p")
            assert [event.id for event in found] == sorted(ids)
            with driver.cursor() as cursor:
                cursor.execute(f"SELECT id, timestamp, rid, data FROM `{settings.database}`.event ORDER BY id")
                plain = [(id, at.replace(tzinfo=UTC), rid, json.loads(data)) for id, at, rid, data in cursor]
            assert [(e.id, e.timestamp, e.rid, e.data) for e in found] == plain
        finally:
            db.delete_event_by_domain_and_pid("d", "p")


LARGE: list[tuple[str, Callable[[], Any]]] = [
    ("251 bytes", lambda: "x" * 251),
    ("64 KiB", lambda: ["x" * 64 * KIB, None, {"key": "y" * 64 * KIB}]),
    ("12 MB", lambda: "z" * 12_000_000),
]


@pytest.mark.parametrize("make", [make for _, make in LARGE], ids=[name for name, _ in LARGE])
def test_event_of_any_size_comes_back_equal(db: EventflowDB, make: Callable[[], Any]) -> None:
    data = make()
    id = db.persist_event({"domain": "d", "pid": "p", "name": "n", "data": data})
    assert db.read_event(id).data == data
