"""Measures how the time of every operation grows with its table: the same calls on few rows and on many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, islice
from typing import Any, Final

from processors import pinned

from eventflow_db import EventflowDB, Settings
from eventflow_db.testing import Server, temporary_database

FEW: Final = 10_000
CALLS: Final = 20
"""Calls of one repetition."""
ROUNDS: Final = 15
FIRST: Final = date(2020, 1, 1)
"""The first of the days that logs were archived on."""
COLD: Final = 40
BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
_numbers = count()

# A quarter of the events in one process, a quarter in ten processes of one domain, the rest in processes of twenty.
FILL: Final = (
    "INSERT INTO hub SELECT CONCAT('q', n), '2024-01-01', '10.0.0.1', 1, '10.0.0.1', 1, '2024-01-02' FROM numbers",
    "INSERT INTO event SELECT CONCAT('e', LPAD(n, 9, '0')), '2024-01-01' + INTERVAL n SECOND, "
    "ELT(1 + n % 4, 'big', 'few', 'd', 'd'), NULL, "
    "CASE n % 4 WHEN 0 THEN 'big' WHEN 1 THEN CONCAT('f', n DIV 4 % 10) ELSE CONCAT('p', n DIV 40) END, 'name', "
    """'{"key": "value"}' FROM numbers""",
    "INSERT INTO event_published (event_id, publisher, published, consumer, consumed_hub, consumed_spoke, success) "
    "SELECT id, 'publisher', timestamp, 'spoke', timestamp, timestamp, timestamp FROM event",
    "INSERT INTO event_scheduled (event_id, scheduled, executed, success) "
    "SELECT id, timestamp, timestamp, timestamp FROM event",
    "UPDATE event_scheduled SET executed = NULL, success = NULL WHERE event_id < 'e000000010'",
    "INSERT INTO event_cpid SELECT CONCAT('e', LPAD(n, 9, '0')), CONCAT('c', n DIV 10) FROM numbers",
    "INSERT INTO event_eid SELECT CONCAT('e', LPAD(n, 9, '0')), CONCAT('i', n DIV 10) FROM numbers",
    "INSERT INTO certificate SELECT '2024-01-01', '2024-01-01', 1 + n % 10, CONCAT('a', n DIV 10), 'cert', 'key', "
    "'iv', 'salt', 'tag', 'pass', 'iv', 'salt', 'tag', '2024-01-02', '2024-01-02' FROM numbers",
    "INSERT INTO log (timestamp, agent, message, error) "
    f"SELECT '{FIRST}' + INTERVAL n % {COLD} DAY, 'agent', 'message', '{{}}' FROM numbers",
)


def event(**more: Any) -> Any:
    """An event to persist."""
    return {"domain": "new", "pid": f"new-{next(_numbers)}", "name": "name", "data": {"key": "value"}, **more}


def certificate(id: str, days: int = 100) -> Any:
    """A certificate to persist, valid from now on for some days."""
    parts = ("key", "key_iv", "key_salt", "key_tag", "pass", "pass_iv", "pass_salt", "pass_tag")
    validity = datetime.now(UTC) + timedelta(days=days)
    return {"id": id, "validity": validity, "cert": "cert"} | dict.fromkeys(parts, b"0123456789")


def hub() -> Any:
    """A hub to persist."""
    address = {"external_ip": "10.0.0.1", "external_port": 1, "internal_ip": "10.0.0.1", "internal_port": 1}
    return {"id": f"hub-{next(_numbers)}"} | address


def _method(db: EventflowDB, kind: str, name: str) -> Any:
    return getattr(db, name.format(kind))


def spread(call: Callable[..., Any], then: Callable[[Any], object] = lambda result: result) -> Callable[[Any], object]:
    """The call with its arguments in one tuple."""
    return lambda arguments: then(call(*arguments))


class Operations:
    """Each method is an operation: it prepares, and yields the calls that are timed."""

    def __init__(self, db: EventflowDB, rows: int) -> None:
        self.db = db
        self.rows = rows
        self._days = count(1)
        self._far = date(2060, 1, 1)
        self._cold = FIRST

    def known(self, of: int) -> Iterator[int]:
        """Numbers spread over all rows that there are `of` of."""
        return (next(_numbers) * 7919 % of for _ in count())

    def fresh(self) -> list[str]:
        """Events that were just persisted."""
        return self.db.persist_events([event() for _ in range(CALLS)])

    def calls(self) -> Iterator[tuple[str, Callable[[], Sequence[Callable[[], object]]]]]:
        """Every operation: its name, and what makes the calls of one repetition."""
        db, known = self.db, self.known

        def each(call: Callable[[Any], object], items: Callable[[], Any]) -> Callable[[], Any]:
            return lambda: [lambda item=item: call(item) for item in islice(items(), CALLS)]

        def ids() -> Iterator[str]:
            return (f"e{number:09d}" for number in known(self.rows))

        def processes() -> Iterator[str]:
            return (f"p{number}" for number in known(self.rows // 40))

        def published() -> list[str]:
            found = self.fresh()
            db.persist_events_published([{"event_id": id, "publisher": "publisher"} for id in found])
            return found

        def scheduled() -> list[str]:
            found = self.fresh()
            db.persist_events_scheduled([{"event_id": id, "scheduled": BEGIN} for id in found])
            return found

        def associated() -> list[str]:
            found = self.fresh()
            db.persist_events_cpid([(id, "new") for id in found])
            db.persist_events_eid([(id, "new") for id in found])
            return found

        def hubs() -> list[str]:
            found = [hub() for _ in range(CALLS)]
            for one in found:
                db.persist_hub(one)
            return [one["id"] for one in found]

        def active() -> list[str]:
            found = [f"a{number}" for number in islice(known(self.rows // 10), CALLS)]
            return [id for id in found if db.persist_certificate(certificate(id))]

        def expired() -> Any:
            for number in islice(known(self.rows // 10), 5):
                db.persist_certificate(certificate(f"a{number}", -1))
            return [0]

        def position() -> Iterator[Any]:
            return ((BEGIN + timedelta(seconds=number), "") for number in known(int(self.rows * 0.9)))

        def page(after: Any) -> object:
            return list(islice(db.iter_events_by_domain_and_pid("big", "big", after=after, page=20), 20))

        def archive() -> list[date]:
            self._far += timedelta(days=1)
            return [self._far]

        def prune() -> list[date]:
            self._cold += timedelta(days=1)
            return [self._cold]

        def new(make: Callable[[], Any]) -> Callable[[], Any]:
            return lambda: (make() for _ in count())

        def once() -> list[int]:
            return [0]

        moment = BEGIN - timedelta(days=1)
        late = BEGIN + timedelta(days=9999)

        def pairs(ids: Iterable[str], second: str) -> Iterator[tuple[str, str]]:
            return ((id, second) for id in ids)

        def new_pairs() -> Iterator[tuple[str, str]]:
            return ((id, f"n{next(_numbers)}") for id in ids())

        def groups(letter: str) -> Iterator[tuple[str, str]]:
            return (("d", f"{letter}{number}") for number in known(self.rows // 10))

        def claims(party: str) -> Iterator[tuple[str, str]]:
            return pairs(published(), party)

        yield "persist_event", each(db.persist_event, new(event))
        yield "persist_events (20)", each(lambda _: db.persist_events([event() for _ in range(20)]), new(int))
        yield "read_event", each(db.read_event, ids)
        yield "delete_event", each(db.delete_event, published)
        yield (
            "read_events_by_domain_and_pid",
            each(lambda p: db.read_events_by_domain_and_pid("d", p), processes),
        )
        yield "… limit=20 of the large process", each(
            lambda _: db.read_events_by_domain_and_pid("big", "big", limit=20), new(int)
        )  # fmt: skip
        yield "… between_timestamps", each(
            lambda p: db.read_events_by_domain_and_pid_between_timestamps("d", p, moment, late), processes
        )  # fmt: skip
        yield "… and_names", each(
            lambda p: db.read_events_by_domain_and_pid_and_names("d", p, ["name", "other"]), processes
        )  # fmt: skip
        yield "read_distinct_pid_by_domain", each(lambda _: db.read_distinct_pid_by_domain("few"), new(int))
        yield "iter_events_by_domain_and_pid, a page", each(page, position)
        yield "delete_event_by_domain_and_pid", each(
            lambda id: db.delete_event_by_domain_and_pid("new", db.read_event(id).pid), self.fresh
        )  # fmt: skip
        for kind, letter in (("cpid", "c"), ("eid", "i")):
            method = partial(_method, db, kind)
            of_group = partial(groups, letter)
            yield f"persist_event_{kind}", each(spread(method("persist_event_{}")), new_pairs)
            yield (
                f"delete_event_{kind}",
                each(spread(method("delete_event_{}")), lambda: pairs(associated(), "new")),
            )
            yield f"read_event_{kind}_by_event_id", each(method("read_event_{}_by_event_id"), ids)
            yield (
                f"read_events_by_domain_and_{kind}",
                each(spread(method("read_events_by_domain_and_{}")), of_group),
            )
            pages = method("iter_events_by_domain_and_{}")
            yield f"iter_events_by_domain_and_{kind}", each(spread(pages, list), of_group)
        yield (
            "read_events_by_eid",
            each(db.read_events_by_eid, lambda: (f"i{n}" for n in known(self.rows // 10))),
        )
        yield "persist_event_published", each(
            lambda id: db.persist_event_published({"event_id": id, "publisher": "publisher"}), self.fresh
        )  # fmt: skip
        yield "read_event_published", each(db.read_event_published, ids)
        for end, party in (("hub", "online-0"), ("spoke", "spoke")):
            claim = getattr(db, f"update_event_published_to_consumed_by_{end}")
            parties = partial(claims, party)
            yield f"update_…_to_consumed_by_{end}", each(spread(claim), parties)
        for end in ("success", "failed", "orphan"):
            yield (
                f"update_event_published_to_{end}",
                each(getattr(db, f"update_event_published_to_{end}"), ids),
            )
        yield "persist_event_scheduled", each(
            lambda id: db.persist_event_scheduled({"event_id": id, "scheduled": BEGIN}), self.fresh
        )  # fmt: skip
        yield "update_event_scheduled_executed", each(db.update_event_scheduled_executed, scheduled)
        yield "read_events_scheduled, 30 due", each(lambda _: db.read_events_scheduled(limit=30), new(int))
        yield "read_event_scheduled", each(db.read_event_scheduled, ids)
        for end in ("success", "failed"):
            yield f"update_event_scheduled_{end}", each(getattr(db, f"update_event_scheduled_{end}"), ids)
        yield "persist_hub", each(db.persist_hub, new(hub))
        yield "update_hub_to_quit", each(db.update_hub_to_quit, hubs)
        yield "read_online_hubs, 10", each(lambda _: db.read_online_hubs(limit=10), new(int))
        yield "has_hub_quit", each(db.has_hub_quit, lambda: (f"q{number}" for number in known(self.rows)))
        yield "persist_log", each(db.persist_log, new(lambda: {"agent": "agent", "message": "message"}))
        yield "prepare_log_partitions", each(lambda _: db.prepare_log_partitions(next(self._days)), once)
        yield "archive_log, p_hot empty", each(db.archive_log, archive)
        yield "prune_log", each(db.prune_log, prune)
        yield (
            "persist_certificate",
            each(db.persist_certificate, new(lambda: certificate(f"x{next(_numbers)}"))),
        )
        yield "read_certificate", each(db.read_certificate, active)
        yield "revoke_certificate", each(db.revoke_certificate, active)
        yield "revoke_certificates_past_validity_period", each(
            lambda _: db.revoke_certificates_past_validity_period(), expired
        )  # fmt: skip


def fill(server: Server, db: EventflowDB, rows: int) -> None:
    """Give each table so many rows, past the library."""
    db.setup_table_schemas()
    for number in range(1, COLD + 1):
        db.archive_log(FIRST + timedelta(days=number))
    with server.connect(db.settings.database) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0, time_zone = '+00:00'")
        cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
        cursor.execute("INSERT INTO numbers VALUES (0)")
        size = 1
        while size < rows:
            cursor.execute(f"INSERT INTO numbers SELECT n + {size} FROM numbers WHERE n + {size} < {rows}")
            size *= 2
        for statement in FILL:
            cursor.execute(statement)
        cursor.execute("DROP TABLE numbers")
        cursor.execute("ANALYZE TABLE certificate, event, event_cpid, event_eid, event_published, event_scheduled, hub")
    for number in range(10):
        db.persist_hub(hub() | {"id": f"online-{number}"})


def growth(server: Server, settings: Settings, rows: int) -> dict[str, dict[str, float]]:
    """The median microseconds of every operation's call at FEW rows and at `rows`."""
    with temporary_database(server) as few_url, temporary_database(server) as many_url:
        both = {}
        for size, url in ((FEW, few_url), (rows, many_url)):
            db = EventflowDB(Settings.from_url(url))
            started = time.monotonic()
            fill(server, db, size)
            print(f"{size:,} rows in each table after {time.monotonic() - started:.0f} s", flush=True)
            both[size] = Operations(db, size)
        found: dict[str, dict[str, float]] = {}
        for (name, few), (_, many) in zip(both[FEW].calls(), both[rows].calls(), strict=True):
            times: dict[int, list[float]] = {FEW: [], rows: []}
            with pinned(server, True):
                for _ in range(ROUNDS):
                    for size, make in ((FEW, few), (rows, many)):
                        calls = make()
                        started = time.perf_counter()
                        for call in calls:
                            call()
                        times[size].append((time.perf_counter() - started) / max(len(calls), 1) * 1e6)
            low, high = statistics.median(times[FEW]), statistics.median(times[rows])
            found[name] = {str(FEW): low, str(rows): high, "growth": high / low}
            print(f"{name:42}{low:12,.0f} µs{high:12,.0f} µs{high / low:8.2f}", flush=True)
        for operations in both.values():
            operations.db.close()
        return found
