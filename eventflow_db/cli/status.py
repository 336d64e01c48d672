"""The command `status`: one look at all of it, what is wrong and how to mend it; once, as metrics, or live."""

from __future__ import annotations

import json as encoder
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final, NamedTuple

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ..errors import EventflowDBError, InvalidValueError
from ..printable import printable
from ..records import Status
from ..settings import CODE
from ..sync.database import EventflowDB
from . import report
from .options import Json, Url, settings_of
from .report import duration
from .server_status import server_status

STATUS: Final = "Example: eventflow-db status --exit-code; eventflow-db status --watch"
_MOST: Final = 10_000
_MOST_LATELY: Final = 10
"""Publications of an hour, of which a hub that runs would have taken one."""
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_REQUEUE: Final = "eventflow-db published requeue --state"
_LATE: Final = {
    "published": (_HOUR, "wait for a consumer", "start a consumer of the domain"),
    "expired": (5 * _MINUTE, "have a lease that ended, and nobody claims them", "start a consumer of the domain"),
    "consumed_spoke": (_HOUR, "were consumed and not finished", f"{_REQUEUE} consumed_spoke"),
    "consumed_hub": (_HOUR, "were taken by a hub and not consumed", f"{_REQUEUE} consumed_hub"),
    "failed": (timedelta(0), "are dead", f"{_REQUEUE} failed"),
    "orphan": (timedelta(0), "found no consumer", f"{_REQUEUE} orphan"),
}
"""After how long in a state a publication is a finding, what it then is, and what mends it."""
_LINES: Final = 24
"""Of the screen that a live look has to fit."""


class Finding(NamedTuple):
    """Something that somebody should mend."""

    what: str
    cure: str


def findings(status: Status) -> Iterator[Finding]:
    """What somebody should mend, the worst first."""
    now, server = status.server.now, status.server
    if status.outdated_tables:
        yield Finding(f"tables need an upgrade: {', '.join(status.outdated_tables)}", "eventflow-db upgrade --apply")
    if server.is_read_only:
        yield Finding("the server is read-only", "name the primary in the URL")
    for one in status.publications:
        if one.state in _LATE and one.oldest is not None:
            age, what, cure = _LATE[one.state]
            if now - one.oldest >= age:
                option = f" --domain {one.domain}" if cure.startswith("eventflow-db") else ""
                before = " --before 1h" if age == _HOUR and option else ""
                text = f"{_count(one.count)} of {one.domain} {what}, the oldest since {duration(now - one.oldest)}"
                yield Finding(text, f"{cure}{option}{before}")
    schedules = status.schedules
    if schedules.oldest is not None and now - schedules.oldest >= _MINUTE:
        text = f"{_count(schedules.due)} schedules are overdue, the oldest since {duration(now - schedules.oldest)}"
        yield Finding(text, "eventflow-db scheduled publish")
    for hub in status.hubs:
        heard = hub.consumed or hub.timestamp
        if status.published_lately >= _MOST_LATELY and now - max(heard, hub.timestamp) >= _HOUR:
            yield Finding(f"nothing was heard of hub {hub.id} since {duration(now - heard)}", "look whether it runs")
    for id, days in status.certificates:
        if days < 0:
            yield Finding(f"the certificate of {id} has expired", "renew it")
        else:
            yield Finding(f"the certificate of {id} expires in {days} days", "renew it")
    if status.log_days_ahead < 1:
        yield Finding("the log has no partition ahead", "eventflow-db log prepare 7")
    if not server.is_utc:
        yield Finding(
            f"the server's time zone is {server.time_zone}, not UTC", "set default_time_zone = '+00:00' there"
        )


def _count(count: int) -> str:
    return f"{count:,}+" if count >= _MOST else f"{count:,}"


def status(
    json: Json = False,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="Print metrics in Prometheus' text format.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
    server: Annotated[
        bool, typer.Option("--server", help="Look at the server instead: sizes, transactions, locks, unused indexes.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where something is to be mended.")
    ] = False,
    url: Url = None,
) -> int:
    """Look at publications, schedules, hubs, certificates, log and server: what waits, and what somebody should mend.

    Counts stop at 10,000.

    With --server: how large tables and partitions are, transactions that are open for 10 s, waits for locks, and
    indexes that nothing has used since the server started, with the queries that promise them.

    Exit codes: 0 looked, 1 something is to be mended (with --exit-code), 2 could not look.
    """
    if server:
        if prometheus or watch:
            raise InvalidValueError(CODE, "--server: is shown once: without --watch and --prometheus")
        return 1 if server_status(settings_of(url), json) and exit_code else 0
    with EventflowDB(settings_of(url)) as db:
        if watch:
            return _watch(db)
        found = db.read_status()
    problems = list(findings(found))
    if json:
        described = [{"what": problem.what, "cure": problem.cure} for problem in problems]
        report.json({"findings": described, **msgspec.to_builtins(found)})
    elif prometheus:
        report.text("\n".join(metrics(found)), keep="\n")
    else:
        report.text(_screen(found, problems, None).plain, keep="\n")
    return 1 if exit_code and problems else 0


