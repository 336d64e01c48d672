"""One statement in the protocol: its packet, and the reply from the bytes as they arrive, rows as they came.

The drivers read packet by packet and turn every value into an object, which costs more than the server's
work for it. This reads the same text protocol (without CLIENT_DEPRECATE_EOF and compression, which neither
driver asks for): https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

import pymysql.err
from pymysql.constants import COMMAND, SERVER_STATUS

from ..query.rows import Result, read_length

_FULL: Final = 0xFFFFFF
"""The length of a packet that the next one continues."""
_END_LENGTH: Final = 5
"""Of the packet that ends column definitions, or rows."""
_LONGEST_DEFINITION: Final = 4096
"""Bytes of a column's definition, whose names have limits, at the most."""
_header: Final = Struct("<I").unpack_from
"""A packet's length in three bytes, and its number in one."""
_QUERY: Final = bytes([COMMAND.COM_QUERY])
LONGEST: Final = _FULL - 2
"""Bytes of a statement, at the most, that goes into one packet."""


def packet(statement: bytes) -> bytes:
    """The one packet of a statement of at most LONGEST bytes."""
    return (len(statement) + 1).to_bytes(4, "little") + _QUERY + statement


def first_number(statement: bytes) -> int:
    """The number of the first packet of the reply to a statement: the packets of both count on."""
    return (len(statement) + 1) // _FULL + 1


def read_ok(data: bytes) -> tuple[Result, int] | None:
    """The result and status flags of a reply that is one small OK packet, the most frequent; None for any other."""
    if (
        len(data) > 10
        and data[4] == 0x00
        # rows affected and the last id, in one byte each
        and data[5] < 0xFB > data[6]
        and data[0] + 4 == len(data)
        and not data[1] | data[2]
        and data[3] == 1
        and not data[7] & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS
    ):
        return Result(data[5], (), []), data[7] | data[8] << 8
    return None


class Reply:
    """One reply. `feed` it until it is complete; a server's error is raised as the driver's exception.

    What breaks the protocol raises OperationalError (2014), LookupError, ValueError or struct.error: fields that
    do not fill their packet, packets out of order, too few or too many.
    """

    __slots__ = (
        "_affected",
        "_columns",
        "_continued",
        "_expected",
        "_kinds",
        "_missing",
        "_number",
        "_parts",
        "_rows",
        "status",
    )

    def __init__(self, number: int = 1) -> None:
        self.status = 0
        """The server's status flags, once it is complete."""
        self._affected = 0
        self._columns: list[str] = []
        self._kinds: list[str] = []
        self._rows: list[bytes] = []
        self._parts: list[bytes] = []
        self._missing = 4
        """Bytes until the next packet, or its length, is whole; `_parts` are those that came."""
        self._continued = b""
        self._number = number & 0xFF
        """The next packet's."""
        self._expected = -1
        """Packets before the rows: -1 not known yet, 0 none, else column definitions and their end."""

    @property
    def result(self) -> Result:
        """What was read."""
        return Result(self._affected, tuple(self._columns), self._rows, tuple(self._kinds))

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True when the reply is complete."""
        if len(data) < self._missing:
            # joined once there is enough, or a long row would be copied again and again
            self._parts.append(data)
            self._missing -= len(data)
            return False
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts = []
        # rows are many: locals, where attributes would do
        position, end, number, expected = 0, len(data), self._number, self._expected
        continued, add = self._continued, self._rows.append
        while True:
            start = position + 4
            if start > end:
                self._missing = start - end
                break
            header = _header(data, position)[0]
            length = header & _FULL
            position = start + length
            if position > end:
                self._missing = position - end
                position = start - 4
                break
            packet = data[start:position]
            # 0 is the number of what a server says unasked: that it closes the connection
            if header >> 24 != number and (header > _FULL or packet[:1] != b"\xff"):
                raise _broken("a packet out of order")
            number = number + 1 & 0xFF
            if length == _FULL or continued:
                continued += packet
                if length == _FULL:
                    continue
                packet, continued = continued, b""
            if expected == 0 and packet[0] < 0xFE:
                add(packet)
            elif self._take(packet, position == end):
                return True
            else:
                expected = self._expected
        if position < end:
            self._parts = [data[position:]]
        self._number, self._continued = number, continued
        return False

    def _take(self, packet: bytes, is_last: bool) -> bool:
        """Take a packet that is no row, or looks like none; True for the end of the reply."""
        kind = packet[0]
        if kind == 0xFF:
            if not is_last:
                raise _broken("more than its reply")
            _raise(packet)
        if self._expected == -1:
            if kind == 0x00:
                self._affected, position = read_length(packet, 1)
                _, position = read_length(packet, position)
                return self._end(packet[position : position + 4], 4, is_last)
            if kind == 0xFB:
                raise pymysql.err.OperationalError(2068, "the server asks for a file of this machine")
            if kind > 0xFA or len(packet) > 1:
                raise _broken("no number of columns")
            self._expected = kind + 1
        elif self._expected > 1:
            self._expected -= 1
            name, kind_of_values = _column(packet)
            self._columns.append(name)
            self._kinds.append(kind_of_values)
        elif kind == 0xFE and len(packet) == _END_LENGTH:
            if self._expected == 0:
                self._affected = len(self._rows)
                return self._end(packet[3:], 2, is_last)
            self._expected = 0
        elif self._expected == 0 and len(packet) > _FULL:
            # its first value has 16 MB or more
            self._rows.append(packet)
        else:
            raise _broken("no end of the columns, or of the rows")
        return False

    def _end(self, status: bytes, length: int, is_last: bool) -> bool:
        if len(status) != length:
            raise _broken("no status")
        self.status = status[0] | status[1] << 8
        if self.status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS or not is_last:
            raise _broken("more than its reply")
        return True


def _broken(what: str) -> pymysql.err.OperationalError:
    return pymysql.err.OperationalError(2014, f"the server breaks the protocol: {what}")


def _raise(packet: bytes) -> None:
    """Raise the error of a packet, as the driver's exception."""
    number = int.from_bytes(packet[1:3], "little")
    if 2000 <= number < 3000:
        # a client's, such as 2006, from a proxy that has lost its server, and cannot know what became of the statement
        raise pymysql.err.OperationalError(2013, f"something before the server lost its connection ({number})")
    pymysql.err.raise_mysql_exception(packet)


_KINDS: Final = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), "int"), **dict.fromkeys((4, 5), "float"), **dict.fromkeys((0, 246), "Decimal"),
    **dict.fromkeys((7, 12), "datetime"), 10: "date", 245: "Any", 16: "bytes", 255: "bytes",
}  # fmt: skip
"""What values of the server's types are in Python; of all others text, or bytes where they have no character set."""
_BINARY: Final = 63


@lru_cache(512)
def _column(packet: bytes) -> tuple[str, str]:
    """The name of a column, and what its values are.

    They are the fifth of six strings, and among the 12 bytes behind these and behind their number.
    """
    names = []
    position = 0
    for _ in range(6):
        length, position = read_length(packet, position)
        names.append(packet[position : position + length])
        position += length
    if position + 13 != len(packet) or packet[position] != 12 or len(packet) > _LONGEST_DEFINITION:
        raise _broken("no definition of a column")
    charset, kind = packet[position + 1] | packet[position + 2] << 8, packet[position + 7]
    return names[4].decode(), _KINDS.get(kind) or ("bytes" if charset == _BINARY and kind != 11 else "str")
