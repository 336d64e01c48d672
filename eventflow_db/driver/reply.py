"""One statement in the protocol: its packet, and the reply from the bytes as they arrive, rows as they came.

The drivers read packet by packet and turn every value into an object, which costs more than the server's
work for it. This reads the same text protocol (without CLIENT_DEPRECATE_EOF and compression, which neither
driver asks for): https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
"""

from __future__ import annotations

from typing import Final

import pymysql.err
from pymysql.constants import COMMAND, SERVER_STATUS

from ..query.rows import Result, read_length

_FULL: Final = 0xFFFFFF
"""The length of a packet that the next one continues."""
_QUERY: Final = bytes([COMMAND.COM_QUERY])
LONGEST: Final = _FULL - 2
"""Bytes of a statement, at the most, that goes into one packet."""


def packet(statement: bytes) -> bytes:
    """The one packet of a statement of at most LONGEST bytes."""
    return (len(statement) + 1).to_bytes(4, "little") + _QUERY + statement


def read_ok(data: bytes) -> tuple[Result, int] | None:
    """The result and status flags of a reply that is one small OK packet, the most frequent; None for any other."""
    if (
        len(data) > 10
        and data[4] == 0x00
        # rows affected and the last id, in one byte each
        and data[5] < 0xFB > data[6]
        and data[0] + 4 == len(data)
        and not data[1] | data[2]
        and not data[7] & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS
    ):
        return Result(data[5], (), []), data[7] | data[8] << 8
    return None


class Reply:
    """One reply. `feed` it until it is complete; a server's error is raised as the driver's exception."""

    __slots__ = ("_affected", "_columns", "_continued", "_expected", "_missing", "_parts", "_rows", "status")

    def __init__(self) -> None:
        self.status = 0
        """The server's status flags, once it is complete."""
        self._affected = 0
        self._columns: list[str] = []
        self._rows: list[bytes] = []
        self._parts: list[bytes] = []
        self._missing = 4
        """Bytes until the next packet, or its length, is whole; `_parts` are those that came."""
        self._continued = b""
        self._expected = -1
        """Packets before the rows: -1 not known yet, 0 none, else column definitions and their end."""

    @property
    def result(self) -> Result:
        """What was read."""
        return Result(self._affected, tuple(self._columns), self._rows)

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
        position, end = 0, len(data)
        while True:
            start = position + 4
            if start > end:
                self._missing = start - end
                break
            length = data[position] | data[position + 1] << 8 | data[position + 2] << 16
            if start + length > end:
                self._missing = start + length - end
                break
            position = start + length
            packet = data[start:position]
            if length == _FULL or self._continued:
                self._continued += packet
                if length == _FULL:
                    continue
                packet, self._continued = self._continued, b""
            if self._expected == 0 and packet[0] < 0xFE:
                self._rows.append(packet)
            elif self._take(packet):
                if position != end:
                    raise pymysql.err.OperationalError(2014, "the server said more than its reply")
                return True
        if position < end:
            self._parts = [data[position:]]
        return False

    def _take(self, packet: bytes) -> bool:
        """Take a packet that is no row, or looks like none; True for the last one."""
        kind = packet[0]
        if kind == 0xFF:
            pymysql.err.raise_mysql_exception(packet)
        if self._expected == -1:
            if kind == 0x00:
                self._affected, position = read_length(packet, 1)
                _, position = read_length(packet, position)
                return self._end(packet[position:])
            if kind == 0xFB:
                raise pymysql.err.OperationalError(2068, "the server asks for a file of this machine")
            if kind > 0xFA:
                raise pymysql.err.OperationalError(2014, "the server breaks the protocol")
            self._expected = read_length(packet, 0)[0] + 1
        elif self._expected > 1:
            self._expected -= 1
            self._columns.append(_column_name(packet))
        elif self._expected == 1:
            self._expected = 0
        elif len(packet) < 9:
            self._affected = len(self._rows)
            return self._end(packet[3:])
        else:
            # its first value has 16 MB or more
            self._rows.append(packet)
        return False

    def _end(self, status: bytes) -> bool:
        self.status = status[0] | status[1] << 8
        if self.status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
            raise pymysql.err.OperationalError(2014, "the server gives more than one result")
        return True


def _column_name(packet: bytes) -> str:
    """The fifth string of a column definition, behind catalogue, schema, table and original table."""
    position = 0
    for _ in range(4):
        length, position = read_length(packet, position)
        position += length
    length, position = read_length(packet, position)
    return packet[position : position + length].decode()
