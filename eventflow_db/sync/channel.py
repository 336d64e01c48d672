# Generated from eventflow_db/aio/channel.py by scripts/generate; do not edit.
"""A connection as the API uses it: set up, its server known, one call at a time."""

from __future__ import annotations

import struct
import time
from ssl import SSLContext
from typing import Any, Final

import pymysql.err
from pymysql.constants import SERVER_STATUS

from ..driver.errnos import errno_of, meaning, translate
from ..driver.reply import Reply, first_number, read_ok
from ..driver.setup import session_statements
from ..driver.sync import Transport
from ..errors import AccessDeniedError
from ..foreign import is_foreign
from ..hosts import ROLE, ROLE_WITHOUT_MEMBERS, Hosts
from ..query.rows import Result, parse_rows
from ..query.spec import QuerySpec
from ..query.statement import Call
from ..settings import Settings, destination

_FACTS: Final = (
    "SELECT @@SESSION.max_allowed_packet, @@innodb_rollback_on_timeout,"
    " CONCAT_WS('/', @@hostname, @@port, @@server_id), {role}"
)
"""What a connection asks when it opens: the longest statement, what 1205 undoes, which server this is and its role."""
_GROUP_LIMIT: Final = b"SHOW GLOBAL VARIABLES LIKE 'group_replication_transaction_size_limit'"
_SINGLE_PRIMARY: Final = b"SHOW GLOBAL VARIABLES LIKE 'group_replication_single_primary_mode'"
_CLUSTER: Final = b"SHOW GLOBAL VARIABLES WHERE variable_name IN ('group_replication_group_name', 'wsrep_on')"
"""What a member of a cluster has; also one that has left it, whose locks the others would not know either."""
_LARGE: Final = 1 << 16
"""Bytes from which on a statement may be more than a group takes."""
_TEXTS: Final = (bytes.decode, bytes.decode)
_AUTOCOMMIT: Final = SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT
_IN_TRANSACTION: Final = SERVER_STATUS.SERVER_STATUS_IN_TRANS
_MALFORMED: Final = (LookupError, ValueError, AssertionError, struct.error)
"""What the drivers and our reader raise where a server breaks the protocol."""
_UPTIME: Final = b"SHOW GLOBAL STATUS LIKE 'Uptime'"


