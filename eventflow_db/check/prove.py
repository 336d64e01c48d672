"""Proves queries against a live server: it prepares each, and its result and its plan are what was promised."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec
import pymysql.err

from ..query import package_sql
from ..query.contract import FILE, Contract, Entry
from ..query.spec import QuerySpec
from ..query.statement import Statement
from ..records import columns as record_columns
from ..settings import Settings
from . import plan, samples
from .rules import check_rules
from .scratch import creations, scratch_database
from .server import Column, Inspector, inspecting
from .tables import columns, read_schema


class Finding(msgspec.Struct):
    """What was found out about one query.

    problems: what is wrong; doubts: what could not be judged. plan: how the server reads the tables.
    """

    query: str
    path: str
    line: int
    promised: str
    plan: list[str] = []
    problems: list[str] = []
    doubts: list[str] = []


def prove(
    settings: Settings,
    specs: Mapping[str, QuerySpec],
    *,
    only: Collection[str] | None = None,
    rows: int = 20_000,
    scratch: bool = True,
    keep: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Prove every query, or the ones named, on the settings' server.

    scratch: on a scratch database with `rows` rows in each table, which `keep` leaves there for the next time;
    else on the settings' own database, which is only read.

    Raises: the driver's error where the server cannot be asked.
    """
    prover = _Prover(specs)
    chosen = [spec for spec in specs.values() if only is None or spec.name in only]
    database = "information_schema" if scratch else settings.database
    with inspecting(settings, database) as inspector:
        tell(f"{inspector.server} at {settings.host}:{settings.port}")
        with contextlib.ExitStack() as stack:
            if scratch:
                if broken := prover.uncreatable(inspector):
                    return broken
                name = stack.enter_context(scratch_database(inspector, specs, rows, keep))
                tell(f"scratch database {name}, {rows:,} rows in each table")
            return [prover.prove(inspector, spec, scratch) for spec in chosen]


