"""The commands that operate a database: set up, publish, mend, archive, purge, and lock; by the library's API alone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import ConflictError, InvalidValueError
from ..query import load_specs
from ..query.parameters import STATES
from ..records import PublishedEvent
from ..settings import CODE
from ..sync.database import EventflowDB
from ..sync.lock import Lock
from ..sync.operations import Session
from . import report
from .options import Before, Domain, DryRun, Json, Sql, Url, settings_of

SETUP: Final = "Example: eventflow-db setup --url mysql://root@localhost/eventflow"
LOCK: Final = "Example: eventflow-db lock nightly --wait 0 -- ./export.sh --all"
_NOWHERE: Final = "mysql://root@localhost/eventflow"
"""What stands for a URL where no server is asked."""
_MOST: Final = 10_000
"""What one call takes, lists or purges at the most."""
_PATIENCE: Final = 1.0
"""Seconds between two looks at a lock that is held."""
_GRACE: Final = 10.0
"""Seconds that a command has to end once its lock is lost."""
_LISTED: Final = ("event_id", "domain", "pid", "name", "published", "consumer", "attempts", "available")


def _group(help: str) -> typer.Typer:
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)


log = _group("Keep the partitions of the log: make coming days', split off past days', drop old ones.")
purge = _group("Delete what is old and done with, in steps that hold nobody up.")
published = _group("Look at publications, and have them claimed again.")
scheduled = _group("Look at schedules, and publish what is due.")
GROUPS: Final = {"log": log, "purge": purge, "published": published, "scheduled": scheduled}


def _open(url: str | None) -> EventflowDB:
    return EventflowDB(settings_of(url))


def _say(done: str, count: int, json: bool) -> int:
    """Say how many, as JSON or to people; the exit code."""
    if json:
        report.json({done: count})
    else:
        report.status(f"{count:,} {done}")
    return 0


def setup(
    url: Url = None,
    sql: Sql = None,
    print_: Annotated[bool, typer.Option("--print", help="Only print the SQL; needs no server.")] = False,
) -> int:
    """Create every table that is missing. Safe to run again, and from many places at once.

    Exit codes: 0 all are there, 2 they could not be made, or need eventflow-db upgrade.
    """
    if print_:
        # here, because sqlglot takes long to import
        from ..check.tables import creations

        for spec in creations(load_specs(settings_of(url or _NOWHERE, sql).sql_path)):
            report.text(spec.sql, keep="\n\t")
        return 0
    with EventflowDB(settings_of(url, sql)) as db:
        db.setup_table_schemas()
    report.status("the tables are there")
    return 0


def lock(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the lock, the same for everybody.")],
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What to run while it is held.")],
    wait: Annotated[int, typer.Option(min=0, metavar="SECONDS", help="How long to wait for it.")] = 0,
    url: Url = None,
) -> int:
    """Run a command while holding a named lock of the server, so that it runs in one place at a time.

    When the lock is lost, somebody else may have it: the command is terminated then, and killed after 10 s. It is when
    this is terminated, too.

    Exit codes: 0 and others as the command's; 1 somebody else holds the lock, 2 it could not be had, or was lost.
    """
    with _open(url) as db:
        try:
            with db.lock(name, wait) as lock, subprocess.Popen(command) as process:
                return _wait(process, lock)
        except ConflictError as error:
            report.status(error.message)
            return 1
        except OSError as error:
            report.status(f"{command[0]}: {error.strerror}")
            return 2


def _wait(process: subprocess.Popen[bytes], lock: Lock) -> int:
    """Wait for a process while a lock is held; gives its exit code, as a shell does."""
    try:
        while True:
            try:
                code = process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                lock.check()
            else:
                return code if code >= 0 else 128 - code
    finally:
        # it has ended, unless the lock is lost or this is interrupted or terminated
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()


# --- log


@log.command(epilog="Example: eventflow-db log prepare 7, daily")
def prepare(
    days: Annotated[int, typer.Argument(min=1, max=366, help="How many days from now have a partition then.")] = 7,
    url: Url = None,
    json: Json = False,
) -> int:
    """Make the partitions of the coming days, so that archiving moves no row.

    Exit codes: 0 they are there, 2 they could not be made.
    """
    with _open(url) as db:
        return _say("partitions made", db.prepare_log_partitions(days), json)


@log.command(epilog="Example: eventflow-db log archive 2026-01-31")
def archive(
    day: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], metavar="DAY", help="Today in UTC without it.")
    ] = None,
    url: Url = None,
    json: Json = False,
) -> int:
    """Move everything that was logged before a day to a partition of its own.

    Exit codes: 0 it is there, 2 it could not be moved.
    """
    with _open(url) as db:
        return _say("partitions made", int(db.archive_log(day and day.date())), json)


@log.command(epilog="Example: eventflow-db log prune --before 90d")
def prune(before: Before, url: Url = None, json: Json = False, dry_run: DryRun = False) -> int:
    """Drop the partitions that hold nothing but what was logged before a time.

    Exit codes: 0 there are none any more, 2 they could not be dropped.
    """
    day = _required(before)
    with _open(url) as db:
        if dry_run:
            return _say("partitions would be dropped", len(_prunable(db, day.date())), json)
        return _say("partitions dropped", db.prune_log(day), json)


def _prunable(db: EventflowDB, day: date) -> Sequence[str]:
    return db._sql.log.read_partitions_before(db, date=day)


def _required(before: datetime | None) -> datetime:
    if before is None:
        raise InvalidValueError(CODE, "--before: missing: a time ago, such as 90d, or an ISO time")
    return before


# --- purge

Batch = Annotated[int, typer.Option("--batch", min=1, max=_MOST, help="Rows that a step deletes.")]
Pause = Annotated[float, typer.Option("--pause", min=0, max=3600, metavar="SECONDS", help="Between steps.")]


class _Undone(Exception):
    """Rolls a trial back."""


def _purge(
    db: EventflowDB, step: Callable[..., int], arguments: Sequence[Any], batch: int, pause: float, dry_run: bool
) -> int:
    """Purge step by step until nothing is left; how many rows went, or would go, up to 10,000."""
    if dry_run:
        count = 0
        try:
            with db.transaction() as tx:
                count = step(tx, *arguments, limit=_MOST)
                raise _Undone
        except _Undone:
            return count
    total = 0
    with _counting("purged") as advance:
        while done := step(db, *arguments, limit=batch):
            total += done
            advance(done)
            if done < batch:
                break
            time.sleep(pause)
    return total


@contextmanager
def _counting(what: str) -> Iterator[Callable[[int], None]]:
    """Counts on a terminal what is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=report.errors(), transient=True, disable=not report.errors().is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.advance(task, count)


