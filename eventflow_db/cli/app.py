"""The commands: options in, reports out; tables for people on stdout, JSON on request, status on stderr."""

from __future__ import annotations

import contextlib
import difflib
import errno
import io
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pymysql.err
import typer

from ..check import plan
from ..check.apply import GRANTS, RIGHTS, run_steps, upgrading
from ..check.baseline import join, read_text, specs_of, write_text
from ..check.copy import copy
from ..check.diff import diff as find_differences
from ..check.prove import LOGGED_ROWS, ROWS, Finding, prove
from ..check.scratch import clean as drop_leftovers
from ..check.server import Inspector
from ..check.severity import SEVERITIES
from ..check.tables import entries
from ..check.upgrade import plan_upgrade
from ..driver.errnos import errno_of
from ..errors import ContractError, EventflowDBError, InvalidValueError
from ..query import load_specs, package_sql
from ..query.annotations import check_unique, read_specs
from ..query.contract import FILE, write
from ..query.spec import QuerySpec
from ..query.statement import Statement
from ..settings import CODE
from . import operate, report
from .options import Json, Sql, Url, option_file, settings_of
from .report import Format
from .status import STATUS, status
from .stubs import stubs as write_stubs
from .top import TOP, top

app = typer.Typer(
    name="eventflow-db",
    help="Work with the database of Eventflow: look at it, mend it, purge it, and prove the SQL on it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _group in operate.GROUPS.items():
    app.add_typer(_group, name=_name)
for _command, _epilog in ((operate.setup, operate.SETUP), (operate.lock, operate.LOCK), (status, STATUS), (top, TOP)):
    app.command(epilog=_epilog)(_command)


def run() -> int:
    """Run a command; the exit code. SIGTERM and SIGHUP end it as Ctrl-C does, so that it cleans up behind itself."""
    # Windows has no SIGHUP
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        return int(app(standalone_mode=False) or 0)
    except EventflowDBError as error:
        for line in list(map(str, getattr(error, "refusals", ()))) or [error.message]:
            report.status(line)
        return 1 if isinstance(error, ContractError) else 2
    except pymysql.err.Error as error:
        number = errno_of(error)
        who = f"could not connect to {error.destination}" if hasattr(error, "destination") else "the server says"
        report.status(f"{who}: {error.args[-1]} ({number})")
    except OSError as error:
        place = error.filename or (
            "could not write" if error.errno in (errno.ENOSPC, errno.EIO) else "could not connect"
        )
        report.status(f"{place}: {error.strerror or error}")
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        lines = io.StringIO()
        # click's own errors, wherever typer keeps their class
        getattr(error, "show", traceback.print_exc)(file=lines)
        report.trouble(lines.getvalue())
    return 2


def _find(specs: Mapping[str, QuerySpec], name: str) -> QuerySpec:
    if name in specs:
        return specs[name]
    near = difflib.get_close_matches(name, specs, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "eventflow-db queries lists them"
    raise InvalidValueError(CODE, f"no query {name}; {hint}")


def _find_all(specs: Mapping[str, QuerySpec], name: str | None) -> list[QuerySpec]:
    """The query of a name, or every query of a table; without a name, every query."""
    if name is None:
        return list(specs.values())
    return [spec for spec in specs.values() if spec.name.startswith(f"{name}.")] or [_find(specs, name)]


def _print_version(wanted: bool) -> None:
    if wanted:
        report.text(f"eventflow-db {version('eventflow-db')}")
        raise typer.Exit


@app.callback()
def _options(
    defaults_file: Annotated[
        Path | None,
        typer.Option(
            "--defaults-file",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="An option file, for what the URL or the environment leaves out; else ~/.my.cnf.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    option_file.given = defaults_file


@app.command(epilog="Example: eventflow-db check --url mysql://root@localhost/eventflow --sql ./our-sql")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One query, or one table's; all of them without.")
    ] = None,
    url: Url = None,
    sql: Sql = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=10,
            max=1_000_000,
            help=f"Rows in each scratch table; else {ROWS}, and {LOGGED_ROWS} where they are logged.",
        ),
    ] = None,
    scratch: Annotated[
        bool, typer.Option("--scratch/--no-scratch", help="Use a scratch database, or only read the given one.")
    ] = True,
    keep_scratch: Annotated[
        bool, typer.Option("--keep-scratch", help="Leave the scratch database there, and take the one left there.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only drop the scratch databases of runs that were killed, or kept them.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="DIR|REV", help="Compare with these queries; else with the contract's text."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="How findings are printed; github: as annotations of its actions.")
    ] = None,
    json: Json = False,
) -> int:
    """Prove queries on a server.

    Each is prepared by it, and has the promised columns and the promised plan. One whose text is not the package's is
    run side by side with that, on few rows in every state, and has to do the same: give the same rows in the same
    order, change the same, and be refused alike. What it is meant to do otherwise, it declares: -- differs: reason.

    Exit codes: 0 all are proven, 1 something is not, 2 could not check.
    """
    started = time.monotonic()
    settings = settings_of(url, sql)
    if clean:
        with Inspector(settings) as inspector:
            for scratch_name in drop_leftovers(inspector):
                report.text(f"dropped {scratch_name}")
        return 0
    wanted = format or (Format.JSON if json else Format.TEXT)
    try:
        specs = load_specs(settings.sql_path)
    except ContractError as error:
        refused = [Finding(one.query, one.path, one.line, "", problems=[one.rule]) for one in error.refusals]
        report.findings(refused, wanted)
        raise
    only = [spec.name for spec in _find_all(specs, name)]
    sources = Counter(str(Path(spec.path).parent.parent) for spec in specs.values())
    if len(sources) > 1:
        of_package = sources.pop(str(package_sql()), 0)
        others = (f"{count} of {report.short(path)}" for path, count in sources.items())
        report.status(", ".join((f"{of_package} queries of the package", *others)))
    findings = prove(
        settings, specs, only=only, rows=rows, scratch=scratch, keep=keep_scratch,
        against=None if against is None else specs_of(against), report=report.status,
    )  # fmt: skip
    report.findings(findings, wanted)
    proven = sum(finding.ok for finding in findings)
    bad = sum(bool(finding.problems) for finding in findings)
    doubtful = sum(bool(finding.doubts) for finding in findings)
    summary = f"{proven} of {len(findings)} queries proven in {time.monotonic() - started:.1f} s"
    report.status(summary + f", {bad} not" * bool(bad) + f", {doubtful} could not be judged" * bool(doubtful))
    return 1 if bad else 2 if doubtful else 0


@app.command(epilog="Example: eventflow-db diff --url mysql://root@localhost/eventflow")
def diff(url: Url = None, sql: Sql = None, json: Json = False) -> int:
    """Compare a database's tables with sql/*/schema.sql. Changes nothing.

    It says which release made them; then what is wrong (an operation would fail or answer wrongly), what is slow, and
    what is only different, with the cure of each.

    Exit codes: 0 equal, 1 wrong, slow or different, 2 could not compare.
    """
    settings = settings_of(url, sql)
    differences = find_differences(settings, load_specs(settings.sql_path), report.status)
    if json:
        report.json(msgspec.to_builtins(differences))
    else:
        for difference in differences:
            report.difference(difference)
    counts = Counter(difference.severity for difference in differences)
    summary = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
    report.status(summary or "the tables are as schema.sql says")
    return 1 if differences else 0


@app.command(epilog="Example: eventflow-db upgrade --url mysql://root@localhost/eventflow > upgrade.sql")
def upgrade(
    apply: Annotated[bool, typer.Option("--apply", help="Run the statements, too.")] = False,
    url: Url = None,
    sql: Sql = None,
    json: Json = False,
) -> int:
    """Print the statements that make a database's tables those of sql/*/schema.sql, from whichever release.

    Each was tried on empty copies of the tables. Without --apply, nothing is changed. One that was ended at any step
    goes on when it is started again.

    Exit codes: 0 the tables are as they should be, 1 they are not, 2 could not find out, or not go on.
    """
    settings = settings_of(url, sql)
    specs = load_specs(settings.sql_path)
    found = None
    try:
        with upgrading(settings) if apply else contextlib.nullcontext() as session:
            found = plan_upgrade(settings, specs, report.status)
            if json:
                report.json(msgspec.to_builtins(found))
            else:
                report.upgrade(found)
            if apply and found.refusals:
                report.status("nothing is changed: rows would not survive it")
            elif session is not None:
                run_steps(session, found.steps, report.status)
                found = plan_upgrade(settings, specs)
    except pymysql.err.Error as error:
        number = errno_of(error)
        if number not in RIGHTS:
            raise
        report.status(f"the server says: {error.args[-1]} ({number})")
        if found is None and not json:
            for grant in GRANTS:
                report.text(f"{grant.format(database=settings.database)} TO …;")
        report.status("someone who may has to run the statements")
        return 2
    left = len(found.refusals) + len(found.steps) + len(found.by_hand)
    report.status("the tables are as schema.sql says" if not left else f"{len(found.steps)} statements to go")
    return 1 if left else 0


@app.command(epilog="Example: eventflow-db queries event.read; eventflow-db queries --tag 1ce2b5f0")
def queries(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One query, or one table's.")] = None,
    sql: Sql = None,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="From a slow log: event.read@1ce2b5f0, or 1ce2b5f0 alone.")
    ] = None,
    copy_to: Annotated[
        Path | None, typer.Option("--copy-to", metavar="DIR", help="Copy the package's to here, to be edited.")
    ] = None,
    json: Json = False,
) -> int:
    """List the queries, and where each comes from; or show one; or copy them, as the beginning of your own.

    Exit codes: 0 found, 1 no query has that tag, 2 no such query, or it could not be copied.
    """
    if copy_to is not None:
        if name is None:
            raise InvalidValueError(CODE, "--copy-to: must have a NAME, of a query or a table")
        for line in copy(_find_all(load_specs(), name), copy_to):
            report.text(line)
        return 0
    found = _find_all(load_specs(settings_of(None, sql).sql_path), name)
    if tag is not None:
        hash = tag.strip("/* ").rpartition("@")[2]
        found = [spec for spec in found if len(hash) >= 4 and spec.hash.startswith(hash)]
        if not found:
            report.status(f"no query here has the tag {tag}: it is of another version, or of an overlay (--sql)")
            return 1
    if json:
        report.json([{**msgspec.to_builtins(spec), "kind": spec.kind, "hash": spec.hash} for spec in found])
    elif tag is not None or len(found) == 1:
        for spec in found:
            report.query(spec)
    else:
        report.catalogue(found)
    return 0


