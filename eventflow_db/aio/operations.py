"""The operations: one method for each, over whatever sends the statements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import msgspec

from ..errors import DuplicateError, EventflowDBError, InvalidValueError, NotFoundError
from ..identifiers import generate_event_id
from ..query import QuerySpec, Statement
from ..query.parameters import COLD_PARTITION, refusals
from ..query.rows import Result
from ..query.tagged import deserialize as revive
from ..query.tagged import log_error
from ..query.tagged import serialize as enrich
from ..records import (
    Certificate,
    Event,
    Hub,
    NewCertificate,
    NewEvent,
    NewHub,
    NewLog,
    NewPublishedEvent,
    NewScheduledEvent,
    PublishedEvent,
    ScheduledEvent,
)
from ..redact import guarded

if TYPE_CHECKING:
    from ..catalogue import Affected, Catalogue, Row, Rows

P = ParamSpec("P")
T = TypeVar("T")

PAGE = 1000
"""Rows of a page when events are iterated over."""
_BEGINNING = (datetime(1000, 1, 1, tzinfo=UTC), "")


@guarded
class AsyncSession:
    """Every operation, on the connection or connections of a subclass.

    Datetimes go in aware and come out aware in UTC. Identifiers are text of 1 to 64 characters without white
    space around it, compared exactly. Every method raises an EventflowDBError with the code that it names:
    InvalidValueError, naming each bad key, before anything is sent; the other classes as `errors` tells.
    """

    _sql: Catalogue

    # --- sending

    async def _execute(self, query: Any, literals: Mapping[str, bytes], values: Mapping[str, Any]) -> Result:
        raise NotImplementedError

    async def _execute_batch(
        self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        raise NotImplementedError

    def lock(self, reference: str, timeout: int = 30) -> AbstractAsyncContextManager[None]:
        """Hold a named lock of the server: see AsyncEventflowDB.lock."""
        raise NotImplementedError

    def _refuse_commit(self, spec: QuerySpec) -> None:
        """Raise where what commits implicitly, or needs a connection of its own, is out of place."""

    async def _affected(
        self, query: Callable[Concatenate[Any, P], Affected], /, *args: P.args, **values: P.kwargs
    ) -> int:
        spec: QuerySpec = query.sql.spec  # type: ignore[attr-defined]
        return (await self._execute(query, spec.bind(values), values)).affected

    async def _rows(
        self, query: Callable[Concatenate[Any, P], Rows[T]], /, *args: P.args, **values: P.kwargs
    ) -> list[T]:
        spec: QuerySpec = query.sql.spec  # type: ignore[attr-defined]
        return spec.decode(await self._execute(query, spec.bind(values), values))

    async def _row(self, query: Callable[Concatenate[Any, P], Row[T]], /, *args: P.args, **values: P.kwargs) -> T:
        spec: QuerySpec = query.sql.spec  # type: ignore[attr-defined]
        rows: list[T] = spec.decode(await self._execute(query, spec.bind(values), values))
        if rows:
            return rows[0]
        if spec.not_found is None:
            return None  # type: ignore[return-value]  # then T has None
        raise NotFoundError(*spec.not_found)

    async def _insert_many(
        self, query: Any, items: Iterable[Any], values: Callable[[Any], Mapping[str, Any]] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Insert many rows, all or none, and give them; everything is encoded before the transaction begins."""
        statement: Statement = query.sql
        spec = statement.spec
        groups: list[bytes] = []
        rows: list[Mapping[str, Any]] = []
        if not isinstance(items, Iterable):
            raise InvalidValueError(spec.code, "must be an iterable of what is to be persisted")
        for number, item in enumerate(items):
            try:
                rows.append(values(item) if values else _values(spec, item))
                groups.append(statement.values(spec.bind(rows[-1])))
            except InvalidValueError as error:
                failure = InvalidValueError(error.code, f"item {number}: {error.message}")
                break
        else:
            if groups:
                await self._execute_batch(statement, groups, rows)
            return rows
        raise failure

    async def _insert(self, query: Any, values: Mapping[str, Any]) -> bool:
        spec: QuerySpec = query.sql.spec
        return (await self._execute(query, spec.bind(values), values)).affected == 1

    # --- tables

    async def setup_table_schemas(self) -> None:
        """Create every table that is missing. Safe to run again, and from many processes at once.

        Raises: EventflowDBError (E_EVENTFLOW_DB_CREATE_TABLE_…); InvalidValueError inside a transaction.
        """
        await self.create_table_certificate()
        await self.create_table_hub()
        await self.create_table_event()
        await self.create_table_event_cpid()
        await self.create_table_event_eid()
        await self.create_table_event_published()
        await self.create_table_event_scheduled()
        await self.create_table_log()

    async def create_table_certificate(self) -> None:
        """Create the table certificate where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_CERTIFICATE)."""
        await self._affected(self._sql.certificate.create)

    async def create_table_hub(self) -> None:
        """Create the table hub where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_HUB)."""
        await self._affected(self._sql.hub.create)

    async def create_table_event(self) -> None:
        """Create the table event where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_EVENT)."""
        await self._affected(self._sql.event.create)

    async def create_table_event_cpid(self) -> None:
        """Create the table event_cpid where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_EVENT_CPID)."""
        await self._affected(self._sql.event_cpid.create)

    async def create_table_event_eid(self) -> None:
        """Create the table event_eid where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_EVENT_EID)."""
        await self._affected(self._sql.event_eid.create)

    async def create_table_event_published(self) -> None:
        """Create the table event_published where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_EVENT_PUBLISHED)."""
        await self._affected(self._sql.event_published.create)

    async def create_table_event_scheduled(self) -> None:
        """Create the table event_scheduled where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_EVENT_SCHEDULED)."""
        await self._affected(self._sql.event_scheduled.create)

    async def create_table_log(self) -> None:
        """Create the table log where it is missing (E_EVENTFLOW_DB_CREATE_TABLE_LOG)."""
        await self._affected(self._sql.log.create)

    # --- events

    async def persist_event(self, event: NewEvent | Event, *, serialize: bool = False) -> str:
        """Persist an event; gives its id, the given or a generated one.

        serialize: datetimes, sets, dicts with keys other than strings and exceptions in `data` are written
        as `{"$type": …, "$value": …}`, as the Node library writes them.

        Raises: DuplicateError, MissingReferenceError (rid) and others (E_EVENTFLOW_DB_EVENT_PERSIST).
        """
        values = self._event(event, serialize)
        await self._insert(self._sql.event.persist, values)
        return str(values["id"])

    async def persist_events(self, events: Iterable[NewEvent | Event], *, serialize: bool = False) -> list[str]:
        """Persist events, all or none; gives their ids in the given order.

        They are sent in statements of many rows. Inside a transaction they are part of it.

        Raises: as persist_event (E_EVENTFLOW_DB_EVENT_PERSIST); InvalidValueError says which item, counted
        from 0, breaks which rule.
        """
        values = partial(self._event, serialize=serialize)
        return [row["id"] for row in await self._insert_many(self._sql.event.persist, events, values)]

    def _event(self, event: NewEvent | Event, serialize: bool) -> dict[str, Any]:
        spec: QuerySpec = self._sql.event.persist.sql.spec
        values = _values(spec, event)
        if values.get("id") is None:
            values["id"] = generate_event_id()
        values.setdefault("data", {})
        if serialize:
            try:
                values["data"] = enrich(values["data"])
            except ValueError as error:
                raise InvalidValueError(spec.code, f"data: {error}") from None
        return values

    async def read_event(self, id: str, *, deserialize: bool = False) -> Event:
        """Read an event.

        deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: NotFoundError (E_EVENTFLOW_DB_EVENT_NOT_FOUND), others (E_EVENTFLOW_DB_EVENT_READ).
        """
        event = await self._row(self._sql.event.read, id=id)
        return _revived(event) if deserialize else event

    async def delete_event(self, id: str) -> bool:
        """Delete an event with its associations, schedule and publication; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_DELETE).
        """
        return await self._affected(self._sql.event.delete, id=id) > 0

    async def read_events_by_domain_and_pid(
        self, domain: str, pid: str, *, deserialize: bool = False, limit: int | None = None
    ) -> list[Event]:
        """Read the events of a process, oldest first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_READ_BY_PID).
        """
        events = await self._rows(self._sql.event.read_by_domain_and_pid, domain=domain, pid=pid, limit=limit)
        return [_revived(event) for event in events] if deserialize else events

    async def read_events_by_domain_and_pid_between_timestamps(
        self, domain: str, pid: str, start: datetime, end: datetime, *, limit: int | None = None
    ) -> list[Event]:
        """Read the events of a process from start to end, both included, oldest first.

        start and end are aware; they are cut to the millisecond.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_READ_BY_PID).
        """
        query = self._sql.event.read_by_domain_and_pid_between_timestamps
        return await self._rows(query, domain=domain, pid=pid, start=start, end=end, limit=limit)

    async def read_events_by_domain_and_pid_and_names(
        self, domain: str, pid: str, names: Sequence[str], *, limit: int | None = None
    ) -> list[Event]:
        """Read the events of a process that have one of the names, oldest first; no names, no events.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_READ_BY_PID).
        """
        query = self._sql.event.read_by_domain_and_pid_and_names
        values = {"domain": domain, "pid": pid, "names": names, "limit": limit}
        literals = query.sql.spec.bind(values)
        if not names:
            return []  # IN () is a syntax error
        events: list[Event] = query.sql.spec.decode(await self._execute(query, literals, values))
        return events

    async def read_distinct_pid_by_domain(self, domain: str, *, limit: int | None = None) -> list[str]:
        """Read the processes that a domain has events of, each once, sorted.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_READ_DISTINCT_PID_BY_DOMAIN).
        """
        return await self._rows(self._sql.event.read_distinct_pid_by_domain, domain=domain, limit=limit)

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
        timestamp, id = _position(query.sql.spec, after)
        while True:
            events = await self._rows(query, domain=domain, pid=pid, timestamp=timestamp, id=id, page=page)
            for event in events:
                yield _revived(event) if deserialize else event
            if len(events) < page:
                return
            timestamp, id = events[-1].timestamp, events[-1].id

    async def delete_event_by_domain_and_pid(self, domain: str, pid: str) -> bool:
        """Delete every event of a process, with what belongs to them; False when there was none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_DELETE_BY_PID).
        """
        return await self._affected(self._sql.event.delete_by_domain_and_pid, domain=domain, pid=pid) > 0

    # --- associations

    async def persist_events_cpid(self, associations: Iterable[tuple[str, str]]) -> int:
        """Associate events with correlated processes, all or none: pairs (event_id, cpid); gives how many.

        Raises: as persist_event_cpid (E_EVENTFLOW_DB_EVENT_CPID_PERSIST); InvalidValueError says which
        item, counted from 0, breaks which rule.
        """
        query = self._sql.event_cpid.persist
        return len(await self._insert_many(query, associations, _pair(query)))

    async def persist_events_eid(self, associations: Iterable[tuple[str, str]]) -> int:
        """Associate events with entities, all or none: pairs (event_id, eid); gives how many.

        Raises: as persist_event_eid (E_EVENTFLOW_DB_EVENT_EID_PERSIST); InvalidValueError says which
        item, counted from 0, breaks which rule.
        """
        query = self._sql.event_eid.persist
        return len(await self._insert_many(query, associations, _pair(query)))

    async def persist_event_cpid(self, event_id: str, cpid: str) -> bool:
        """Associate an event with a correlated process; True.

        Raises: DuplicateError, MissingReferenceError and others (E_EVENTFLOW_DB_EVENT_CPID_PERSIST).
        """
        return await self._insert(self._sql.event_cpid.persist, {"event_id": event_id, "cpid": cpid})

    async def delete_event_cpid(self, event_id: str, cpid: str) -> bool:
        """Delete the association of an event with a correlated process; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_CPID_DELETE).
        """
        return await self._affected(self._sql.event_cpid.delete, event_id=event_id, cpid=cpid) > 0

    async def read_event_cpid_by_event_id(self, event_id: str, *, limit: int | None = None) -> list[str]:
        """Read the correlated processes of an event, sorted.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID).
        """
        return await self._rows(self._sql.event_cpid.read_by_event_id, event_id=event_id, limit=limit)

    async def read_events_by_domain_and_cpid(self, domain: str, cpid: str, *, limit: int | None = None) -> list[Event]:
        """Read the events of a domain that are associated with a correlated process, oldest first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ).
        """
        return await self._rows(self._sql.event.read_by_domain_and_cpid, domain=domain, cpid=cpid, limit=limit)

    def iter_events_by_domain_and_cpid(
        self, domain: str, cpid: str, *, after: Event | str = "", page: int = PAGE, deserialize: bool = False
    ) -> AsyncIterator[Event]:
        """Iterate over the events of a domain that are associated with a correlated process, page by page.

        They come in the order of their ids, which is the order that the index serves; after: start behind
        this event or id. What holds for iter_events_by_domain_and_pid holds here.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ).
        """
        query = self._sql.event.read_page_by_domain_and_cpid
        return self._iterate(query, after, page, deserialize, domain=domain, cpid=cpid)

    def iter_events_by_eid(
        self, eid: str, *, after: Event | str = "", page: int = PAGE, deserialize: bool = False
    ) -> AsyncIterator[Event]:
        """Iterate over the events of every domain that are associated with an entity: as by domain and cpid.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENTS_READ_BY_EID).
        """
        return self._iterate(self._sql.event.read_page_by_eid, after, page, deserialize, eid=eid)

    def iter_events_by_domain_and_eid(
        self, domain: str, eid: str, *, after: Event | str = "", page: int = PAGE, deserialize: bool = False
    ) -> AsyncIterator[Event]:
        """Iterate over the events of a domain that are associated with an entity: as by domain and cpid.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID).
        """
        query = self._sql.event.read_page_by_domain_and_eid
        return self._iterate(query, after, page, deserialize, domain=domain, eid=eid)

    async def _iterate(
        self, query: Any, after: Event | str, page: int, deserialize: bool, **keys: str
    ) -> AsyncIterator[Event]:
        position = after.id if isinstance(after, Event) else after
        while True:
            events: list[Event] = await self._rows(query, **keys, after=position, page=page)
            for event in events:
                yield _revived(event) if deserialize else event
            if len(events) < page:
                return
            position = events[-1].id

    async def persist_event_eid(self, event_id: str, eid: str) -> bool:
        """Associate an event with an entity; True.

        Raises: DuplicateError, MissingReferenceError and others (E_EVENTFLOW_DB_EVENT_EID_PERSIST).
        """
        return await self._insert(self._sql.event_eid.persist, {"event_id": event_id, "eid": eid})

    async def delete_event_eid(self, event_id: str, eid: str) -> bool:
        """Delete the association of an event with an entity; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_EID_DELETE).
        """
        return await self._affected(self._sql.event_eid.delete, event_id=event_id, eid=eid) > 0

    async def read_event_eid_by_event_id(self, event_id: str, *, limit: int | None = None) -> list[str]:
        """Read the entities of an event, sorted.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_EID_READ_BY_EVENT_ID).
        """
        return await self._rows(self._sql.event_eid.read_by_event_id, event_id=event_id, limit=limit)

    async def read_events_by_eid(self, eid: str, *, limit: int | None = None) -> list[Event]:
        """Read the events of every domain that are associated with an entity, oldest first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENTS_READ_BY_EID).
        """
        return await self._rows(self._sql.event.read_by_eid, eid=eid, limit=limit)

    async def read_events_by_domain_and_eid(self, domain: str, eid: str, *, limit: int | None = None) -> list[Event]:
        """Read the events of a domain that are associated with an entity, oldest first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID).
        """
        return await self._rows(self._sql.event.read_by_domain_and_eid, domain=domain, eid=eid, limit=limit)

    # --- publications

    async def persist_event_published(self, published: NewPublishedEvent | PublishedEvent) -> bool:
        """Persist the publication of an event; True.

        Raises: DuplicateError, MissingReferenceError and others (E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST).
        """
        query = self._sql.event_published.persist
        return await self._insert(query, _values(query.sql.spec, published))

    async def persist_events_published(self, published: Iterable[NewPublishedEvent | PublishedEvent]) -> int:
        """Persist publications, all or none; gives how many.

        Raises: as persist_event_published (E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST); InvalidValueError says which
        item, counted from 0, breaks which rule.
        """
        return len(await self._insert_many(self._sql.event_published.persist, published))

    async def read_event_published(self, event_id: str) -> PublishedEvent:
        """Read the publication of an event.

        Raises: NotFoundError (E_EVENTFLOW_DB_EVENT_PUBLISHED_NOT_FOUND), others (E_EVENTFLOW_DB_EVENT_PUBLISHED_READ).
        """
        published: PublishedEvent = await self._row(self._sql.event_published.read, event_id=event_id)
        return published

    async def update_event_published_to_consumed_by_hub(self, event_id: str, hub: str) -> bool:
        """Claim a publication for a hub: True for exactly one caller, ever.

        Raises: MissingReferenceError (hub), OutcomeUnknownError when the reply was lost, and others
        (E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE, upstream's name).
        """
        query = self._sql.event_published.update_to_consumed_by_hub
        return await self._affected(query, event_id=event_id, hub=hub) > 0

    async def update_event_published_to_consumed_by_spoke(self, event_id: str, spoke: str) -> bool:
        """Claim a publication for a spoke, its consumer: True for exactly one caller, ever.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE).
        """
        query = self._sql.event_published.update_to_consumed_by_spoke
        return await self._affected(query, event_id=event_id, spoke=spoke) > 0

    async def update_event_published_to_success(self, event_id: str) -> bool:
        """Mark a publication as having succeeded, now; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_SUCCESS).
        """
        return await self._affected(self._sql.event_published.update_to_success, event_id=event_id) > 0

    async def update_event_published_to_failed(self, event_id: str) -> bool:
        """Mark a publication as having failed, now; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED).
        """
        return await self._affected(self._sql.event_published.update_to_failed, event_id=event_id) > 0

    async def update_event_published_to_orphan(self, event_id: str) -> bool:
        """Mark a publication as having found no consumer, now; False when there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_ORPHAN).
        """
        return await self._affected(self._sql.event_published.update_to_orphan, event_id=event_id) > 0

    # --- schedules

    async def persist_event_scheduled(self, scheduled: NewScheduledEvent | ScheduledEvent) -> bool:
        """Persist the schedule of an event; True. The time is cut to the second: early at most, never late.

        Raises: DuplicateError, MissingReferenceError and others (E_EVENTFLOW_DB_SCHEDULED_EVENT_PERSIST).
        """
        query = self._sql.event_scheduled.persist
        return await self._insert(query, _values(query.sql.spec, scheduled))

    async def persist_events_scheduled(self, scheduled: Iterable[NewScheduledEvent | ScheduledEvent]) -> int:
        """Persist schedules, all or none; gives how many.

        Raises: as persist_event_scheduled (E_EVENTFLOW_DB_SCHEDULED_EVENT_PERSIST); InvalidValueError says which
        item, counted from 0, breaks which rule.
        """
        return len(await self._insert_many(self._sql.event_scheduled.persist, scheduled))

    async def read_events_scheduled(self, *, limit: int | None = None) -> list[ScheduledEvent]:
        """Read the schedules not executed yet, overdue ones included, soonest first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_SCHEDULED_EVENT_READ).
        """
        return await self._rows(self._sql.event_scheduled.read_not_executed, limit=limit)

    async def read_event_scheduled(self, event_id: str) -> ScheduledEvent:
        """Read the schedule of an event.

        Raises: NotFoundError (E_EVENTFLOW_DB_SCHEDULED_EVENT_NOT_FOUND), others (E_EVENTFLOW_DB_SCHEDULED_EVENT_READ).
        """
        scheduled: ScheduledEvent = await self._row(self._sql.event_scheduled.read, event_id=event_id)
        return scheduled

    async def update_event_scheduled_executed(self, event_id: str) -> bool:
        """Claim the execution of a scheduled event: True for exactly one caller, ever.

        Raises: OutcomeUnknownError when the reply was lost, and others
        (E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_EXECUTED).
        """
        return await self._affected(self._sql.event_scheduled.update_executed, event_id=event_id) > 0

    async def update_event_scheduled_success(self, event_id: str) -> bool:
        """Mark a scheduled event as having succeeded, now; False when it has no schedule.

        Raises: EventflowDBError (E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_SUCCESS).
        """
        return await self._affected(self._sql.event_scheduled.update_success, event_id=event_id) > 0

    async def update_event_scheduled_failed(self, event_id: str) -> bool:
        """Mark a scheduled event as having failed, now; False when it has no schedule.

        Raises: EventflowDBError (E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_FAILED).
        """
        return await self._affected(self._sql.event_scheduled.update_failed, event_id=event_id) > 0

    # --- hubs

    async def persist_hub(self, hub: NewHub | Hub) -> bool:
        """Persist a hub, online from now on; True.

        Raises: DuplicateError and others (E_EVENTFLOW_DB_HUB_PERSIST).
        """
        query = self._sql.hub.persist
        return await self._insert(query, _values(query.sql.spec, hub))

    async def read_online_hubs(self, *, limit: int | None = None) -> list[Hub]:
        """Read the hubs that have not quit, longest online first.

        Raises: EventflowDBError (E_EVENTFLOW_DB_HUBS_READ).
        """
        return await self._rows(self._sql.hub.read_online, limit=limit)

    async def update_hub_to_quit(self, id: str) -> bool:
        """Mark a hub as quit: True once, False when it had quit already or is unknown.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_HUB_UPDATE_TO_QUIT).
        """
        return await self._affected(self._sql.hub.update_to_quit, id=id) > 0

    async def has_hub_quit(self, id: str) -> bool:
        """Whether a hub has quit; False when it is unknown.

        Raises: EventflowDBError (E_EVENTFLOW_DB_HUB_HAS_QUIT).
        """
        has_quit = await self._row(self._sql.hub.has_quit, id=id)
        return bool(has_quit)

    # --- logs

    async def persist_log(self, log: NewLog) -> None:
        """Persist a log line, at the server's clock. An exception as `error` is written with its causes.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_LOG_PERSIST).
        """
        query = self._sql.log.persist
        values = _values(query.sql.spec, log)
        values["error"] = log_error(values.get("error"))
        await self._insert(query, values)

    async def archive_log(self, date: date | None = None) -> bool:
        """Move everything that was logged before a day, today in UTC by default, to the partition `p_cold_YYYYMMDD`.

        False when it had been already; a later archive counts. An aware datetime stands for its day in UTC.
        What is not in a partition of its own yet is copied, while writers wait: see prepare_log_partitions.

        Raises: InvalidValueError for what is no date, or inside a transaction; ConflictError when the table was
        in use for 2 s, without trying again, for its writers wait as well; others (E_EVENTFLOW_DB_LOG_ARCHIVE).
        """
        query = self._sql.log.archive
        spec: QuerySpec = query.sql.spec
        day = datetime.now(UTC) if date is None else date
        if problems := refusals({"date": spec.types["date"]}, {"date": day}):
            raise InvalidValueError(spec.code, "; ".join(problems))
        values = {"partition": day, "date": day}
        self._refuse_commit(spec)
        literals = spec.bind(values)
        partition = literals["partition"].decode()
        if await self._is_archived(partition):
            return False
        try:
            await self._execute(query, literals, values)
        except EventflowDBError:
            if await self._is_archived(partition):
                return False  # another one was faster
            raise
        return True

    async def prepare_log_partitions(self, days: int) -> int:
        """Make the partitions of the coming days ahead, so that archiving moves no row; gives how many were missing.

        days: 1 to 366; afterwards each of today and the days behind it, in UTC, so many in all, has a partition of
        its own, and what is logged after them goes to `p_hot`. Call it daily, with days to spare.

        Raises: as archive_log (E_EVENTFLOW_DB_LOG_PREPARE_PARTITIONS).
        """
        query = self._sql.log.prepare
        spec: QuerySpec = query.sql.spec
        self._refuse_commit(spec)
        if type(days) is not int or not 1 <= days <= 366:
            raise InvalidValueError(spec.code, "days: must be a whole number from 1 to 366")
        today = datetime.now(UTC).date()
        last: str | None = await self._row(self._sql.log.read_last_partition)
        made = 0
        for ahead in range(1, days + 1):
            day = today + timedelta(ahead)
            values = {"partition": day, "date": day}
            literals = spec.bind(values)
            partition = literals["partition"].decode()
            if last is not None and last >= partition:
                continue
            try:
                await self._execute(query, literals, values)
                made += 1
            except EventflowDBError:
                last = await self._row(self._sql.log.read_last_partition)
                if last is None or last < partition:
                    raise  # another one was faster otherwise
        return made

    async def prune_log(self, before: date) -> int:
        """Drop the archived partitions that hold nothing but what was logged before a day; gives how many.

        Rows that share a partition with later ones stay. An aware datetime stands for its day in UTC.

        Raises: as archive_log (E_EVENTFLOW_DB_LOG_PRUNE).
        """
        query, names = self._sql.log.drop_partition, self._sql.log.read_partitions_before
        spec: QuerySpec = query.sql.spec
        self._refuse_commit(spec)
        dropped = 0
        for name in await self._rows(names, date=before):
            try:
                values = {"partition": datetime.strptime(name, "p_cold_%Y%m%d").date()}
            except ValueError:
                continue  # not one of ours: its name is no date
            try:
                await self._execute(query, spec.bind(values), values)
                dropped += 1
            except EventflowDBError:
                if name in await self._rows(names, date=before):
                    raise  # another one was faster otherwise
        return dropped

    async def _is_archived(self, partition: str) -> bool:
        names = await self._rows(self._sql.log.read_partitions)
        return any(COLD_PARTITION.fullmatch(name) and name >= partition for name in names)

    # --- certificates

    async def persist_certificate(self, certificate: NewCertificate | Certificate) -> bool:
        """Persist the active certificate of an id; False when there is one already.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_CERTIFICATE_PERSIST).
        """
        query = self._sql.certificate.persist
        try:
            return await self._insert(query, _values(query.sql.spec, certificate))
        except DuplicateError:
            return False

    async def read_certificate(self, id: str) -> Certificate:
        """Read the active certificate of an id.

        Raises: NotFoundError (E_EVENTFLOW_DB_CERTIFICATE_NOT_FOUND), others (E_EVENTFLOW_DB_CERTIFICATE_READ).
        """
        certificate: Certificate = await self._row(self._sql.certificate.read, id=id)
        return certificate

    async def revoke_certificate(self, id: str) -> bool:
        """Revoke the active certificate of an id: it is archived as its newest version; False when there is none.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_CERTIFICATE_REVOKE).
        """
        return await self._affected(self._sql.certificate.revoke, id=id) > 0

    async def revoke_certificates_past_validity_period(self) -> int:
        """Revoke every active certificate whose validity has passed; gives how many.

        Raises: OutcomeUnknownError when the reply was lost, and others
        (E_EVENTFLOW_DB_CERTIFICATE_REVOKE_PAST_VALIDITY).
        """
        return await self._affected(self._sql.certificate.revoke_past_validity)

    # --- the connection

    async def ping(self) -> None:
        """Have the server answer, over a new connection if there is none.

        Raises: EventflowDBError (E_EVENTFLOW_DB_PING).
        """
        await self._row(self._sql.session.ping)


