# Generated from sql/ by scripts/generate; do not edit.
"""The operations that are one query each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ..inputs import NewHub, NewPublishedEvent, NewScheduledEvent
from ..query.tagged import revived
from ..records import Certificate, Event, Hub, PublishedEvent, ScheduledEvent
from ..redact import redacting_all
from .caller import Caller


@redacting_all
class Methods(Caller):
    """One method for each query that has one.

    An identifier is 1 to 64 printable ASCII characters, without a space around them.
    """

    def read_certificate(self, id: str) -> Certificate:
        """Read the active certificate of an id.

        id: an identifier.

        Raises: NotFoundError with the code E_EVENTFLOW_DB_CERTIFICATE_NOT_FOUND, InvalidValueError before anything
        is sent, others. The code is E_EVENTFLOW_DB_CERTIFICATE_READ.
        """
        return self._sql.certificate.read(self, id=id)

    def revoke_certificate(self, id: str) -> bool:
        """Revoke the active certificate of an id: it becomes the newest of its archived versions.

        id: an identifier.

        False: there was none.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_CERTIFICATE_REVOKE.
        """
        return self._sql.certificate.revoke(self, id=id) > 0

    def revoke_certificates_past_validity_period(self) -> int:
        """Revoke every active certificate whose validity has passed, each as the newest version of its id.

        Gives how many were revoked.

        Raises: OutcomeUnknownError when the reply was lost, others. The code is
        E_EVENTFLOW_DB_CERTIFICATE_REVOKE_PAST_VALIDITY.
        """
        return self._sql.certificate.revoke_past_validity_period(self)

    def read_certificates(self, id: str) -> list[Certificate]:
        """Read the certificates of an id: the active one first, then those that are revoked, oldest first.

        id: an identifier.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_CERTIFICATES_READ.
        """
        return self._sql.certificate.read_list(self, id=id)

    def read_certificates_expiring(self, before: datetime) -> list[Certificate]:
        """Read the active certificates whose validity ends before a time, soonest first; those that have expired, too.

        before: an aware datetime.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_CERTIFICATES_READ.
        """
        return self._sql.certificate.read_expiring(self, before=before)

    def purge_certificates(self, before: datetime, *, limit: int = 1000) -> int:
        """Delete certificates that were revoked before a time, those of the lowest versions first; active ones stay.

        before: an aware datetime. limit: a whole number from 1 to 10000, or None.

        Gives how many.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_CERTIFICATES_PURGE.
        """
        return self._sql.certificate.purge_list(self, before=before, limit=limit)

    def create_table_certificate(self) -> None:
        """Create the table certificate where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_CERTIFICATE.
        """
        self._sql.certificate.create_table(self)

    def read_event(self, id: str, *, deserialize: bool = False) -> Event:
        """Read an event.

        id: an identifier. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and
        exceptions again.

        Raises: NotFoundError with the code E_EVENTFLOW_DB_EVENT_NOT_FOUND, InvalidValueError before anything is
        sent, others. The code is E_EVENTFLOW_DB_EVENT_READ.
        """
        event = self._sql.event.read(self, id=id)
        return revived(event) if deserialize else event

    def delete_event(self, id: str) -> bool:
        """Delete an event with its associations, schedule and publication; its answers stay, without their rid.

        id: an identifier.

        False: there was none.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_DELETE.
        """
        return self._sql.event.delete(self, id=id) > 0

    def read_events_by_domain_and_pid(
        self, domain: str, pid: str, *, limit: int | None = None, deserialize: bool = False
    ) -> list[Event]:
        """Read the events of a process, oldest first.

        domain, pid: an identifier. limit: a whole number from 0 up, or None for no limit. deserialize: `{"$type":
        …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_READ_BY_PID.
        """
        events = self._sql.event.read_by_domain_and_pid(self, domain=domain, pid=pid, limit=limit)
        return self._revived(events) if deserialize else events

    def read_events_by_domain_and_pid_between_timestamps(
        self,
        domain: str,
        pid: str,
        start: datetime,
        end: datetime,
        *,
        limit: int | None = None,
        deserialize: bool = False,
    ) -> list[Event]:
        """Read the events of a process from start to end, both included, oldest first.

        domain, pid: an identifier. start, end: an aware datetime. limit: a whole number from 0 up, or None for no
        limit. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions
        again.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_READ_BY_PID_BETWEEN_TIMESTAMPS.
        """
        events = self._sql.event.read_by_domain_and_pid_between_timestamps(
            self, domain=domain, pid=pid, start=start, end=end, limit=limit
        )
        return self._revived(events) if deserialize else events

    def read_events_by_domain_and_pid_and_names(
        self, domain: str, pid: str, names: Sequence[str], *, limit: int | None = None, deserialize: bool = False
    ) -> list[Event]:
        """Read the events of a process that have one of the names, oldest first; without names, none.

        domain, pid: an identifier. names: a list of identifiers. limit: a whole number from 0 up, or None for no
        limit. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions
        again.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_READ_BY_PID.
        """
        events = self._sql.event.read_by_domain_and_pid_and_names(
            self, domain=domain, pid=pid, names=names, limit=limit
        )
        return self._revived(events) if deserialize else events

    def read_distinct_pid_by_domain(self, domain: str, *, limit: int | None = None) -> list[str]:
        """Read the processes that a domain has events of, each once, sorted.

        domain: an identifier. limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_READ_DISTINCT_PID_BY_DOMAIN.
        """
        return self._sql.event.read_distinct_pid_by_domain(self, domain=domain, limit=limit)

    def read_events_by_domain_and_cpid(
        self, domain: str, cpid: str, *, limit: int | None = None, deserialize: bool = False
    ) -> list[Event]:
        """Read the events that are associated with a correlated process of a domain, oldest first.

        domain, cpid: an identifier. limit: a whole number from 0 up, or None for no limit. deserialize: `{"$type":
        …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ.
        """
        events = self._sql.event.read_by_domain_and_cpid(self, domain=domain, cpid=cpid, limit=limit)
        return self._revived(events) if deserialize else events

    def read_events_by_eid(self, eid: str, *, limit: int | None = None, deserialize: bool = False) -> list[Event]:
        """Read the events of every domain that are associated with an entity, oldest first.

        eid: an identifier. limit: a whole number from 0 up, or None for no limit. deserialize: `{"$type": …,
        "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENTS_READ_BY_EID.
        """
        events = self._sql.event.read_by_eid(self, eid=eid, limit=limit)
        return self._revived(events) if deserialize else events

    def read_events_by_domain_and_eid(
        self, domain: str, eid: str, *, limit: int | None = None, deserialize: bool = False
    ) -> list[Event]:
        """Read the events of a domain that are associated with an entity, oldest first.

        domain, eid: an identifier. limit: a whole number from 0 up, or None for no limit. deserialize: `{"$type":
        …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID.
        """
        events = self._sql.event.read_by_domain_and_eid(self, domain=domain, eid=eid, limit=limit)
        return self._revived(events) if deserialize else events

    def iter_events_by_domain_and_cpid(
        self, domain: str, cpid: str, *, after: Event | str = "", page: int = 1000, deserialize: bool = False
    ) -> Iterator[Event]:
        """Iterate over the events that are associated with a correlated process of a domain, page by page, by their
        ids.

        domain, cpid: an identifier. after: start behind this event, or this id. page: events that memory holds at a
        time, at least 1. No connection is held between pages; an event that is committed later with an earlier id
        than the last one read is missed. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets,
        dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ.
        """
        return self._iterate(
            self._sql.event.read_page_by_domain_and_cpid, after, page, deserialize, domain=domain, cpid=cpid
        )

    def iter_events_by_eid(
        self, eid: str, *, after: Event | str = "", page: int = 1000, deserialize: bool = False
    ) -> Iterator[Event]:
        """Iterate over the events of every domain that are associated with an entity, page by page, by their ids.

        eid: an identifier. after: start behind this event, or this id. page: events that memory holds at a time, at
        least 1. No connection is held between pages; an event that is committed later with an earlier id than the
        last one read is missed. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts
        and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENTS_READ_BY_EID.
        """
        return self._iterate(self._sql.event.read_page_by_eid, after, page, deserialize, eid=eid)

    def iter_events_by_domain_and_eid(
        self, domain: str, eid: str, *, after: Event | str = "", page: int = 1000, deserialize: bool = False
    ) -> Iterator[Event]:
        """Iterate over the events of a domain that are associated with an entity, page by page, by their ids.

        domain, eid: an identifier. after: start behind this event, or this id. page: events that memory holds at a
        time, at least 1. No connection is held between pages; an event that is committed later with an earlier id
        than the last one read is missed. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets,
        dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID.
        """
        return self._iterate(
            self._sql.event.read_page_by_domain_and_eid, after, page, deserialize, domain=domain, eid=eid
        )

    def read_latest_event_by_domain_and_pid(self, domain: str, pid: str, *, deserialize: bool = False) -> Event | None:
        """Read the latest event of a process.

        domain, pid: an identifier. deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts
        and exceptions again.

        None: there is none.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_READ_BY_PID.
        """
        event = self._sql.event.read_latest_by_domain_and_pid(self, domain=domain, pid=pid)
        return revived(event) if deserialize and event is not None else event

    def read_events_by_rid(self, rid: str, *, limit: int | None = None, deserialize: bool = False) -> list[Event]:
        """Read the events that answer an event, oldest first.

        rid: an identifier. limit: a whole number from 0 up, or None for no limit. deserialize: `{"$type": …,
        "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENTS_READ_BY_RID.
        """
        events = self._sql.event.read_by_rid(self, rid=rid, limit=limit)
        return self._revived(events) if deserialize else events

    def read_domains(self) -> list[str]:
        """Read the domains that have events, each once, sorted.

        Raises: EventflowDBError. The code is E_EVENTFLOW_DB_EVENT_READ_DOMAINS.
        """
        return self._sql.event.read_domains(self)

    def create_table_event(self) -> None:
        """Create the table event where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_EVENT.
        """
        self._sql.event.create_table(self)

    def persist_event_cpid(self, event_id: str, cpid: str, *, domain: str | None = None) -> bool:
        """Associate an event with a correlated process of a domain.

        event_id, cpid: an identifier. domain: an identifier, or None (the event's own where it is absent).

        True: always.

        Raises: DuplicateError, MissingReferenceError (event_id), InvalidValueError before anything is sent, others.
        The code is E_EVENTFLOW_DB_EVENT_CPID_PERSIST.
        """
        return self._sql.event_cpid.persist(self, event_id=event_id, cpid=cpid, domain=domain) > 0

    def delete_event_cpid(self, event_id: str, cpid: str, *, domain: str | None = None) -> bool:
        """Delete the association of an event with a correlated process of a domain.

        event_id, cpid: an identifier. domain: an identifier, or None (the event's own where it is absent).

        False: there was none.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_CPID_DELETE.
        """
        return self._sql.event_cpid.delete(self, event_id=event_id, cpid=cpid, domain=domain) > 0

    def read_event_cpid_by_event_id(self, event_id: str, *, limit: int | None = None) -> list[str]:
        """Read the correlated processes of an event, whatever their domains, each once, sorted.

        event_id: an identifier. limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID.
        """
        return self._sql.event_cpid.read_by_event_id(self, event_id=event_id, limit=limit)

    def read_event_cpid_by_event_id_with_domain(
        self, event_id: str, *, limit: int | None = None
    ) -> list[tuple[str, str]]:
        """Read the correlated processes of an event as (domain, cpid), each once, sorted.

        event_id: an identifier. limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID.
        """
        return self._sql.event_cpid.read_by_event_id_with_domain(self, event_id=event_id, limit=limit)

    def create_table_event_cpid(self) -> None:
        """Create the table event_cpid where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_EVENT_CPID.
        """
        self._sql.event_cpid.create_table(self)

    def persist_event_eid(self, event_id: str, eid: str) -> bool:
        """Associate an event with an entity.

        event_id, eid: an identifier.

        True: always.

        Raises: DuplicateError, MissingReferenceError (event_id), InvalidValueError before anything is sent, others.
        The code is E_EVENTFLOW_DB_EVENT_EID_PERSIST.
        """
        return self._sql.event_eid.persist(self, event_id=event_id, eid=eid) > 0

    def persist_events_eid(self, associations: Iterable[tuple[str, str]]) -> int:
        """Persist many, all or none, as persist_event_eid does one; gives how many.

        associations: an iterable of tuples (event_id, eid). They are sent in statements of many rows. Inside a
        transaction they are part of it.

        Raises: as persist_event_eid; InvalidValueError says which item, counted from 0, breaks which rule. The code
        is E_EVENTFLOW_DB_EVENT_EID_PERSIST.
        """
        return len(self._persist_many(self._sql.event_eid.persist, associations))

    def delete_event_eid(self, event_id: str, eid: str) -> bool:
        """Delete the association of an event with an entity.

        event_id, eid: an identifier.

        False: there was none.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_EID_DELETE.
        """
        return self._sql.event_eid.delete(self, event_id=event_id, eid=eid) > 0

    def read_event_eid_by_event_id(self, event_id: str, *, limit: int | None = None) -> list[str]:
        """Read the entities of an event, sorted.

        event_id: an identifier. limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_EID_READ_BY_EVENT_ID.
        """
        return self._sql.event_eid.read_by_event_id(self, event_id=event_id, limit=limit)

    def create_table_event_eid(self) -> None:
        """Create the table event_eid where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_EVENT_EID.
        """
        self._sql.event_eid.create_table(self)

    def persist_event_published(self, published: NewPublishedEvent | PublishedEvent) -> bool:
        """Persist the publication of an event.

        published: a mapping of the following, or a PublishedEvent. event_id, publisher: an identifier.

        True: always.

        Raises: DuplicateError, MissingReferenceError (event_id), InvalidValueError before anything is sent, others.
        The code is E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST.
        """
        return self._persist(self._sql.event_published.persist, published)

    def persist_events_published(self, published: Iterable[NewPublishedEvent | PublishedEvent]) -> int:
        """Persist many, all or none, as persist_event_published does one; gives how many.

        published: an iterable of mappings or records. They are sent in statements of many rows. Inside a
        transaction they are part of it.

        Raises: as persist_event_published; InvalidValueError says which item, counted from 0, breaks which rule.
        The code is E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST.
        """
        return len(self._persist_many(self._sql.event_published.persist, published))

    def read_event_published(self, event_id: str) -> PublishedEvent:
        """Read the publication of an event, with the event's domain, pid and name.

        event_id: an identifier.

        Raises: NotFoundError with the code E_EVENTFLOW_DB_EVENT_PUBLISHED_NOT_FOUND, InvalidValueError before
        anything is sent, others. The code is E_EVENTFLOW_DB_EVENT_PUBLISHED_READ.
        """
        return self._sql.event_published.read(self, event_id=event_id)

    def update_event_published_to_consumed_by_hub(self, event_id: str, hub: str) -> bool:
        """Claim a publication for a hub: True for exactly one caller, ever.

        event_id, hub: an identifier.

        False: another hub has it, or it is unknown.

        Raises: MissingReferenceError (hub), InvalidValueError before anything is sent, OutcomeUnknownError when the
        reply was lost, others. The code is E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE.
        """
        return self._sql.event_published.update_to_consumed_by_hub(self, event_id=event_id, hub=hub) > 0

    def update_event_published_to_consumed_by_spoke(self, event_id: str, spoke: str) -> bool:
        """Claim a publication for a spoke, its consumer: True for exactly one caller, ever.

        event_id, spoke: an identifier.

        False: another spoke has it, or it is unknown.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE.
        """
        return self._sql.event_published.update_to_consumed_by_spoke(self, event_id=event_id, spoke=spoke) > 0

    def update_event_published_to_success(self, event_id: str, *, consumer: str | None = None) -> bool:
        """Mark a publication as having succeeded, now; with a consumer, only where that one has it.

        event_id: an identifier. consumer: an identifier, or None.

        False: there is none, or it is not that consumer's any more.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_SUCCESS.
        """
        return self._sql.event_published.update_to_success(self, event_id=event_id, consumer=consumer) > 0

    def update_event_published_to_orphan(self, event_id: str) -> bool:
        """Mark a publication as having found no consumer, now.

        event_id: an identifier.

        False: there is none.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_ORPHAN.
        """
        return self._sql.event_published.update_to_orphan(self, event_id=event_id) > 0

    def extend_event_published(self, event_id: str, consumer: str, lease: int = 60) -> bool:
        """Have the lease of a claim end so many seconds from now, rounded up.

        event_id, consumer: an identifier. lease: whole seconds from 1 to 31536000, or None.

        False: it is not that consumer's any more, or has no lease.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_EVENT_PUBLISHED_EXTEND.
        """
        return self._sql.event_published.extend(self, event_id=event_id, consumer=consumer, lease=lease) > 0

    def release_events_published(self, event_ids: Sequence[str], *, consumer: str | None = None) -> int:
        """Have publications that have not ended be claimed anew, by spokes and hubs; with a consumer, only what that
        one has.

        event_ids: a list of identifiers. consumer: an identifier, or None.

        Gives how many were claimed.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_EVENT_PUBLISHED_RELEASE.
        """
        return self._sql.event_published.release_list(self, event_ids=event_ids, consumer=consumer)

    def create_table_event_published(self) -> None:
        """Create the table event_published where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is
        E_EVENTFLOW_DB_CREATE_TABLE_EVENT_PUBLISHED.
        """
        self._sql.event_published.create_table(self)

    def persist_event_scheduled(self, scheduled: NewScheduledEvent | ScheduledEvent) -> bool:
        """Persist the schedule of an event; its time is cut to the second: at most a second early, never late.

        scheduled: a mapping of the following, or a ScheduledEvent. event_id: an identifier. scheduled: an aware
        datetime (cut to the second).

        True: always.

        Raises: DuplicateError, MissingReferenceError (event_id), InvalidValueError before anything is sent, others.
        The code is E_EVENTFLOW_DB_SCHEDULED_EVENT_PERSIST.
        """
        return self._persist(self._sql.event_scheduled.persist, scheduled)

    def persist_events_scheduled(self, scheduled: Iterable[NewScheduledEvent | ScheduledEvent]) -> int:
        """Persist many, all or none, as persist_event_scheduled does one; gives how many.

        scheduled: an iterable of mappings or records. They are sent in statements of many rows. Inside a
        transaction they are part of it.

        Raises: as persist_event_scheduled; InvalidValueError says which item, counted from 0, breaks which rule.
        The code is E_EVENTFLOW_DB_SCHEDULED_EVENT_PERSIST.
        """
        return len(self._persist_many(self._sql.event_scheduled.persist, scheduled))

    def read_event_scheduled(self, event_id: str) -> ScheduledEvent:
        """Read the schedule of an event, with the event's domain, pid and name.

        event_id: an identifier.

        Raises: NotFoundError with the code E_EVENTFLOW_DB_SCHEDULED_EVENT_NOT_FOUND, InvalidValueError before
        anything is sent, others. The code is E_EVENTFLOW_DB_SCHEDULED_EVENT_READ.
        """
        return self._sql.event_scheduled.read(self, event_id=event_id)

    def read_events_scheduled(self, *, limit: int | None = None) -> list[ScheduledEvent]:
        """Read the schedules that are not executed yet, overdue ones included, soonest first.

        limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_SCHEDULED_EVENT_READ.
        """
        return self._sql.event_scheduled.read_list(self, limit=limit)

    def update_event_scheduled_executed(self, event_id: str) -> bool:
        """Claim the execution of a scheduled event: True for exactly one caller, ever.

        event_id: an identifier.

        False: it is executed already, or unknown.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_EXECUTED.
        """
        return self._sql.event_scheduled.update_executed(self, event_id=event_id) > 0

    def update_event_scheduled_success(self, event_id: str) -> bool:
        """Mark a scheduled event as having succeeded, now.

        event_id: an identifier.

        False: it has no schedule.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_SUCCESS.
        """
        return self._sql.event_scheduled.update_success(self, event_id=event_id) > 0

    def update_event_scheduled_failed(self, event_id: str) -> bool:
        """Mark a scheduled event as having failed, now.

        event_id: an identifier.

        False: it has no schedule.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_FAILED.
        """
        return self._sql.event_scheduled.update_failed(self, event_id=event_id) > 0

    def read_events_scheduled_due(self, *, limit: int | None = None) -> list[ScheduledEvent]:
        """Read the schedules that are due by the server's clock and not executed yet, soonest first.

        limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_SCHEDULED_EVENT_READ.
        """
        return self._sql.event_scheduled.read_due(self, limit=limit)

    def reschedule_event(self, event_id: str, scheduled: datetime) -> bool:
        """Give an event that is not executed yet another time; it is cut to the second.

        event_id: an identifier. scheduled: an aware datetime (cut to the second).

        False: it is executed already, or has no schedule.

        Raises: InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_SCHEDULED_EVENT_RESCHEDULE.
        """
        return self._sql.event_scheduled.reschedule_event(self, event_id=event_id, scheduled=scheduled) > 0

    def cancel_event_scheduled(self, event_id: str) -> bool:
        """Delete the schedule of an event that is not executed yet, and the publication that waits for it; the event
        stays.

        event_id: an identifier.

        False: it is executed already, or has no schedule.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_SCHEDULED_EVENT_CANCEL.
        """
        return self._sql.event_scheduled.cancel(self, event_id=event_id) > 0

    def create_table_event_scheduled(self) -> None:
        """Create the table event_scheduled where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is
        E_EVENTFLOW_DB_CREATE_TABLE_EVENT_SCHEDULED.
        """
        self._sql.event_scheduled.create_table(self)

    def persist_hub(self, hub: NewHub | Hub) -> bool:
        """Persist a hub, online from now on.

        hub: a mapping of the following, or a Hub. id: an identifier. external_ip, internal_ip: 1 to 45 printable
        ASCII characters, without a space around them. external_port, internal_port: a whole number from 0 to 65535.

        True: always.

        Raises: DuplicateError, InvalidValueError before anything is sent, others. The code is
        E_EVENTFLOW_DB_HUB_PERSIST.
        """
        return self._persist(self._sql.hub.persist, hub)

    def read_hub(self, id: str) -> Hub:
        """Read a hub, online or not.

        id: an identifier.

        Raises: NotFoundError with the code E_EVENTFLOW_DB_HUB_NOT_FOUND, InvalidValueError before anything is sent,
        others. The code is E_EVENTFLOW_DB_HUB_READ.
        """
        return self._sql.hub.read(self, id=id)

    def read_online_hubs(self, *, limit: int | None = None) -> list[Hub]:
        """Read the hubs that have not quit, longest online first.

        limit: a whole number from 0 up, or None for no limit.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_HUBS_READ.
        """
        return self._sql.hub.read_online(self, limit=limit)

    def update_hub_to_quit(self, id: str) -> bool:
        """Mark a hub as quit, now: True once.

        id: an identifier.

        False: it had quit already, or is unknown.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_HUB_UPDATE_TO_QUIT.
        """
        return self._sql.hub.update_to_quit(self, id=id) > 0

    def has_hub_quit(self, id: str) -> bool:
        """Whether a hub has quit.

        id: an identifier.

        False: it is online, or unknown.

        Raises: InvalidValueError before anything is sent, others. The code is E_EVENTFLOW_DB_HUB_HAS_QUIT.
        """
        return bool(self._sql.hub.has_quit(self, id=id))

    def purge_hubs(self, before: datetime, *, limit: int = 1000) -> int:
        """Delete hubs that quit before a time and that no publication names, longest ago first.

        before: an aware datetime. limit: a whole number from 1 to 10000, or None.

        Gives how many.

        Raises: InvalidValueError before anything is sent, OutcomeUnknownError when the reply was lost, others. The
        code is E_EVENTFLOW_DB_HUBS_PURGE.
        """
        return self._sql.hub.purge_list(self, before=before, limit=limit)

    def create_table_hub(self) -> None:
        """Create the table hub where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_HUB.
        """
        self._sql.hub.create_table(self)

    def create_table_lease(self) -> None:
        """Create the table lease where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_LEASE.
        """
        self._sql.lease.create_table(self)

    def create_table_log(self) -> None:
        """Create the table log where it is missing.

        Raises: InvalidValueError inside a transaction, others. The code is E_EVENTFLOW_DB_CREATE_TABLE_LOG.
        """
        self._sql.log.create_table(self)