def _purged(count: int, dry_run: bool, json: bool) -> int:
    if not dry_run:
        return _say("purged", count, json)
    if not json and count >= _MOST:
        report.status(f"{_MOST:,}+ would be purged")
        return 0
    return _say("would be purged", count, json)


@purge.command(epilog="Example: eventflow-db purge events --domain shop --before 90d --pause 0.1")
def events(
    before: Before,
    domain: Domain = None,
    batch: Batch = 1000,
    pause: Pause = 0,
    dry_run: DryRun = False,
    url: Url = None,
    json: Json = False,
) -> int:
    """Delete events that happened before a time, and to which nothing has happened since; of every domain by default.

    What has an open publication or schedule, or one that ended since, stays. Deleted with what belongs to them.

    Exit codes: 0 none is left, 2 not all could be deleted.
    """
    end = _required(before)
    with _open(url) as db:
        count = 0
        for one in [domain] if domain else db.read_domains():
            count += _purge(db, Session.purge_events, (one, end), batch, pause, dry_run)
        return _purged(count, dry_run, json)


@purge.command(epilog="Example: eventflow-db purge certificates --before 365d")
def certificates(
    before: Before, batch: Batch = 1000, pause: Pause = 0, dry_run: DryRun = False, url: Url = None, json: Json = False
) -> int:
    """Delete certificates that were revoked before a time; active ones stay.

    Exit codes: 0 none is left, 2 not all could be deleted.
    """
    end = _required(before)
    with _open(url) as db:
        return _purged(_purge(db, Session.purge_certificates, (end,), batch, pause, dry_run), dry_run, json)


@purge.command(epilog="Example: eventflow-db purge hubs --before 30d")
def hubs(
    before: Before, batch: Batch = 1000, pause: Pause = 0, dry_run: DryRun = False, url: Url = None, json: Json = False
) -> int:
    """Delete hubs that quit before a time and that no publication names.

    Exit codes: 0 none is left, 2 not all could be deleted.
    """
    end = _required(before)
    with _open(url) as db:
        return _purged(_purge(db, Session.purge_hubs, (end,), batch, pause, dry_run), dry_run, json)


# --- published

