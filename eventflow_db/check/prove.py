"""Proves queries against a live server: it prepares each, and its result and its plan are what was promised."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Final

import msgspec
import pymysql.err

from ..errors import SchemaError
from ..query import package_sql
from ..query.contract import FILE, Contract, Entry
from ..query.spec import QuerySpec
from ..query.statement import Statement
from ..records import columns as record_columns
from ..settings import Settings
from . import plan, samples
from .rules import check_rules
from .scratch import scratch_database
from .server import NO_DATABASE, Column, Inspector, Prepared, TableColumn
from .tables import creations, entry_of, filled_columns, read_schema

_MAY_NOT: Final = (1142, 1143)
"""The account may not do this to a table; it may do other things."""
_CANNOT_GO_ON: Final = (1044, 1227, 1370, 2006, 2013)
"""The account may do nothing, or the connection is lost."""
_PARTITION_THERE: Final = (1493, 1517)
"""The partition of the sample is there already: so the server has understood the statement that makes it."""


class Finding(msgspec.Struct):
    """What was found out about one query.

    problems: what is wrong; doubts: what could not be checked. plan: how the server reads the tables.
    """

    query: str
    path: str
    line: int
    promised: str
    plan: list[str] = []
    problems: list[str] = []
    doubts: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether the query is proven."""
        return not self.problems and not self.doubts

    @contextlib.contextmanager
    def noting_refusals(self) -> Iterator[None]:
        """Note what the server says against a statement of the block.

        Raises: the driver's error where no statement could succeed.
        """
        try:
            yield
        except SchemaError as error:
            self.doubts.append(error.message)
        except pymysql.err.Error as error:
            number = error.args[0]
            if number in _CANNOT_GO_ON:
                raise
            notes = self.doubts if number in _MAY_NOT else self.problems
            if number not in _PARTITION_THERE:
                notes.append(f"the server says: {error.args[-1]} ({number})")


def prove(
    settings: Settings,
    specs: Mapping[str, QuerySpec],
    *,
    only: Collection[str] | None = None,
    rows: int = 20_000,
    scratch: bool = True,
    keep: bool = False,
    report: Callable[[str], None] = lambda message: None,
) -> list[Finding]:
    """Prove every query, or the ones named, on the settings' server.

    scratch: on a scratch database with `rows` rows in each table, which `keep` leaves there for the next time;
    else on the settings' own database, which is only read.

    Raises: the driver's error where the server cannot be asked.
    """
    database = NO_DATABASE if scratch else settings.database
    with Inspector(settings, database) as inspector, contextlib.ExitStack() as stack:
        inspector.introduce(report)
        prover = _Prover(inspector, specs, scratch)
        if scratch:
            if refused := prover.refused_tables():
                return refused
            name = stack.enter_context(scratch_database(inspector, specs, rows, keep))
            report(f"scratch database {name}, {rows:,} rows in each table")
        return [prover.prove(spec) for spec in specs.values() if only is None or spec.name in only]