class Channel(Transport):
    """A connection that calls are sent through."""

    packet_limit: int | None = None
    """Bytes from which on the server refuses a statement; None where that is not known yet."""
    rolls_back_on_timeout = False
    """Whether 1205 undoes the whole transaction: the server's innodb_rollback_on_timeout."""
    read_timeout: float | None = None
    """Seconds without a byte from the server after which it counts as lost."""
    used = 0.0
    """When it last answered, by the monotonic clock."""
    _hosts: Hosts | None = None
    """What its server has to be; None where any will do."""
    _server = ""
    _group_limit: int | None = None
    _sent = 0
    """Bytes of the statements of the transaction so far."""

    @classmethod
    def open(cls, hosts: Hosts, context: SSLContext | None, timeout: float | None = None, slot: Any = None) -> Channel:
        """Connect to a server that is as wanted, authenticate and set the session up.

        All within `timeout` seconds, or connect_timeout.
        """
        until = time.monotonic() + (timeout or hosts.settings.connect_timeout)
        asked = hosts if hosts.has_wish else None
        failures: list[tuple[Settings, pymysql.err.Error]] = []
        for server in hosts.in_order():
            if (left := until - time.monotonic()) <= 0:
                break
            try:
                channel = cls.connect_to(server, context, min(left, server.connect_timeout), slot, asked)
                hosts.note(server, failed=False)
                return channel
            except pymysql.err.Error as error:
                if is_foreign(error):
                    raise
                hosts.note(server, failed=True)
                failures.append((server, error))
        hosts.is_away = True
        for _, failure in failures:
            # an account that one of them refuses is not one to wait for
            if len(hosts.servers) == 1 or meaning(failure.args[0]).error is AccessDeniedError:
                raise failure
        raise hosts.failure(failures)

    @classmethod
    def connect_to(
        cls, server: Settings, context: SSLContext | None, timeout: float, slot: Any = None, hosts: Hosts | None = None
    ) -> Channel:
        """Connect to this server within so many seconds; hosts: what it has to be."""
        try:
            return cls._connect(server, context, timeout, slot, hosts)
        except pymysql.err.Error as error:
            error.destination = destination(server)
            raise

    @classmethod
    def _connect(
        cls, settings: Settings, context: SSLContext | None, timeout: float, slot: Any, hosts: Hosts | None
    ) -> Channel:
        channel = cls(cls.connection_of(settings, context), settings)
        channel._hosts = hosts
        channel.slot = slot
        channel.read_timeout = settings.read_timeout
        try:
            with channel.within(timeout):
                channel.connect()
                for statement in session_statements(settings):
                    channel.send(statement)
                channel._ask_facts()
        except (OSError, EOFError, *_MALFORMED) as error:
            channel.abort()
            if is_foreign(error):
                raise
            text = str(error.args[-1]) if isinstance(error, OSError) and error.args else type(error).__name__
            raise pymysql.err.OperationalError(errno_of(error, connecting=True), text) from None
        except BaseException:
            channel.abort()
            raise
        return channel

    def _ask_facts(self) -> None:
        """Ask which server this is, and refuse it where it is not what the settings want."""
        hosts = self._hosts
        try:
            facts = self.send(_FACTS.format(role="''" if hosts is None else ROLE).encode())
        except pymysql.err.Error as error:
            if error.args[0] != 1142:
                raise
            facts = self.send(_FACTS.format(role=ROLE_WITHOUT_MEMBERS).encode())
        ((self.packet_limit, self.rolls_back_on_timeout, self._server, role),) = parse_rows(
            facts.rows, (int, lambda flag: flag == b"1", bytes.decode, bytes.decode), range(4)
        )
        if hosts is not None and (refusal := hosts.refusal(role)) is not None:
            raise pymysql.err.OperationalError(2003, refusal)

    @property
    def is_autocommitting(self) -> bool:
        """Whether each statement is a transaction of its own."""
        status: int = self.connection.server_status
        return bool(status & (_AUTOCOMMIT | _IN_TRANSACTION) == _AUTOCOMMIT)

    def run(self, call: Call, until: float | None = None) -> Result:
        """Send the statement of a call, within its time limit; until: when to give up, by the monotonic clock."""
        if self.settings is not None:
            limit = self.settings.ddl_timeout if call.spec.timeout == "ddl" else self.read_timeout
            self.limit(limit)
        if self.packet_limit is not None and len(call.text) >= self.packet_limit:
            # the server would close the connection, and the lost connection invite to send it again
            raise pymysql.err.DataError(1153, "larger than max_allowed_packet, not sent")
        self._sent = len(call.text) + (0 if self.is_autocommitting else self._sent)
        if self._sent >= _LARGE and self.settings is not None and call.spec.writes:
            return self._send_large(call.text, until)
        if call.spec.timeout == "ddl":
            return self._send_ddl(call.text, until)
        return self._send(call.text, until)

    def _send(self, statement: bytes, until: float | None) -> Result:
        return self.send(statement) if until is None else self._send_until(statement, until)

    def _send_ddl(self, statement: bytes, until: float | None) -> Result:
        if self.has_several_primaries():
            raise pymysql.err.NotSupportedError(3092, "a group with several primaries, not sent")
        return self._send(statement, until)

    def has_several_primaries(self) -> bool:
        """Whether the server's group has them: changes of tables through two members could end all of it.

        Source: https://dev.mysql.com/doc/refman/9.7/en/group-replication-limitations.html
        """
        return any(value == "OFF" for _, value in parse_rows(self.send(_SINGLE_PRIMARY).rows, _TEXTS))

    def _send_large(self, statement: bytes, until: float | None) -> Result:
        """Send what may be more than the server's group takes in one transaction, unless it is."""
        if self._group_limit is None:
            found = parse_rows(self.send(_GROUP_LIMIT).rows, (bytes.decode, int))
            self._group_limit = next((limit for _, limit in found), 0)
        if 0 < self._group_limit <= self._sent:
            # the group would refuse it at the end, by an error that has other reasons too
            raise pymysql.err.DataError(3231, "larger than group_replication_transaction_size_limit, not sent")
        return self._send(statement, until)

    def _send_until(self, statement: bytes, until: float) -> Result:
        try:
            with self.within(max(until - time.monotonic(), 0.001)):
                return self.send(statement)
        except TimeoutError as error:
            if is_foreign(error):
                raise
            self.gave_up = True
            raise pymysql.err.OperationalError(2013, "no reply in time") from None

    def send(self, statement: bytes) -> Result:
        """Send a statement and read its result."""
        try:
            self.write(statement)
            data = self.read()
            if (found := read_ok(data)) is None:
                reply = Reply(first_number(statement))
                while not reply.feed(data):
                    data = self.read(more=True)
                found = reply.result, reply.status
        except _MALFORMED as error:
            self.abort()
            if is_foreign(error):
                raise
            # its message may hold a value
            text = f"the server breaks the protocol ({type(error).__name__})"
            raise pymysql.err.OperationalError(2014, text) from None
        except BaseException as error:
            # what the server says is a whole reply; the rest of any other would meet the next user
            if not isinstance(error, pymysql.err.MySQLError) or is_foreign(error) or meaning(error.args[0]).lost:
                self.abort()
            raise
        result, self.connection.server_status = found
        self.used = time.monotonic()
        return result

    def ping(self, timeout: float) -> None:
        """Have the server answer within so many seconds, and, of several, be what the settings want."""
        self.limit(timeout)
        try:
            with self.within(timeout):
                if self._hosts is None:
                    self.connection.ping(reconnect=False)
                else:
                    self._ask_facts()
        except (OSError, EOFError, *_MALFORMED) as error:
            if is_foreign(error):
                raise
            self.gave_up = isinstance(error, TimeoutError)
            raise pymysql.err.OperationalError(2013, f"no answer ({type(error).__name__})") from None
        self.used = time.monotonic()

    def is_in_cluster(self, spec: QuerySpec) -> bool:
        """Whether its server is one of several that make a cluster. Raises: as read_row, with the errors of a query."""
        found = parse_rows(self._read(Call(spec, _CLUSTER)).rows, _TEXTS)
        return any(value not in ("", "OFF") for _, value in found)

    def read_row(self, call: Call) -> Any:
        """The one row of a call: a record or a value.

        Raises: EventflowDBError of the query; a lost connection is an UnavailableError, for it holds nothing.
        """
        return call.spec.decode(self._read(call))[0]

    def _read(self, call: Call) -> Result:
        try:
            return self.run(call)
        except pymysql.err.Error as error:
            failure = translate(error, call.spec)
        raise failure

    def cancel(self, other: Channel) -> None:
        """End the statement that the server may still be at for another connection, within connect_timeout.

        Not where this is another server, or one that was restarted: its number would be someone else's now.
        """
        assert self.settings is not None
        self.limit(self.settings.connect_timeout)
        thread = other.connection.thread_id()
        (_, uptime), *_ = parse_rows(self.send(_UPTIME).rows, (bytes.decode, int))
        restarted = uptime + 1 < time.monotonic() - other.opened or self.connection.thread_id() < thread
        if self._server == other._server and not restarted:
            try:
                self.send(b"KILL QUERY %d" % thread)
            except pymysql.err.MySQLError as error:
                # 1094: it has gone
                if error.args[0] != 1094:
                    raise
