"""The operation that looks at all of it: what waits, what is stuck, what will not go on for long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ..errors import EventflowDBError
from ..records import PublicationCount, Status
from ..redact import redacting_all
from .methods import AsyncMethods

MOST: Final = 10_000
"""What counts stop at."""
_FEW: Final = 100
"""How many hubs and certificates are named."""
_DAYS: Final = 30
"""How long before their end certificates are named."""


@redacting_all
class AsyncReport(AsyncMethods):
    """What operators look at."""

    async def read_status(self) -> Status:
        """Read what waits, what is stuck and what will not go on for long, by a few short queries; nothing is locked.

        Counts stop at 10,000, which stands for more; of what is open in a domain, the 10,000 longest available are
        looked at. `outdated_tables`: those that need `eventflow-db upgrade`; without those of publications there are
        no counts of these. `hubs`: up to 100 that are online. `published_lately`: events published between an hour and
        a minute ago, 10 standing for more, by which to judge a hub that has taken none. `certificates`: the id of up to
        100 active ones that end within 30 days, and the whole days left, less than 0 where they have ended.
        `log_days_ahead`: how many days after today, in UTC, have a partition of their own.

        Raises: SchemaError where a table is missing; EventflowDBError (E_EVENTFLOW_DB_STATUS).
        """
        spec = self._sql.session.read_server.statement.spec
        try:
            return await self._read_status()
        except EventflowDBError as error:
            failure = spec.recoded(error)
        raise failure

    async def _read_status(self) -> Status:
        sql = self._sql
        server, schedules = await sql.session.read_server(self), await sql.event_scheduled.count(self)
        # each is one row, whatever there is
        assert server is not None
        assert schedules is not None
        outdated = await sql.session.read_unfit_tables(self)
        counts: dict[tuple[str, str], PublicationCount] = {}
        if "event_published" not in outdated:
            for queue in (*await sql.event_published.read_domains(self), None):
                for found in await sql.event_published.count(self, queue=queue):
                    counts[found.domain, found.state] = _together(counts.get((found.domain, found.state)), found)
        last = await sql.log.read_last_partition(self)
        return Status(
            server=server,
            outdated_tables=outdated,
            publications=[counts[key] for key in sorted(counts)],
            schedules=schedules,
            hubs=await sql.hub.read_heard(self, limit=_FEW),
            published_lately=await sql.event_published.count_lately(self),
            certificates=await sql.certificate.read_days_left(self, days=_DAYS, limit=_FEW),
            log_days_ahead=max(0, (_day(last) - server.now).days) if last else 0,
        )


def _day(partition: str) -> datetime:
    """The day before which a cold partition holds the log."""
    return datetime.strptime(partition, "p_cold_%Y%m%d").replace(tzinfo=UTC)


def _together(one: PublicationCount | None, other: PublicationCount) -> PublicationCount:
    """What is counted by its own domain and by its event's."""
    if one is None:
        return other
    oldest = min(filter(None, (one.oldest, other.oldest)), default=None)
    return PublicationCount(one.domain, one.state, min(one.count + other.count, MOST), oldest)
