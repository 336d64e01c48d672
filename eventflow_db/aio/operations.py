"""The operations that are more than one query: ids, batches, pages, partitions."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..errors import (
    AccessDeniedError,
    DuplicateError,
    EventflowDBError,
    InvalidValueError,
    SchemaError,
    UnavailableError,
)
from ..hosts import ROLE, ROLE_WITHOUT_MEMBERS
from ..identifiers import generate_event_id
from ..inputs import NewCertificate, NewEvent, NewLog
from ..query.parameters import COLD_PARTITION, partition_name, refusals, utc_day
from ..query.rows import parse_rows
from ..query.spec import QuerySpec
from ..query.statement import Call
from ..query.tagged import log_error, plain_log, revived
from ..query.tagged import serialize as to_tagged
from ..records import Certificate, Event, Log
from ..redact import redacting_all
from .caller import values_of
from .publications import AsyncPublications
from .retention import AsyncRetention
from .status import AsyncReport

if TYPE_CHECKING:
    from .lock import AsyncLock

PAGE: Final = 1000
"""Rows of a page when events are iterated over."""
_BEGINNING: Final = (datetime(1000, 1, 1, tzinfo=UTC), "")


@redacting_all
class AsyncSession(AsyncPublications, AsyncRetention, AsyncReport):
    """Every operation, on the connection or connections of a subclass.

    Datetimes go in aware and come out aware in UTC. Identifiers are text of 1 to 64 characters without white
    space around it, compared exactly. Every method raises an EventflowDBError with the code that it names:
    InvalidValueError, naming each bad key, before anything is sent; the other classes as `errors` says.
    """

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction over several operations: see AsyncEventflowDB.transaction (E_EVENTFLOW_DB_TRANSACTION)."""
        raise NotImplementedError

    def lock(self, reference: str, timeout: int = 30) -> AbstractAsyncContextManager[AsyncLock]:
        """Hold a named lock, one holder at a time: see AsyncEventflowDB.lock (E_EVENTFLOW_DB_LOCK)."""
        raise NotImplementedError

    def _refuse_commit(self, spec: QuerySpec) -> None:
        """Raise where what commits implicitly, or needs a connection of its own, is out of place."""

    async def ping(self, *, timeout: float | None = None, writable: bool = False) -> None:
        """Have the server answer, over a new connection if there is none.

        timeout: seconds for all of that, after which it counts as unavailable; None: as the settings say. On a
        connection of from_connection its own time limits hold. writable: whether it has to take writes, too: not
        read-only, and of a cluster with most of the other members. That is what the server knows; it writes nothing.

        Raises: UnavailableError, which says why it takes no writes, and others; InvalidValueError for what is no
        timeout (E_EVENTFLOW_DB_PING).
        """
        call = self._sql.session.ping.statement.call({})
        if timeout is None:
            until = None
        elif type(timeout) in (int, float) and 0 < timeout <= 31536000:
            until = time.monotonic() + timeout
        else:
            raise call.spec.invalid("timeout: must be seconds, more than 0 and at most 31536000, or None")
        if not writable:
            await self._run(call, until)
        elif role := await self._role(call.spec, until):
            raise call.spec.failure(UnavailableError, f"the server {role}")

    async def _role(self, spec: QuerySpec, until: float | None) -> str:
        """Why the server takes no writes; an empty text where it does."""
        try:
            result = await self._run(Call(spec, f"SELECT {ROLE}".encode()), until)
        except AccessDeniedError:
            result = await self._run(Call(spec, f"SELECT {ROLE_WITHOUT_MEMBERS}".encode()), until)
        ((role,),) = parse_rows(result.rows, (bytes.decode,))
        return str(role)

    # --- tables

    async def setup_table_schemas(self) -> None:
        """Create every table that is missing. Safe to run again, and from many processes at once.

        Raises: SchemaError naming the tables on which operations would fail or compare inexactly
        (E_EVENTFLOW_DB_SETUP_TABLE_SCHEMAS); others (E_EVENTFLOW_DB_CREATE_TABLE_…, E_EVENTFLOW_DB_LOCK);
        InvalidValueError inside a transaction.
        """
        # before the lock, so that a server that cannot be asked is told by its code: it refers to no other table
        await self.create_table_certificate()
        # which the lock needs in a cluster
        await self.create_table_lease()
        failure = None
        async with self.lock("eventflow-db setup", 300):
            try:
                await self.create_table_hub()
                await self.create_table_event()
                await self.create_table_event_cpid()
                await self.create_table_event_eid()
                await self.create_table_event_published()
                await self.create_table_event_scheduled()
                await self.create_table_log()
            except SchemaError as error:
                # the tables that are there may be why
                failure = error
            query = self._sql.session.read_unfit_tables
            if unfit := await query(self):
                text = f"operations would fail or compare inexactly on {', '.join(unfit)}: eventflow-db upgrade"
                raise query.statement.spec.failure(SchemaError, text) from failure
        if failure is not None:
            raise failure

    async def call(self, name: str, /, **parameters: Any) -> Any:
        """Run a query by its name: one that an overlay adds, or one of the package's.

        name: `<table>.<query>`, as `eventflow-db queries` lists them. parameters: the query's. Gives what it says that
        it returns: a list for `Event*`, a record or None for `Event?`, dicts of the columns for `row*`, a value for
        `int`, for a write whether a row was changed, or how many.

        Raises: InvalidValueError where there is no such query, or it does not read or write rows
        (E_EVENTFLOW_DB_CALL); others (the query's own code).
        """
        query: Any = None
        if re.fullmatch(r"[a-z]\w*\.[a-z]\w*", name):
            query = getattr(getattr(self._sql, name.partition(".")[0], None), name.partition(".")[2], None)
        if query is None or query.statement.spec.kind not in ("read", "write"):
            raise InvalidValueError("E_EVENTFLOW_DB_CALL", f"name: {name!r} is no query that reads or writes rows")
        spec: QuerySpec = query.statement.spec
        # past aiosql's method, whose keywords are its own
        if spec.kind == "write":
            affected = await self._write(query.statement, parameters)
            return affected > 0 if spec.returns == "changed" else affected
        run = self._read if spec.returns.endswith("*") else self._read_one
        return await run(query.statement, parameters)

    # --- events

    async def persist_event(self, event: NewEvent | Event, *, serialize: bool = False) -> str:
        """Persist an event; gives its id, the given or a generated one.

        serialize: datetimes, sets, dicts with keys other than strings and exceptions in `data` are written
        as `{"$type": …, "$value": …}`, as the Node library writes them.

        Raises: DuplicateError, MissingReferenceError (rid) and others (E_EVENTFLOW_DB_EVENT_PERSIST).
        """
        statement = self._sql.event.persist.statement
        values = _event(statement.spec, event, serialize)
        await self._write(statement, values)
        return str(values["id"])

    async def persist_events(self, events: Iterable[NewEvent | Event], *, serialize: bool = False) -> list[str]:
        """Persist events, all or none; gives their ids in the given order.

        They are sent in statements of many rows. Inside a transaction they are part of it.

        Raises: as persist_event (E_EVENTFLOW_DB_EVENT_PERSIST); InvalidValueError says which item, counted
        from 0, breaks which rule.
        """
        values = partial(_event, serialize=serialize)
        return [row["id"] for row in await self._persist_many(self._sql.event.persist, events, values)]

    async def iter_events_by_domain_and_pid(
        self,
        domain: str,
        pid: str,
        *,
        after: Event | tuple[datetime, str] | None = None,
        page: int = PAGE,
        deserialize: bool = False,
    ) -> AsyncIterator[Event]:
        """Iterate over the events of a process, oldest first, in pages: memory holds one page at a time.

        after: start behind this event, or behind this (timestamp, id). page: events per page, at least 1.
        No connection is held between pages. An event that is committed later with an earlier timestamp
        than the last one read is missed.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_READ_BY_PID).
        """
        query = self._sql.event.read_page_by_domain_and_pid
        position: Any = (after.timestamp, after.id) if isinstance(after, Event) else after
        if position is not None and not (isinstance(position, tuple) and len(position) == 2):
            raise query.statement.spec.invalid("after: must be an event, or its (timestamp, id)")
        timestamp, id = position or _BEGINNING
        while True:
            events = await query(self, domain=domain, pid=pid, timestamp=timestamp, id=id, page=page)
            for event in events:
                yield revived(event) if deserialize else event
            if len(events) < page:
                return
            timestamp, id = events[-1].timestamp, events[-1].id

    # --- associations

    async def persist_events_cpid(self, associations: Iterable[tuple[str, str] | tuple[str, str, str | None]]) -> int:
        """Persist many, all or none, as `persist_event_cpid` does one; gives how many.

        associations: an iterable of tuples (event_id, cpid[, domain]). They are sent in statements of many rows.
        Inside a transaction they are part of it.

        Raises: as persist_event_cpid; InvalidValueError says which item, counted from 0, breaks which rule
        (E_EVENTFLOW_DB_EVENT_CPID_PERSIST).
        """
        query = self._sql.event_cpid.persist_in_domain
        rows = [row for _, row in await self._encode_many(query, associations)]
        ids = list({row["event_id"]: None for row in rows if row.get("domain") is None})
        domains: dict[str, str] = {}
        for start in range(0, len(ids), PAGE):
            domains.update(await self._sql.event.read_domains_of(self, ids=ids[start : start + PAGE]))

        def in_domain(_: QuerySpec, row: dict[str, Any]) -> dict[str, Any]:
            return {**row, "domain": row.get("domain") or domains.get(row["event_id"])}

        return len(await self._persist_many(query, rows, in_domain))

    # --- logs

    async def persist_log(self, log: NewLog | Log) -> None:
        """Persist a log line, at the server's clock. An exception as `error` is written with its causes, as Node does.

        The line is not lost for what it holds: what has no JSON form in `error` is described, and a message or error
        that is too long is cut, with a mark behind it.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_LOG_PERSIST).
        """
        statement = self._sql.log.persist.statement
        values = values_of(statement.spec, log)
        try:
            await self._write(statement, {**values, "error": log_error(values.get("error"))})
            return
        except InvalidValueError:
            # nothing was written, and what is wrong with it is said by the next try
            pass
        await self._write(statement, plain_log(values))

    async def read_logs(
        self,
        *,
        agent: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[Log]:
        """Read log lines in the order in which they were written, of one agent or of all.

        start, end: aware datetimes, both included. after: the `seq` of the line to go on behind. limit: 1 to 10,000.
        A line that is committed later with a lower `seq` than the last one read is missed by who goes on behind that.
        Give a start where there are many lines: partitions of other days are not read then.

        Raises: EventflowDBError (E_EVENTFLOW_DB_LOG_READ).
        """
        values: dict[str, Any] = {"start": start, "end": end, "after": after, "limit": limit}
        if agent is None:
            return await self._sql.log.read_list(self, **values)
        return await self._sql.log.read_by_agent(self, agent=agent, **values)

    async def archive_log(self, date: date | None = None) -> bool:
        """Move everything that was logged before a day, today in UTC by default, to the partition `p_cold_YYYYMMDD`.

        False when it had been already; a later archive counts. An aware datetime stands for its day in UTC.
        What is not in a partition of its own yet is copied, while writers wait: see prepare_log_partitions.

        Raises: InvalidValueError for what is no date, a day after tomorrow (until then nothing could be archived), or
        inside a transaction; ConflictError when the table was in use for 2 s, without trying again, for its writers
        wait as well; others (E_EVENTFLOW_DB_LOG_ARCHIVE).
        """
        query = self._sql.log.archive
        spec = query.statement.spec
        today = datetime.now(UTC)
        day = today if date is None else date
        if problems := refusals({"date": spec.types["date"]}, {"date": day}):
            raise spec.invalid("; ".join(problems))
        if utc_day(day) > utc_day(today) + timedelta(1):
            raise spec.invalid("date: must not lie after tomorrow, in UTC")
        self._refuse_commit(spec)
        partition = spec.bind({"partition": day, "date": day})["partition"].decode()
        if await self._is_archived(partition):
            return False
        try:
            await query(self, partition=day, date=day)
        except EventflowDBError:
            if await self._is_archived(partition):
                # another one was faster
                return False
            raise
        return True

    async def _is_archived(self, partition: str) -> bool:
        names = await self._sql.log.read_partitions(self)
        return any(COLD_PARTITION.fullmatch(name) and name >= partition for name in names)

    async def prepare_log_partitions(self, days: int) -> int:
        """Make the partitions of the coming days ahead, so that archiving moves no row; gives how many were missing.

        days: 1 to 366; afterwards each of today and the days behind it, in UTC, so many in all, has a partition of
        its own, and what is logged after them goes to `p_hot`. Call it daily, with days to spare.

        Raises: as archive_log (E_EVENTFLOW_DB_LOG_PREPARE_PARTITIONS).
        """
        query = self._sql.log.prepare
        spec = query.statement.spec
        self._refuse_commit(spec)
        if type(days) is not int or not 1 <= days <= 366:
            raise spec.invalid("days: must be a whole number from 1 to 366")
        today = datetime.now(UTC).date()
        last = await self._sql.log.read_last_partition(self)
        made = 0
        for ahead in range(1, days + 1):
            day = today + timedelta(ahead)
            if last is not None and last >= partition_name(day):
                continue
            try:
                await query(self, partition=day, date=day)
                made += 1
            except EventflowDBError:
                last = await self._sql.log.read_last_partition(self)
                if last is None or last < partition_name(day):
                    # else another one was faster
                    raise
        return made

    async def prune_log(self, before: date) -> int:
        """Drop the archived partitions that hold nothing but what was logged before a day; gives how many.

        Rows that share a partition with later ones stay. An aware datetime stands for its day in UTC.

        Raises: as archive_log (E_EVENTFLOW_DB_LOG_PRUNE).
        """
        query, names = self._sql.log.drop_partition, self._sql.log.read_partitions_before
        self._refuse_commit(query.statement.spec)
        dropped = 0
        for name in await names(self, date=before):
            try:
                day = datetime.strptime(name, "p_cold_%Y%m%d").date()
            except ValueError:
                # not one of ours: its name is no date
                continue
            try:
                await query(self, partition=day)
                dropped += 1
            except EventflowDBError:
                if name in await names(self, date=before):
                    # else another one was faster
                    raise
        return dropped

    # --- certificates

    async def persist_certificate(self, certificate: NewCertificate | Certificate) -> bool:
        """Persist the active certificate of an id; False when there is one already.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_CERTIFICATE_PERSIST).
        """
        try:
            return await self._persist(self._sql.certificate.persist, certificate)
        except DuplicateError:
            return False


def _event(spec: QuerySpec, event: NewEvent | Event, serialize: bool) -> dict[str, Any]:
    values = values_of(spec, event)
    if values.get("id") is None:
        values["id"] = generate_event_id()
    values.setdefault("data", {})
    if serialize:
        try:
            values["data"] = to_tagged(values["data"])
        except ValueError as error:
            raise spec.invalid(f"data: {error}") from None
    return values
