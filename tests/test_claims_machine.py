"""Claims, leases, retries, requeues, schedules and Node's statements in any order, against a model of a publication."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from eventflow_db import EventflowDB, NewHub
from eventflow_db.query.parameters import STATES

from .support import EVENT, Admin

CONSUMERS = st.sampled_from(["one", "two"])
NUMBERS = st.integers(0, 999)
OLD = datetime.now(UTC) - timedelta(hours=1)


@dataclass
class Publication:
    """What the model knows of one."""

    has_domain: bool = True
    is_available: bool = True
    waits: bool = False
    """For its schedule."""
    consumer: str | None = None
    was_consumed: bool = False
    """Whether Node's spokes are kept away."""
    hub: bool = False
    attempts: int = 0
    end: str | None = None

    @property
    def state(self) -> str:
        """As read_events_published has it."""
        if self.end:
            return self.end
        if self.consumer is None:
            return "consumed_hub" if self.hub and not self.attempts else "published"
        return "expired" if self.attempts and self.is_available else "consumed_spoke"

    def begin_anew(self) -> None:
        """As when it was published."""
        self.is_available, self.consumer, self.was_consumed = True, None, False
        self.hub, self.attempts, self.end = False, 0, None


class Claims(RuleBasedStateMachine):
    """The steps; what each gives is what the model says."""

    def __init__(self, db: EventflowDB, admin: Admin) -> None:
        super().__init__()
        self.db, self.admin = db, admin
        # what an example that failed has left would make others fail, and hide what it was
        self.admin.execute("DELETE FROM event")
        self.rows: dict[str, Publication] = {}
        self.due: set[str] = set()
        """Schedules without a publication."""

    def teardown(self) -> None:
        """Whatever happened, everything ends, and each by one claim."""
        self.publish_what_is_due()
        self.db.requeue_events_published("consumed_spoke")
        for row in self.rows.values():
            if row.state == "consumed_spoke":
                row.begin_anew()
        for _ in range(3):
            self.time_passes()
            self.claim("last", 1000)
            for event_id, row in self.rows.items():
                if row.consumer == "last" and not row.end:
                    assert self.db.update_event_published_to_success(event_id, consumer="last")
                    row.end = "success"
        assert [row for row in self.rows.values() if not row.end] == []
        self.states_are_those_of_the_model()
        self.admin.execute("DELETE FROM event")

    def _pick(self, number: int) -> tuple[str, Publication]:
        event_id = list(self.rows)[number % len(self.rows)]
        return event_id, self.rows[event_id]

    @rule(by_node=st.booleans(), scheduled=st.booleans())
    def publish(self, by_node: bool, scheduled: bool) -> None:
        """Publish an event, as Node does or as we do; with a schedule that is due."""
        event_id = self.db.persist_event(EVENT)
        if by_node:
            self.admin.execute("INSERT INTO event_published SET event_id = %s, publisher = 'node'", event_id)
        else:
            self.db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        if scheduled:
            self.db.persist_event_scheduled({"event_id": event_id, "scheduled": OLD})
        self.rows[event_id] = Publication(has_domain=not by_node, waits=scheduled)

    @rule()
    def schedule(self) -> None:
        """Schedule an event that is not published."""
        event_id = self.db.persist_event(EVENT)
        self.db.persist_event_scheduled({"event_id": event_id, "scheduled": OLD})
        self.due.add(event_id)

    @rule(consumer=CONSUMERS, limit=st.integers(1, 4))
    def claim(self, consumer: str, limit: int) -> None:
        """Claim some."""
        claimable = {
            event_id
            for event_id, row in self.rows.items()
            if not row.end and row.has_domain and row.is_available and not row.waits
            and (not row.was_consumed or row.attempts)
        }  # fmt: skip
        claimed = self.db.claim_events_published("domain", consumer, limit=limit, lease=600)
        assert {event.id for event in claimed} <= claimable
        assert len(claimed) <= limit
        assert bool(claimed) == bool(claimable)
        for event in claimed:
            row = self.rows[event.id]
            row.consumer, row.was_consumed, row.is_available = consumer, True, False
            row.attempts += 1
            assert event.attempts == row.attempts
        # one that got all it wanted need not have looked for what Node has published
        for (event_id,) in self.admin.execute("SELECT event_id FROM event_published WHERE domain IS NOT NULL"):
            row = self.rows[event_id]
            if not row.has_domain:
                row.has_domain, row.is_available = True, False
        assert len(claimed) == limit or all(row.has_domain or row.end for row in self.rows.values())

    @rule()
    def time_passes(self) -> None:
        """Leases end, and what waits is available."""
        self.admin.execute("UPDATE event_published SET available = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
        for row in self.rows.values():
            row.is_available = True

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, consumer=CONSUMERS)
    def succeed(self, number: int, consumer: str) -> None:
        """Finish what may be somebody else's."""
        event_id, row = self._pick(number)
        expected = row.consumer == consumer and row.end in (None, "success")
        assert self.db.update_event_published_to_success(event_id, consumer=consumer) is expected
        row.end = "success" if expected else row.end

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, consumer=CONSUMERS)
    def die(self, number: int, consumer: str) -> None:
        """Fail for good."""
        event_id, row = self._pick(number)
        expected = row.consumer == consumer and row.end in (None, "failed")
        assert self.db.update_event_published_to_failed(event_id, consumer=consumer, error={}) is expected
        row.end = "failed" if expected else row.end

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, consumer=CONSUMERS)
    def retry(self, number: int, consumer: str) -> None:
        """Fail, and be claimed again at once."""
        event_id, row = self._pick(number)
        expected = row.consumer == consumer and not row.end
        assert self.db.update_event_published_to_failed(event_id, consumer=consumer, retry_in=0) is expected
        if expected:
            row.consumer, row.is_available = None, True
            row.was_consumed = row.attempts > 0

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, consumer=CONSUMERS)
    def extend(self, number: int, consumer: str) -> None:
        """Extend a lease."""
        event_id, row = self._pick(number)
        expected = row.consumer == consumer and not row.end and row.attempts > 0
        assert self.db.extend_event_published(event_id, consumer, 600) is expected
        row.is_available = row.is_available and not expected

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, consumer=CONSUMERS)
    def release(self, number: int, consumer: str) -> None:
        """Give a claim back."""
        event_id, row = self._pick(number)
        expected = row.consumer == consumer and not row.end
        assert self.db.release_events_published([event_id], consumer=consumer) == expected
        if expected:
            row.begin_anew()

    @rule(state=st.sampled_from(["consumed_hub", "consumed_spoke", "expired", "failed"]))
    def requeue(self, state: str) -> None:
        """Have all of a state begin anew."""
        found = [row for row in self.rows.values() if row.state == state]
        assert self.db.requeue_events_published(state) == len(found)
        for row in found:
            row.begin_anew()

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS, name=st.sampled_from(["node", "one"]))
    def consumed_by_a_spoke_without_a_lease(self, number: int, name: str) -> None:
        """What a spoke of Node's does."""
        event_id, row = self._pick(number)
        assert self.db.update_event_published_to_consumed_by_spoke(event_id, name) is not row.was_consumed
        if not row.was_consumed:
            row.consumer, row.was_consumed = name, True

    @precondition(lambda self: self.rows)
    @rule(number=NUMBERS)
    def taken_by_a_hub(self, number: int) -> None:
        """What a hub of Node's does."""
        event_id, row = self._pick(number)
        assert self.db.update_event_published_to_consumed_by_hub(event_id, "hub-id") is not row.hub
        row.hub = True

    @rule()
    def publish_what_is_due(self) -> None:
        """Execute every schedule."""
        waiting = {event_id for event_id, row in self.rows.items() if row.waits}
        assert set(self.db.publish_events_due("scheduler")) == waiting | self.due
        for event_id in waiting:
            row = self.rows[event_id]
            row.waits = False
            if row.consumer is None:
                row.has_domain, row.is_available = True, True
        self.rows |= {event_id: Publication() for event_id in self.due}
        self.due = set()

    @invariant()
    def states_are_those_of_the_model(self) -> None:
        """Each publication is in one state."""
        for state in STATES:
            expected = {
                event_id
                for event_id, row in self.rows.items()
                if row.state == state and not (state == "published" and row.waits)
            }
            assert {row.event_id for row in self.db.read_events_published(state, limit=None)} == expected, state


@pytest.mark.parametrize("examples", [15, pytest.param(150, marks=pytest.mark.slow)])
def test_claims_in_any_order_end_each_event_once(
    db: EventflowDB, admin: Admin, database: str, hub: NewHub, examples: int
) -> None:
    db.persist_hub(hub)
    admin.use(database)
    run_state_machine_as_test(
        lambda: Claims(db, admin),  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