class _Prover:
    def __init__(self, inspector: Inspector, specs: Mapping[str, QuerySpec], scratch: bool) -> None:
        self.inspector = inspector
        self.specs = specs
        self.scratch = scratch
        self.contract = Contract.read(package_sql() / FILE)

    @cached_property
    def tables(self) -> Mapping[str, list[TableColumn]]:
        """The columns of each table."""
        return self.inspector.table_columns()

    @cached_property
    def columns(self) -> Mapping[str, list[str]]:
        """The columns of each table that samples are taken of."""
        return samples.sample_columns(self.tables)

    def refused_tables(self) -> list[Finding]:
        """Findings about the tables that the server refuses to create, or else to alter.

        What alters a table is run on an empty one: servers do not look at tables when they prepare it.
        """
        alterations = [spec for spec in self.specs.values() if spec.kind == "ddl" and spec.verb != "CREATE"]
        with scratch_database(self.inspector, {}):
            for specs in (creations(self.specs), alterations):
                findings = [finding for finding in map(self._run, specs) if not finding.ok]
                if findings:
                    return findings
        return []

    def _run(self, spec: QuerySpec) -> Finding:
        finding = _finding(spec)
        with finding.noting_refusals():
            self.inspector.execute(Statement(spec, tag=False).render(samples.literals(spec, {})))
        return finding

    def prove(self, spec: QuerySpec) -> Finding:
        """Prove one query."""
        finding = _finding(spec)
        statement = Statement(spec, tag=False)
        is_query = spec.kind in ("read", "write")
        # the parameters of other statements are names and bounds
        given = samples.literals(spec, {})
        if is_query:
            given = {name: b"(?)" if kind.endswith("*") else b"?" for name, kind in spec.param.items()}
        with finding.noting_refusals():
            prepared = self.inspector.prepare(statement.render(given))
            if prepared is not None:
                sent = statement.slots if is_query else 0
                finding.problems += _result_problems(spec, self._entry(spec), sent, prepared)
            if spec.verb == "INSERT":
                finding.problems += self._omissions(spec)
            if is_query and finding.ok:
                self._check_plan(spec, statement, finding)
        return finding

    def _entry(self, spec: QuerySpec) -> Entry:
        """The contract of a query; of a new one, what its own text promises."""
        return self.contract.queries.get(spec.name) or entry_of(spec, read_schema(self.specs))

    def _omissions(self, spec: QuerySpec) -> Iterator[str]:
        """The columns of its table that an INSERT gives no value, though it has to."""
        filled = filled_columns(spec)
        for column in self.tables.get(check_rules(spec).tables[0], ()):
            if filled is not None and column.is_required and column.name not in filled:
                yield f"{column.table}.{column.name} is NOT NULL without a default there, and gets no value (1364)"

    def _check_plan(self, spec: QuerySpec, statement: Statement, finding: Finding) -> None:
        tables = () if spec.index == "none" else check_rules(spec).tables
        rows = samples.sample_rows(self.inspector, spec, tables, self.columns, counting=self.scratch)
        if not rows:
            finding.doubts.append("a table of it has no rows here, by which a plan could be judged")
        limits = (None, 1000) if "limit" in spec.param.values() else (None,)
        for given in [samples.literals(spec, row, limit) for row in rows for limit in limits]:
            accesses = plan.explain(self.inspector, spec, statement.render(given), self.columns)
            finding.plan = list(dict.fromkeys(map(str, accesses)))
            if problem := plan.check_plan(spec, accesses):
                finding.problems.append(problem)
                return


def _finding(spec: QuerySpec) -> Finding:
    return Finding(spec.name, spec.path, spec.line, spec.lookup)


def _result_problems(spec: QuerySpec, entry: Entry, sent: int, prepared: Prepared) -> Iterator[str]:
    """What a prepared statement takes and gives other than promised."""
    if prepared.parameters != sent:
        yield f"the server counts {prepared.parameters} parameters, we send {sent}"
    if entry.returns == "none":
        return
    names = [column.name for column in prepared.columns]
    if names != list(entry.columns):
        yield f"its result columns are {', '.join(names) or 'none'}; promised: {', '.join(entry.columns) or 'none'}"
        return
    for column in prepared.columns:
        if not _fits(column, entry.columns[column.name]):
            yield f"its result column {column.name} is {column.type}; promised: {entry.columns[column.name]}"
    if spec.record is None:
        return
    promised = record_columns(spec.record)
    if names != [column.name for column in promised]:
        yield f"its result columns are not the fields of {spec.record.__name__}"
        return
    for column, field in zip(prepared.columns, promised, strict=True):
        if column.nullable and not field.nullable:
            yield f"its result column {column.name} may be NULL; {spec.record.__name__} promises that it is not"


def _fits(column: Column, promised: str) -> bool:
    """Whether a result column is of the promised type, however the server spells it."""
    promised = promised.removesuffix(" null")
    given = column.type.partition("(")[0].removesuffix(" unsigned")
    if promised == "json":
        return given in ("json", "longtext")
    if promised == "integer":
        return given.endswith("int")
    if promised == "string":
        return given.endswith(("char", "text"))
    return column.type == promised
