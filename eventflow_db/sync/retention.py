# Generated from eventflow_db/aio/retention.py by scripts/generate; do not edit.
"""The operations that delete more than one statement should: in steps, each of which holds nobody up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ..errors import EventflowDBError
from ..redact import redacting_all
from .caller import check
from .methods import Methods

STEP: Final = 1000
"""How many events a step deletes: with what belongs to them, well within what a cluster takes of one transaction."""


@redacting_all
class Retention(Methods):
    """What ends the life of events."""

    _has_transaction = False
    """Whether all that is sent is one transaction."""

    def delete_event_by_domain_and_pid(self, domain: str, pid: str) -> bool:
        """Delete every event of a process, with their associations, schedules and publications; False: there was none.

        In steps of 1,000 events, oldest first, each a transaction of its own, until there is none left, so that nobody
        waits for long. Inside a transaction, and on a connection of from_connection, it is one statement.

        Raises: EventflowDBError, which says how many events are deleted already (E_EVENTFLOW_DB_EVENT_DELETE_BY_PID).
        """
        queries = self._sql.event
        if self._has_transaction:
            return queries.delete_by_domain_and_pid(self, domain=domain, pid=pid) > 0
        deleted = 0
        try:
            while ids := queries.read_ids_by_domain_and_pid(self, domain=domain, pid=pid, limit=STEP):
                deleted += queries.delete_list(self, ids=ids)
                if len(ids) < STEP:
                    break
            return deleted > 0
        except EventflowDBError as error:
            message = f"{deleted:,} events are deleted already; {error.message}" if deleted else error.message
            failure = type(error)(error.code, message, error.errno)
            failure.__cause__ = error.__cause__
        raise failure

    def purge_events(self, domain: str, before: datetime, *, limit: int = STEP) -> int:
        """Delete events of a domain that happened before a time, oldest first, with all that belongs to them.

        Gives how many: 0 when there is none left, or when others are adding to each. An event stays while it has a
        publication that is open, or that has ended since, also as dead, or a schedule that is not executed, or has been
        since. Its answers stay, without their rid. One transaction, in which nobody else's rows are waited for.

        before: an aware datetime. limit: 1 to 10,000.

        Raises: OutcomeUnknownError when the reply was lost, and others (E_EVENTFLOW_DB_EVENTS_PURGE).
        """
        queries = self._sql.event
        spec = queries.purge.statement.spec
        given: dict[str, Any] = {"domain": domain, "before": before, "limit": limit}
        check(spec, queries.read_purgeable.statement.spec.types, given)

        def work(session: Retention) -> int:
            ids = queries.read_purgeable(session, **given)
            # of what is locked now, nothing is added any more
            locked = queries.lock_list(session, ids=ids) if ids else []
            return queries.purge(session, ids=locked, before=before) if locked else 0

        return self._atomically(spec, work)