def _values(spec: QuerySpec, given: Any) -> dict[str, Any]:
    """The keys of a mapping, or of a record those that the query takes."""
    if isinstance(given, msgspec.Struct):
        names = dict(zip(given.__struct_encode_fields__, given.__struct_fields__, strict=True))
        return {key: getattr(given, names[key]) for key in spec.types if key in names}
    if not isinstance(given, Mapping):
        raise InvalidValueError(spec.code, "must be a mapping, or a record of its table")
    return dict(given)


def _pair(query: Any) -> Callable[[Any], dict[str, Any]]:
    spec: QuerySpec = query.sql.spec

    def values(pair: Any) -> dict[str, Any]:
        if not isinstance(pair, (tuple, list)) or len(pair) != len(spec.types):
            raise InvalidValueError(spec.code, f"must be a tuple ({', '.join(spec.types)})")
        return dict(zip(spec.types, pair, strict=True))

    return values


def _position(spec: QuerySpec, after: Any) -> tuple[datetime, str]:
    if isinstance(after, Event):
        return after.timestamp, after.id
    if after is not None and not (isinstance(after, tuple) and len(after) == 2):
        raise InvalidValueError(spec.code, "after: must be an event, or its (timestamp, id)")
    return after or _BEGINNING


def _revived(event: Event) -> Event:
    return msgspec.structs.replace(event, data=revive(event.data))


def batches(statement: Statement, groups: Sequence[bytes], limit: int) -> Iterator[bytes]:
    """The statements of a batch: as many groups of values in each as stay within `limit` bytes."""
    pending: list[bytes] = []
    size = len(statement.head)
    for group in groups:
        if pending and size + len(group) + 1 > limit:
            yield statement.head + b",".join(pending)
            pending, size = [], len(statement.head)
        pending.append(group)
        size += len(group) + 1
    yield statement.head + b",".join(pending)