def _watch(db: EventflowDB) -> int:
    shown: RenderableType = Text("…")
    try:
        with Live(shown, console=report.console(), screen=report.console().is_terminal, auto_refresh=False) as live:
            while True:
                try:
                    found = db.read_status()
                    shown = _screen(found, list(findings(found)), _LINES)
                except EventflowDBError as error:
                    shown = Group(Text(printable(f"{error.message}; trying again"), style="bold red"), shown)
                live.update(shown, refresh=True)
                time.sleep(2)
    except KeyboardInterrupt:
        return 0


def _screen(status: Status, problems: list[Finding], lines: int | None) -> Text:
    """What people see; lines: at most so many, the rest is counted."""
    server = status.server
    head = [
        f"{server.version} at {server.now:%Y-%m-%d %H:%M:%S} UTC, "
        f"{'read-only' if server.is_read_only else 'writable'}, time zone {server.time_zone}",
        f"schedules: {_count(status.schedules.waiting)} wait, {_count(status.schedules.due)} due; "
        f"hubs online: {len(status.hubs)}; log: {status.log_days_ahead} days ahead",
        "",
    ]
    states: dict[str, dict[str, str]] = {}
    for one in status.publications:
        states.setdefault(one.domain, {})[one.state] = _count(one.count)
    names = ("published", "scheduled", "consumed_hub", "consumed_spoke", "expired", "failed", "orphan", "success")
    titles = ("waiting", "later", "at hub", "at work", "expired", "dead", "orphan", "success")
    table = [f"{'domain':<14}" + "".join(f" {title:>7}" for title in titles)] if states else ["no publications"]
    table += [
        f"{domain[:13]:<14}" + "".join(f" {counts.get(name, '-'):>7}" for name in names)
        for domain, counts in states.items()
    ]
    wrong = [line for problem in problems for line in (f"! {problem.what}", f"    {problem.cure}")]
    if lines is not None:
        table = _shortened(table, 9)
        wrong = _shortened([line[:79] for line in wrong], lines - len(head) - len(table) - 2)
        head = [line[:79] for line in head]
    text = Text()
    for line in (*head, *table, ""):
        text.append(printable(line) + "\n")
    for line in wrong or ["nothing to mend"]:
        style = "bold red" if line.startswith("!") else "" if wrong else "green"
        text.append(printable(line) + "\n", style=style)
    text.rstrip()
    return text


def _shortened(lines: list[str], most: int) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"… and {len(lines) - most + 1} more lines"]


def metrics(status: Status) -> Iterator[str]:
    """The same as metrics, in Prometheus' text format."""
    now = status.server.now

    def metric(name: str, help: str, *samples: tuple[str, float]) -> Iterator[str]:
        yield f"# HELP eventflow_{name} {help}"
        yield f"# TYPE eventflow_{name} gauge"
        for labels, value in samples:
            yield f"eventflow_{name}{labels} {value:g}"

    def labels(**values: str) -> str:
        quoted = (name + "=" + encoder.dumps(value, ensure_ascii=False) for name, value in values.items())
        return "{" + ",".join(quoted) + "}"

    rows = [(labels(domain=one.domain, state=one.state), one) for one in status.publications]
    yield from metric(
        "publications", "Publications in a state; 10000 stands for more.", *((label, one.count) for label, one in rows)
    )
    yield from metric(
        "publications_oldest_seconds", "For how long the oldest publication is in its state.",
        *((label, (now - one.oldest).total_seconds()) for label, one in rows if one.oldest is not None),
    )  # fmt: skip
    schedules = status.schedules
    yield from metric(
        "schedules", "Schedules that are not executed; 10000 stands for more.",
        (labels(state="waiting"), schedules.waiting), (labels(state="due"), schedules.due),
    )  # fmt: skip
    due = 0.0 if schedules.oldest is None else (now - schedules.oldest).total_seconds()
    yield from metric("schedules_due_seconds", "For how long the oldest schedule is due.", ("", due))
    yield from metric("hubs_online", "Hubs that have not quit, up to 100.", ("", len(status.hubs)))
    yield from metric(
        "certificate_days_left", "Whole days until an active certificate ends, where it is under 30.",
        *((labels(id=id), days) for id, days in status.certificates),
    )  # fmt: skip
    yield from metric(
        "log_days_ahead", "Days after today that have a partition of their own.", ("", status.log_days_ahead)
    )
    yield from metric("outdated_tables", "Tables that need eventflow-db upgrade.", ("", len(status.outdated_tables)))
    yield from metric("server_is_utc", "Whether the server's time zone is UTC.", ("", bool(status.server.is_utc)))
    yield from metric("server_is_read_only", "Whether the server is read-only.", ("", status.server.is_read_only))
    yield from metric("findings", "What somebody should mend.", ("", len(list(findings(status)))))
