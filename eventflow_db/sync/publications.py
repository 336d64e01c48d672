# Generated from eventflow_db/aio/publications.py by scripts/generate; do not edit.
"""The operations on publications that are more than one query: claims, due schedules, looking at them and mending."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from ..errors import InvalidValueError
from ..query.tagged import log_error, plain_log, revived
from ..records import ClaimedEvent, PublishedEvent
from ..redact import redacting_all
from .caller import check
from .methods import Methods

_ROUNDS: Final = 10
"""How often a claim gets out of its way what may not be claimed."""
_MOST_POSTPONED: Final = 1000
"""How many publications it gets out of its way at once."""
_LOOK: Final = 0.1
"""How often a claim that has all it wants looks for what Node has published: it is claimed two seconds later anyway."""
_DONE: Final = ("published", "success")
"""States that leave nothing to requeue."""


@redacting_all
class Publications(Methods):
    """What becomes of a publication.

    It is open until it has a success, a failure or is an orphan. A claim with a lease is a consumer's until the lease
    ends, by the server's clock; then whoever claims next has it. What a spoke of Node's has consumed, or
    update_event_published_to_consumed_by_spoke, has no lease, and is nobody else's until it is released or requeued.
    """

    def claim_events_published(
        self,
        domain: str,
        consumer: str,
        *,
        names: Sequence[str] | None = None,
        limit: int = 10,
        lease: int = 60,
        deserialize: bool = False,
    ) -> list[ClaimedEvent]:
        """Claim published events of a domain, longest available first: each is the consumer's until its lease ends.

        consumer: an identifier that no other consumer has at that time, for it is what the other methods know the claim
        by. names: only events that have one of these; those of others at the front are read again by each claim.
        limit: 1 to 10,000. lease: whole seconds from 1 to 31536000, rounded up. deserialize: as in read_event.

        At least once: a claim whose lease ends, whose consumer has died or whose reply was lost, is claimed again. An
        event with a schedule is not claimed before that is executed. One that Node has published can be claimed two
        seconds after the first claim that finds it; one that a spoke of Node's has consumed, never. There may be fewer
        than `limit` while others claim at the same time.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM).
        """
        queries = self._sql.event_published
        read: Any = queries.read_available if names is None else queries.read_available_by_names
        spec = queries.claim.statement.spec
        filters = {"domain": domain, **({} if names is None else {"names": names})}
        check(
            spec,
            {**read.statement.spec.types, **spec.types},
            {**filters, "consumer": consumer, "limit": limit, "lease": lease},
        )

        def work(session: Publications) -> list[ClaimedEvent]:
            claimed = take(session)
            if len(claimed) < limit or random.random() < _LOOK:
                without_domain = queries.read_without_domain(session)
                if without_domain:
                    queries.fill_in_domain(session, event_ids=without_domain)
            return claimed

        def take(session: Publications) -> list[ClaimedEvent]:
            size = limit
            for _ in range(_ROUNDS):
                found = read(session, **filters, limit=size)
                claimable = [event for event in found if event.attempts > 0][:limit]
                if waiting := [event.id for event in found if event.attempts == 0]:
                    queries.postpone(session, event_ids=waiting)
                if claimable:
                    event_ids = [event.id for event in claimable]
                    queries.claim(session, event_ids=event_ids, consumer=consumer, lease=lease)
                    return claimable
                if not waiting:
                    break
                size = max(limit, _MOST_POSTPONED)
            return []

        events = self._atomically(spec, work)
        return [revived(event) for event in events] if deserialize else events

    def update_event_published_to_failed(
        self, event_id: str, *, consumer: str | None = None, error: Any = None, retry_in: int | None = None
    ) -> bool:
        """Mark a publication as having failed, now; with retry_in, have it claimed again after so many seconds.

        consumer: only where that one has it, and it has not ended otherwise; with retry_in, only where it is open.
        error: any JSON value or exception, kept with the publication; what has no JSON form is described.
        retry_in: whole seconds from 0 to 31536000; None: it is dead until it is requeued.
        False: there is none, or it is not that consumer's any more.

        Raises: OutcomeUnknownError when the reply was lost, with retry_in; others
        (E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED).
        """
        query: Any = self._sql.event_published.update_to_failed
        values: dict[str, Any] = {"event_id": event_id, "consumer": consumer}
        if retry_in is not None:
            query = self._sql.event_published.retry
            values["retry_in"] = retry_in
        try:
            return bool(query(self, **values, error=None if error is None else log_error(error)))
        except InvalidValueError:
            # nothing was written, and what is wrong with it is said by the next try
            pass
        return bool(query(self, **values, error=plain_log({"error": error})["error"]))

    def read_events_published(
        self, state: str, *, domain: str | None = None, before: datetime | None = None, limit: int | None = 100
    ) -> list[PublishedEvent]:
        """Read the publications that are in a state, longest first.

        state: `published` waits for a consumer; `consumed_hub` for one, and a hub has it; `consumed_spoke` is a
        consumer's; `expired` was, until its lease ended; `failed` is dead; `orphan` found no consumer; `success`.
        What waits for its schedule is not `published` yet. domain: of the event. before: in that state since before
        this time, aware; of `published`, published before. limit: None for all.

        Raises: EventflowDBError (E_EVENTFLOW_DB_EVENTS_PUBLISHED_READ).
        """
        query: Any = self._sql.event_published.read_list
        given = {"state": state, "domain": domain, "before": before, "limit": limit}
        spec = query.statement.spec
        check(spec, spec.types, given)
        # what Node has published may have no domain of its own: those are asked for by their events
        queues = [domain] if domain is not None else self._sql.event_published.read_domains(self)
        parts = [query(self, queue=queue, **given) for queue in (*queues, None)]
        return list(islice(heapq.merge(*parts, key=_since), limit))

    def requeue_events_published(
        self,
        state: str,
        *,
        domain: str | None = None,
        before: datetime | None = None,
        limit: int = 100,
        event_ids: Sequence[str] | None = None,
    ) -> int:
        """Have publications that are in a state begin anew, as when they were published; gives how many.

        Hubs and spokes, Node's too, may take them again, and their attempts count from 0. What has left the state
        meanwhile stays as it is.

        state: `consumed_hub`, `consumed_spoke`, `expired`, `failed` or `orphan`: see read_events_published, also for
        domain and before. limit: 1 to 10,000, those that are longest in the state. event_ids: just these, where they
        are in the state; then domain, before and limit mean nothing.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_EVENTS_PUBLISHED_REQUEUE).
        """
        query = self._sql.event_published.requeue
        spec = query.statement.spec
        limits = self._sql.event_published.read_available.statement.spec.types["limit"]
        types = {**self._sql.event_published.read_list.statement.spec.types, "limit": limits}
        types["event_ids"] = spec.types["event_ids"]
        given = {"state": state, "domain": domain, "before": before, "limit": limit}
        check(spec, types, given if event_ids is None else {"state": state, "event_ids": event_ids})
        if state in _DONE:
            raise spec.invalid(f"state: must not be {' or '.join(_DONE)}, which leaves nothing to requeue")

        if event_ids is not None:
            return query(self, event_ids=event_ids, state=state)

        def work(session: Publications) -> int:
            found = session.read_events_published(state, domain=domain, before=before, limit=limit)
            return query(session, event_ids=[one.event_id for one in found], state=state)

        return self._atomically(spec, work)

    def publish_events_due(self, publisher: str, *, limit: int = 100) -> list[str]:
        """Publish the events whose schedules are due by the server's clock, soonest first; gives their ids.

        In one transaction each of them gets a publication by this publisher, unless it has one, which may be claimed
        from now on, and its schedule is executed, with success. Any number of callers share the work. limit: 1 to
        10,000.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_EVENTS_DUE_PUBLISH).
        """
        schedules, publications = self._sql.event_scheduled, self._sql.event_published
        spec = schedules.execute.statement.spec
        types = {
            "publisher": publications.persist.statement.spec.types["publisher"],
            "limit": schedules.lock_due.statement.spec.types["limit"],
        }
        check(spec, types, {"publisher": publisher, "limit": limit})

        def work(session: Publications) -> list[str]:
            event_ids = schedules.lock_due(session, limit=limit)
            if event_ids:
                publications.publish_due(session, event_ids=event_ids)
                there = set(publications.read_published(session, event_ids=event_ids))
                session.persist_events_published(
                    {"event_id": event_id, "publisher": publisher} for event_id in event_ids if event_id not in there
                )
                schedules.execute(session, event_ids=event_ids)
            return event_ids

        return self._atomically(spec, work)


def _since(published: PublishedEvent) -> tuple[datetime, datetime, str]:
    """In which order the server gives publications of one state."""
    ended = published.success or published.failed or published.orphan
    return (ended or published.available, published.available, published.event_id)
