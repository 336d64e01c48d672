"""Proves queries against a live server: it prepares each, and its result and its plan are what was promised."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from .baseline import contract_specs
from .compare import Comparison
from .diff import Difference, compare
from .fill import UnfitTableError
from .rules import check_rules
from .scratch import leftovers, scratch_database, skip_binary_log
from .server import NO_DATABASE, Column, Inspector, Prepared, TableColumn
from .structure import Structure, read_structure
from .tables import creations, entry_of, filled_columns, read_schema

_MAY_NOT: Final = (1142, 1143, 1290, 1792, 1836)
"""The account may not do this to a table, or nobody may on a server that is read-only; it may do other things."""
_SAYS: Final = "the server says"
_SMALL: Final = 500
"""Rows of a live table under which servers scan it rather than look rows up."""
_CANNOT_GO_ON: Final = (1044, 1227, 1370, 2006, 2013)
"""The account may do nothing, or the connection is lost."""
_PARTITION_THERE: Final = (1493, 1517)
"""The partition of the sample is there already: so the server has understood the statement that makes it."""
_NO_PARTITION: Final = 1507
"""The same of one that drops it, where it could not be made, for a later one is there."""


ROWS: Final = 20_000
"""In each scratch table, from which on servers take every promised plan's work for worth it."""
LOGGED_ROWS: Final = 2_000
"""The same, where the account may not keep them from replicas."""