@app.command(epilog="Example: eventflow-db stubs --sql ./our-sql > our_queries.py")
def stubs(sql: Sql = None) -> int:
    """Print a typed Python module for the queries that your directories add: a method for each, in both APIs.

    Exit codes: 0 printed, 2 the directories add none.
    """
    settings = settings_of(None, sql)
    package = load_specs()
    added = [spec for name, spec in load_specs(settings.sql_path).items() if name not in package]
    if not added:
        raise InvalidValueError(CODE, "the directories add no query: name one with --sql")
    sources = dict.fromkeys(report.short(Path(spec.path).parent.parent) for spec in added)
    report.text(write_stubs(added, sources).rstrip("\n"), keep="\n")
    return 0


@app.command(epilog="Example: eventflow-db explain event.read_by_domain_and_pid domain=shop pid=order-1 limit=10")
def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The query.")],
    values: Annotated[list[str] | None, typer.Argument(metavar="key=value…", help="Its parameters.")] = None,
    url: Url = None,
    sql: Sql = None,
    json: Json = False,
) -> int:
    """Show how the server would run a query with these parameters. It is not run.

    Exit codes: 0 as promised, 1 otherwise, 2 could not explain.
    """
    settings = settings_of(url, sql)
    spec = _find(load_specs(settings.sql_path), name)
    if spec.kind not in ("read", "write"):
        raise InvalidValueError(CODE, f"query {name} has no plan: it begins with {spec.verb}")
    statement = Statement(spec, tag=False).call(_read_values(spec, values or [])).text
    with Inspector(settings, settings.database) as inspector:
        report.status(inspector.description)
        accesses, _, warnings = plan.explain(inspector, spec, statement, inspector.table_columns())
        columns, rows = plan.explain_as_table(inspector, statement)
    problem = plan.check_plan(spec, accesses)
    for warning in warnings:
        report.status(f"the server warns: {warning}")
    unknown = not accesses and spec.index not in (None, "none")
    if json:
        found = {"query": name, "promised": spec.lookup, "plan": list(map(str, accesses))}
        server_plan = [dict(zip(columns, row, strict=True)) for row in rows]
        report.json({**found, "problem": None if unknown else problem, "warnings": warnings, "explain": server_plan})
    else:
        report.table(columns, rows)
        if problem is None:
            report.text(("as promised", "green"), f": {spec.lookup}")
        elif not unknown:
            report.text(("not as promised", "bold red"), f": {problem}")
    if unknown:
        report.status("the server reads no table for these values: name a row that is there")
        return 2
    return 1 if problem else 0