State = Annotated[str, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(STATES)}.")]
Error = Annotated[str | None, typer.Option("--error", metavar="TEXT", help="Whose error holds this text.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="How many at the most.")]


def _find(
    db: EventflowDB, state: str, domain: str | None, before: datetime | None, error: str | None, limit: int
) -> list[PublishedEvent]:
    """Publications of a state; with a text, those of the 10,000 longest in it whose error holds the text."""
    found = db.read_events_published(state, domain=domain, before=before, limit=_MOST if error else limit)
    if error is not None:
        found = [one for one in found if error in msgspec.json.encode(one.error).decode()]
    return found[:limit]


@published.command("list", epilog="Example: eventflow-db published list --state failed --domain shop --error timeout")
def list_(
    state: State,
    domain: Domain = None,
    before: Before = None,
    error: Error = None,
    limit: Limit = 100,
    url: Url = None,
    json: Json = False,
) -> int:
    """List publications of a state, longest in it first.

    Exit codes: 0 listed, also where there is none, 2 could not be read.
    """
    with _open(url) as db:
        found = _find(db, state, domain, before, error, limit)
    if json:
        report.json(msgspec.to_builtins(found))
    elif found:
        rows = [[_cell(getattr(one, name)) for name in _LISTED] for one in found]
        report.table([name.upper() for name in _LISTED], rows)
    report.status(f"{len(found):,} {state}")
    return 0


def _cell(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else "" if value is None else str(value)


@published.command(epilog="Example: eventflow-db published show mwxgbjvk-0001zt5m0md8tvudix")
def show(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Its id.")], url: Url = None, json: Json = False
) -> int:
    """Show the publication of an event, with its last error, and the event.

    Exit codes: 0 shown, 2 it is not published, or could not be read.
    """
    with _open(url) as db:
        one, event = db.read_event_published(event_id), db.read_event(event_id)
    if json:
        report.json({**msgspec.to_builtins(one), "event": msgspec.to_builtins(event)})
        return 0
    values = {name: getattr(one, name) for name in one.__struct_fields__}
    report.details(
        [(name, _cell(value)) for name, value in values.items() if value is not None and name != "error"]
        + [("error", msgspec.json.format(msgspec.json.encode(one.error)).decode())] * (one.error is not None)
        + [("data", msgspec.json.format(msgspec.json.encode(event.data)).decode())]
    )
    return 0


@published.command(
    epilog="Example: eventflow-db published requeue --state failed --domain shop --error timeout --dry-run"
)
def requeue(
    state: State,
    domain: Domain = None,
    before: Before = None,
    error: Error = None,
    limit: Limit = 100,
    dry_run: DryRun = False,
    url: Url = None,
    json: Json = False,
) -> int:
    """Have publications of a state begin anew: consumed_hub, consumed_spoke, expired, failed or orphan.

    Give consumed_hub and consumed_spoke a --before, or what is being worked on is done twice.

    Exit codes: 0 done, also where there is none, 2 could not be done.
    """
    with _open(url) as db:
        ids = [one.event_id for one in _find(db, state, domain, before, error, limit)]
        if dry_run:
            return _say("would be requeued", len(ids), json)
        return _say("requeued", db.requeue_events_published(state, event_ids=ids), json)


@published.command(epilog="Example: eventflow-db published release mwxgbjvk-0001zt5m0md8tvudix --consumer worker-7")
def release(
    event_ids: Annotated[list[str], typer.Argument(metavar="EVENT…", help="Ids of events.")],
    consumer: Annotated[str | None, typer.Option("--consumer", help="Only what this one has claimed.")] = None,
    url: Url = None,
    json: Json = False,
) -> int:
    """Have publications that are claimed and have not ended be claimed anew.

    Exit codes: 0 done, also where none was claimed, 2 could not be done.
    """
    with _open(url) as db:
        return _say("released", db.release_events_published(event_ids, consumer=consumer), json)


# --- scheduled


@scheduled.command("list", epilog="Example: eventflow-db scheduled list --due")
def list_scheduled(
    due: Annotated[bool, typer.Option("--due", help="Only those that are due.")] = False,
    limit: Limit = 100,
    url: Url = None,
    json: Json = False,
) -> int:
    """List schedules that are not executed, soonest first.

    Exit codes: 0 listed, also where there is none, 2 could not be read.
    """
    with _open(url) as db:
        found = (db.read_events_scheduled_due if due else db.read_events_scheduled)(limit=limit)
    if json:
        report.json(msgspec.to_builtins(found))
    elif found:
        names = ("event_id", "domain", "pid", "name", "scheduled")
        report.table([name.upper() for name in names], [[_cell(getattr(one, name)) for name in names] for one in found])
    report.status(f"{len(found):,} scheduled")
    return 0


@scheduled.command(epilog="Example: eventflow-db scheduled publish --publisher scheduler, every minute")
def publish(
    publisher: Annotated[str, typer.Option("--publisher", help="Who publishes them.")] = "eventflow-db",
    limit: Limit = 100,
    url: Url = None,
    json: Json = False,
) -> int:
    """Publish what is due, until nothing is; any number may run at the same time.

    --limit: how many in one transaction.

    Exit codes: 0 done, also where none was due, 2 could not be done.
    """
    with _open(url) as db:
        ids: list[str] = []
        while some := db.publish_events_due(publisher, limit=limit):
            ids += some
    if json:
        report.json(ids)
    else:
        report.status(f"{len(ids):,} published")
    return 0