class Finding(msgspec.Struct):
    """What was found out about one query.

    problems: what is wrong; doubts: what could not be checked; notes: what is otherwise than in the package, and may
    be. plan: how the server reads the tables.
    """

    query: str
    path: str
    line: int
    promised: str
    plan: list[str] = []
    problems: list[str] = []
    doubts: list[str] = []
    notes: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether the query is proven."""
        return not self.problems and not self.doubts

    def note_difference(self, spec: QuerySpec, found: str | None) -> None:
        """Note an example of what a query does otherwise than the package's, which it may have declared."""
        if spec.differs is None:
            self.problems += [found] if found else []
        elif found:
            self.notes.append(f"differs as declared ({spec.differs}): {found}")
        else:
            self.notes.append(f"no difference was found, though one is declared ({spec.differs})")

    @contextlib.contextmanager
    def noting_refusals(self, *ignored: int) -> Iterator[None]:
        """Note what the server says against a statement of the block, but for some numbers.

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
            if number not in (*_PARTITION_THERE, *ignored):
                notes.append(f"{_SAYS}: {error.args[-1]} ({number})")


def prove(
    settings: Settings,
    specs: Mapping[str, QuerySpec],
    *,
    only: Collection[str] | None = None,
    rows: int | None = None,
    scratch: bool = True,
    keep: bool = False,
    against: Mapping[str, QuerySpec] | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> list[Finding]:
    """Prove every query, or the ones named, on the settings' server.

    scratch: on a scratch database with `rows` rows in each table, which `keep` leaves there for the next time (None:
    ROWS, or LOGGED_ROWS where they go to the server's binary log);
    else on the settings' own database, which is only read. against: what the queries have to do the same as; None: the
    text that the contract knows.

    Raises: the driver's error where the server cannot be asked.
    """
    database = NO_DATABASE if scratch else settings.database
    with Inspector(settings, database) as inspector, contextlib.ExitStack() as stack:
        inspector.introduce(report)
        prover = _Prover(inspector, specs, contract_specs() if against is None else against, scratch)
        if scratch:
            if refused := prover.refused_tables():
                return refused
            if rows is None:
                rows = ROWS if skip_binary_log(inspector, keep) else LOGGED_ROWS
            # what is kept is for every query
            filled = None if keep or only is None else {table for name in only for table in _needed(specs[name])}
            try:
                name = stack.enter_context(scratch_database(inspector, specs, rows, keep, filled))
            except UnfitTableError as error:
                return [prover.unfit_table(error)]
            made = {creation.name.partition(".")[0] for creation in creations(specs)}
            where = "each table" if filled is None else ", ".join(sorted(filled & made)) or "no table"
            report(f"scratch database {name}, {rows:,} rows in {where}")
            if left := leftovers(inspector):
                report(f"runs that were killed have left {', '.join(left)}: eventflow-db check --clean drops them")
        findings = [prover.prove(spec) for spec in specs.values() if only is None or spec.name in only]
        if scratch:
            prover.compare(findings)
            for finding in findings:
                prover.note_differences(finding)
        return findings


class _Prover:
    def __init__(
        self, inspector: Inspector, specs: Mapping[str, QuerySpec], against: Mapping[str, QuerySpec], scratch: bool
    ) -> None:
        self.inspector = inspector
        self.specs = specs
        self.against = against
        self.scratch = scratch
        self._sizes: dict[str, int] = {}
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
            self.inspector.execute("SET SESSION foreign_key_checks = 1")
            for specs in (creations(self.specs), alterations):
                findings = [finding for finding in map(self._run, specs) if not finding.ok]
                if findings:
                    return findings
        return []

    def _run(self, spec: QuerySpec) -> Finding:
        finding = _finding(spec)
        ignored = (_NO_PARTITION,) if "DROP PARTITION" in spec.sql.upper() else ()
        with finding.noting_refusals(*ignored):
            self.inspector.execute(Statement(spec, tag=False).render(samples.literals(spec, {})))
        return finding

    @cached_property
    def differences(self) -> Mapping[str, list[Difference]]:
        """How tables that edited queries create differ from the package's, by query."""
        edited = [spec for spec in creations(self.specs) if self.edited(spec)]
        found: dict[str, list[Difference]] = {spec.name: [] for spec in edited}
        if edited:
            package, ours = map(self._structure, (self.against, self.specs))
            for difference in compare(package, ours, self.specs):
                found.setdefault(f"{difference.table}.create_table", []).append(difference)
        return found

    def unfit_table(self, error: UnfitTableError) -> Finding:
        """The finding about a table that takes no rows."""
        finding = _finding(self.specs[f"{error.table}.create_table"])
        finding.problems.append(str(error))
        self.note_differences(finding)
        return finding

    def _structure(self, specs: Mapping[str, QuerySpec]) -> Structure:
        with scratch_database(self.inspector, specs):
            return read_structure(self.inspector)

    def note_differences(self, finding: Finding) -> None:
        """Note how a table that an edited query creates differs from the package's."""
        differences = self.differences.get(finding.query, [])
        for one in differences:
            text = f"{one.item}: the package's {one.ours or 'none'}, this one {one.live or 'none'}: {one.effect}"
            (finding.notes if one.severity == "different" else finding.problems).append(text)
        if differences:
            finding.notes.append("tables that exist stay as they are: eventflow-db upgrade changes them")

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
            if package := self.edited(spec):
                if spec.replaces not in (None, package.hash):
                    was = f"it was {spec.replaces}, and is {package.hash}"
                    finding.notes.append(f"the package's has changed since: {was}")
                finding.problems += plan.check_promise(spec, package)
            if is_query and finding.ok:
                self._check_plan(spec, statement, finding)
        return finding

    def edited(self, spec: QuerySpec) -> QuerySpec | None:
        """What a query is an edit of; None where it is nothing else, or new."""
        package = self.against.get(spec.name)
        return package if package is not None and package.sql != spec.sql else None

    def compare(self, findings: Sequence[Finding]) -> None:
        """Note what edited queries that the server takes do otherwise than the package's."""
        pairs = [
            (finding, spec, package)
            for finding in findings
            if not any(problem.startswith(_SAYS) for problem in finding.problems)
            and (package := self.edited(spec := self.specs[finding.query])) is not None
            and spec.kind in ("read", "write")
        ]
        tables = [spec for spec in creations(self.specs) if self.edited(spec)]
        if not pairs and not tables:
            return
        try:
            with Comparison.on(self.inspector, self.specs) as comparison:
                for finding, spec, package in pairs:
                    finding.note_difference(spec, comparison.difference(package, spec))
                for finding in findings if tables else ():
                    if refusal := comparison.refusal(self.specs[finding.query]):
                        finding.problems.append(refusal)
        except UnfitTableError as error:
            creation = {f"{error.table}.create_table"}
            told = [one for one in findings if one.query in creation] or [finding for finding, _, _ in pairs]
            for finding in told:
                finding.problems.append(f"could not be compared with the package's: {error}")

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
        package = self.edited(spec)
        tables = _tables(spec)
        rows = samples.sample_rows(self.inspector, spec, tables, self.columns, counting=self.scratch)
        if not rows:
            finding.doubts.append("a table of it has no rows here, by which a plan could be judged")
        limits = (None, 1000) if "limit" in spec.param.values() else (None,)
        for given in [samples.literals(spec, row, limit) for row in rows for limit in limits]:
            found = plan.explain(self.inspector, spec, statement.render(given), self.columns)
            # of a row that it has read already, a server may know that nothing is to be done
            if not found.accesses and spec.index_name and not self.scratch:
                continue
            finding.plan = list(dict.fromkeys(map(str, found.accesses)))
            if problem := self._check_accesses(spec, found.accesses):
                finding.problems.append(problem)
                return
            if package is not None:
                finding.problems += self._more_work(package, found, given)
                if finding.problems:
                    return
        if rows and tables and spec.index_name and not finding.plan:
            finding.doubts.append("the server reads no table for the values that are there, so no plan could be judged")

    def _check_accesses(self, spec: QuerySpec, accesses: Sequence[plan.Access]) -> str | None:
        """What a plan does that is not promised; of tables so small that servers scan them rightly, nothing."""
        if self.scratch:
            return plan.check_plan(spec, accesses)
        large = [access for access in accesses if not self._is_small(access.table)]
        promised = (spec.index or "").partition(".")[0]
        if promised in self.tables and self._is_small(promised):
            return next((f"{access}; promised: {spec.lookup}" for access in large if access.scans), None)
        return plan.check_plan(spec, large)

    def _is_small(self, table: str) -> bool:
        if table not in self._sizes:
            ((count,),) = self.inspector.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM `{table}` LIMIT {_SMALL}) AS t")
            self._sizes[table] = int(count)
        return self._sizes[table] < _SMALL

    def _more_work(self, package: QuerySpec, found: plan.Plan, given: Mapping[str, bytes]) -> Iterator[str]:
        """What a plan does, or is warned of, and the package's does not and is not."""
        try:
            statement = Statement(package, tag=False).render(given)
            of_package = plan.explain(self.inspector, package, statement, self.columns)
        except pymysql.err.Error:
            # tables may be others
            return
        # of the rows that a write finds by key, a temporary table is none to speak of
        ignored = {plan.TEMPORARY} if package.kind == "write" else set()
        for work in sorted(found.work - of_package.work - ignored):
            yield f"{work}, which the package's does not"
        for warning in found.warnings:
            if warning not in of_package.warnings:
                yield f"the server warns: {warning}"


def _tables(spec: QuerySpec) -> Sequence[str]:
    """The tables that rows are looked up in."""
    return () if spec.index == "none" else check_rules(spec).tables


def _needed(spec: QuerySpec) -> set[str]:
    """The tables that have to have rows: also the one that a statement makes."""
    return {spec.name.partition(".")[0], *_tables(spec)}


def _finding(spec: QuerySpec) -> Finding:
    return Finding(spec.name, spec.path, spec.line, spec.lookup)


def _result_problems(spec: QuerySpec, entry: Entry, sent: int, prepared: Prepared) -> Iterator[str]:
    """What a prepared statement takes and gives other than promised."""
    if prepared.parameters != sent:
        yield f"the server counts {prepared.parameters} parameters, we send {sent}"
    if entry.returns == "none" or spec.is_free:
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
