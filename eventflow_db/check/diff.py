"""Compares live tables with the ones that schema.sql makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec

from ..query.spec import QuerySpec
from ..settings import Settings
from . import releases
from .scratch import scratch_database
from .server import Inspector
from .severity import SEVERITIES, Judge, Severity
from .structure import Item, Structure, read_structure, without_collation
from .tables import creations


class Difference(msgspec.Struct):
    """One thing that live tables have otherwise than schema.sql says; None: not at all."""

    table: str
    item: str
    severity: Severity
    effect: str
    cure: str
    ours: str | None
    live: str | None
    path: str
    line: int


def diff(
    settings: Settings, specs: Mapping[str, QuerySpec], report: Callable[[str], None] = lambda message: None
) -> list[Difference]:
    """Every difference between the tables of the settings' database and the ones that the queries create, worst first.

    Nothing is changed there: ours are made in a scratch database of the same server, and dropped.

    Raises: the driver's error where the server cannot be asked.
    """
    with Inspector(settings, settings.database) as inspector:
        inspector.introduce(report)
        live = read_structure(inspector)
        with scratch_database(inspector, specs):
            ours = read_structure(inspector)
    report(releases.describe(releases.releases(live, ours.columns)))
    return compare(ours, live, specs)


def compare(ours: Structure, live: Structure, specs: Mapping[str, QuerySpec]) -> list[Difference]:
    """Every difference between two structures of the tables that the queries create, worst first."""
    tables = {spec.name.partition(".")[0]: spec for spec in creations(specs)}
    judge = Judge(specs.values(), ours, live)
    differences = []
    for (table, kind, name), (wanted, found) in _compare(ours, live, tables):
        spec = tables[table]
        verdict = judge.verdict((table, kind, name))
        place = spec.path, _line(spec, kind, name)
        differences.append(Difference(table, f"{kind} {name}".rstrip(), *verdict, wanted, found, *place))
    return sorted(differences, key=lambda difference: SEVERITIES.index(difference.severity))


def _compare(
    ours: Structure, live: Structure, tables: Collection[str]
) -> Iterator[tuple[Item, tuple[str | None, str | None]]]:
    """What is made otherwise, and how: the items, and the collations of a table as one of them."""
    for table in sorted(tables):
        if table not in live.columns:
            item = (table, "table", "")
            yield item, (ours.items[item], None)
            continue
        collations = ours.collations_with(live, table), live.collations_with(ours, table)
        if collations[0] != collations[1]:
            yield (table, "collations", ""), (_summary(collations[0]), _summary(collations[1]))
        for item in sorted(item for item in ours.items.keys() | live.items.keys() if item[0] == table):
            pair = ours.items.get(item), live.items.get(item)
            if None not in pair:
                pair = without_collation(pair[0]), without_collation(pair[1])
            if pair[0] != pair[1]:
                yield item, pair


def _summary(collations: Mapping[str, str]) -> str:
    """The collation of most columns, and those of others with the columns' names."""
    columns: dict[str, list[str]] = {}
    for name, collation in collations.items():
        columns.setdefault(collation, []).append(name or "columns to come")
    most, *others = sorted(columns, key=lambda collation: -len(columns[collation]))
    return "; ".join([most, *(f"{collation}: {', '.join(columns[collation])}" for collation in others)])


def _line(spec: QuerySpec, kind: str, name: str) -> int:
    """The line of schema.sql that a difference is about; that of CREATE TABLE for what it does not mention."""
    word = re.escape(name)
    pattern = {
        "collations": r"\s*ENGINE\b",
        "column": rf"\s*`?{word}`?\s",
        "index": r"\s*PRIMARY KEY\b" if name == "PRIMARY" else rf"\s*(?:UNIQUE )?(?:INDEX|KEY) `?{word}`?\s",
        "foreign key": rf".*FOREIGN KEY \(`?{word}`?\)",
        "partitioning": r"\s*PARTITION BY\b",
        "partition": rf"\s*PARTITION `?{word}`?\s",
    }.get(kind, r"\s*CREATE TABLE\b")
    for number, line in enumerate(spec.sql.splitlines()):
        if re.match(pattern, line, re.IGNORECASE):
            return spec.body + number
    return spec.body