class _Prover:
    def __init__(self, specs: Mapping[str, QuerySpec]) -> None:
        self.specs = specs
        self.contract = Contract.read(package_sql() / FILE)
        self.schema = read_schema(specs, strict=False)  # the server is the judge

    def uncreatable(self, inspector: Inspector) -> list[Finding]:
        """Findings about the tables that the server refuses to create."""
        findings = []
        with scratch_database(inspector, {}):
            inspector.execute("SET SESSION foreign_key_checks = 0")
            for spec in creations(self.specs):
                finding = _finding(spec)
                with _reporting(finding):
                    inspector.execute(Statement(spec, tag=False).render({}))
                if finding.problems or finding.doubts:
                    findings.append(finding)
            if not findings:
                for spec in self.specs.values():
                    if spec.kind == "ddl" and spec.verb != "CREATE":
                        self._try(inspector, spec, findings)
            inspector.execute("SET SESSION foreign_key_checks = 1")
        return findings

    def _try(self, inspector: Inspector, spec: QuerySpec, findings: list[Finding]) -> None:
        """What changes a table is tried on an empty one: servers do not look at tables when they prepare it."""
        finding = _finding(spec)
        with _reporting(finding):
            try:
                inspector.execute(Statement(spec, tag=False).render(samples.literals(spec, {})))
            except pymysql.err.Error as error:
                if error.args[0] not in _PARTITION_THERE:
                    raise
        if finding.problems or finding.doubts:
            findings.append(finding)

    def prove(self, inspector: Inspector, spec: QuerySpec, scratch: bool) -> Finding:
        """Prove one query."""
        finding = _finding(spec)
        statement = Statement(spec, tag=False)
        with _reporting(finding):
            self._prove_result(inspector, spec, statement, finding)
        if not finding.problems and not finding.doubts and spec.kind in ("read", "write"):
            with _reporting(finding):
                self._prove_plan(inspector, spec, statement, finding, scratch)
        return finding

    def _prove_result(self, inspector: Inspector, spec: QuerySpec, statement: Statement, finding: Finding) -> None:
        given = samples.literals(spec, {})
        # the parameters of other statements are names and bounds
        is_query = spec.kind in ("read", "write")
        if is_query:
            given = {name: b"(?)" if kind.endswith("*") else b"?" for name, kind in spec.param.items()}
        text = statement.render(given)
        prepared = inspector.prepare(text)
        if prepared is None:
            return
        sent = statement.slots if is_query else 0
        if prepared.parameters != sent:
            finding.problems.append(f"the server counts {prepared.parameters} parameters, we send {sent}")
        expected = self._entry(spec).columns
        names = [column.name for column in prepared.columns]
        if names != list(expected):
            finding.problems.append(
                f"its result columns are {', '.join(names) or 'none'}; promised: {', '.join(expected) or 'none'}"
            )
            return
        finding.problems += [
            f"its result column {column.name} is {column.type}; promised: {expected[column.name]}"
            for column in prepared.columns
            if not _fits(column, expected[column.name])
        ]
        if spec.record is None:
            return
        promised = {column.name: column for column in record_columns(spec.record)}
        if names != list(promised):
            finding.problems.append(f"its result columns are not the fields of {spec.record.__name__}")
            return
        finding.problems += [
            f"its result column {column.name} may be NULL; {spec.record.__name__} promises that it is not"
            for column in prepared.columns
            if column.nullable and not promised[column.name].nullable
        ]

    def _entry(self, spec: QuerySpec) -> Entry:
        """The contract of a query; of a new one, what its own text promises."""
        known = self.contract.queries.get(spec.name)
        if known is not None:
            return known
        analysis = check_rules(spec)
        return Entry.of(spec, columns(spec, analysis, self.schema), analysis.tables)

    def _prove_plan(
        self, inspector: Inspector, spec: QuerySpec, statement: Statement, finding: Finding, scratch: bool
    ) -> None:
        analysis = check_rules(spec)
        tables = () if spec.verb == "INSERT" else analysis.tables
        rows = samples.sample_rows(inspector, spec, tables, whole=scratch)
        if not rows:
            finding.doubts.append("a table of it has no rows here, by which a plan could be judged")
        names = analysis.names or {table: table for table in self.schema}
        names = {alias: table for alias, table in names.items() if table in self.schema}  # derived ones aside
        limits = (None, 1000) if "limit" in spec.param.values() else (None,)
        for given in [samples.literals(spec, row, limit) for row in rows for limit in limits]:
            accesses = plan.explain(inspector, statement.render(given), names)
            finding.plan = list(dict.fromkeys(map(str, accesses)))
            if found := plan.problem(spec, accesses):
                finding.problems.append(found)
                return


def _finding(spec: QuerySpec) -> Finding:
    return Finding(spec.name, spec.path, spec.line, spec.lookup)


@contextlib.contextmanager
def _reporting(finding: Finding) -> Iterator[None]:
    """Make a problem out of what the server says against a statement; a lost connection is none of those."""
    try:
        yield
    except pymysql.err.Error as error:
        if error.args[0] in (1142, 1143):  # the account may not; others may be proven
            finding.doubts.append(f"the server says: {error.args[-1]} ({error.args[0]})")
            return
        if error.args[0] in (1044, 1227, 1370, 2006, 2013):
            raise
        finding.problems.append(f"the server says: {error.args[-1]} ({error.args[0]})")


_PARTITION_THERE = (1493, 1517)
"""The partition of the sample is there already: so the server has understood the statement."""
_TEXTS = ("text", "varchar", "char", "tinytext", "mediumtext", "longtext")


def _fits(column: Column, promised: str) -> bool:
    """Whether a result column is of the promised type, however the server spells it."""
    kind = promised.removesuffix(" null")
    given = column.type.partition("(")[0].removesuffix(" unsigned")
    if kind == "json":
        return given in ("json", "longtext")
    if kind == "integer":
        return given.endswith("int")
    if kind == "string":
        return given in _TEXTS
    return column.type == kind