def _read_values(spec: QuerySpec, words: Sequence[str]) -> dict[str, Any]:
    """The values of a query's parameters from `key=value`; a `limit` may be left out.

    Raises: InvalidValueError naming every word that is not `key=value`, or not of its parameter's type.
    """
    values: dict[str, Any] = {key: None for key, kind in spec.param.items() if kind == "limit"}
    problems = []
    for word in words:
        key, equals, text = word.partition("=")
        try:
            values[key] = spec.types[key].read(text) if key in spec.types else text
        except ValueError:
            problems.append(f"{key}: must be {spec.types[key].rule}")
        if not equals:
            problems.append(f"{word}: must be of the form key=value")
    if problems:
        raise spec.invalid("; ".join(problems))
    return values


@app.command(epilog="Example: eventflow-db contract --write")
def contract(
    write_: Annotated[bool, typer.Option("--write", help="Write it anew from the annotated SQL.")] = False,
) -> int:
    """Compare sql/contract.json with the annotated SQL.

    It is the lock file: what each query promises its callers. Needs no server.

    Exit codes: 0 it is current, 1 it is not.
    """
    specs = read_specs(package_sql())
    check_unique(specs)
    directory = package_sql()
    path = directory / FILE
    wanted = write(entries(specs))
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    if present == wanted and read_text(directory) == join(directory):
        report.status(f"{report.short(path)} is current")
        return 0
    changes = difflib.unified_diff(present.splitlines(), wanted.splitlines(), "present", "wanted", "", "", 2, "")
    for line in changes:
        report.text(line)
    if write_:
        path.write_text(wanted, encoding="utf-8")
        write_text(directory)
        report.status(f"wrote {report.short(path)}")
        return 0
    report.status(f"{report.short(path)} is stale: eventflow-db contract --write, and review the change")
    return 1
