"""Reads annotated SQL files: every query becomes a QuerySpec, every slip an error that names its line."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ..errors import ContractError
from .parameters import parameter_type
from .spec import CODE, KINDS, QuerySpec, broken
from .statement import tokens

_START: Final = re.compile(r"\s*(?:--|#)\s*name\s*:")
_NAME: Final = re.compile(r"-- name:\s*(?P<name>[a-z]\w*)\s*\((?P<parameters>[^)]*)\)\s*(?P<suffix>[\^$!#]?)\s*$")
_ANNOTATION: Final = re.compile(r"(?P<key>[a-z_]+(?: \w+)?):(?: +(?P<value>.*))?$")
_RETURNS: Final = re.compile(
    r"(?P<rows>(?:str|int|bool|Event|PublishedEvent|ScheduledEvent|Hub|Certificate)\*)"
    r"|(?P<row>(?:Event|PublishedEvent|ScheduledEvent|Hub|Certificate|SessionVariables)\?)"
    r"|(?P<value>(?:str|int|bool)\??)|(?P<affected>affected)|(?P<none>none)"
)
_SUFFIXES: Final = {"rows": "", "row": "^", "value": "$", "affected": "!", "none": "#"}
_INDEX: Final = re.compile(r"none|(?P<index>\w+\.\w+)(?: \((?P<key>\w+(?:, \w+)*)\))?")
_CODE: Final = re.compile(r"(E_EVENTFLOW_DB_[A-Z_]+) +(\S.*)")
_MISPLACED: Final = re.compile(r"\s*-- (?:param \w+|returns|error|not_found|index|scan|idempotent|conflict|timeout):")


def shape(returns: str) -> str:
    """What an annotation `returns` promises: `rows`, `row`, `value`, `affected` or `none`; empty for no such thing."""
    match = _RETURNS.fullmatch(returns)
    return str(match.lastgroup) if match else ""


def suffix(returns: str) -> str:
    """The operator behind a query's name that goes with its `returns`."""
    return _SUFFIXES[shape(returns)]


def read_specs(directory: Path) -> dict[str, QuerySpec]:
    """Every query below a directory, by `<table>.<query>`.

    Raises: ContractError naming file, line, query and rule.
    """
    specs: dict[str, QuerySpec] = {}
    for path in _files(directory):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ContractError(CODE, f"{path}: cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ContractError(CODE, f"{path}:{line}: is not UTF-8: save it in that encoding") from None
        for spec in _parse(path, text):
            if spec.name in specs:
                other = specs[spec.name]
                raise spec.refuse(f"is defined at {other.path}:{other.line} already: rename or remove one")
            specs[spec.name] = spec
    if not specs:
        raise ContractError(CODE, f"{directory}: holds no queries of the form <table>/<file>.sql")
    return specs


def _files(directory: Path) -> list[Path]:
    """Every SQL file below a directory; what is hidden, such as the links behind a mounted volume, aside.

    Raises: ContractError where one lies where its queries have no table.
    """
    found = []
    for path in sorted({*directory.glob("*/*"), *directory.rglob("*")}):  # rglob follows no links
        inner = path.relative_to(directory)
        if path.suffix.lower() != ".sql" or path.is_dir() or any(p.startswith(".") for p in inner.parts):
            continue
        if len(inner.parts) != 2 or path.suffix != ".sql":
            raise ContractError(CODE, f"{path}: is not of the form {directory}/<table>/<file>.sql: move it there")
        found.append(path)
    return found


def check_meanings(specs: Mapping[str, QuerySpec]) -> None:
    """Refuse an error code that means two things.

    Raises: ContractError naming the later query.
    """
    meanings: dict[str, tuple[str, QuerySpec]] = {}
    for spec in specs.values():
        for code, message in ((spec.code, spec.message), *((spec.not_found,) if spec.not_found else ())):
            meaning, other = meanings.setdefault(code, (message, spec))
            if meaning != message:
                raise spec.refuse(
                    f"gives {code} another message than {other.name} ({other.path}:{other.line}): "
                    "one code means one thing, so choose another code or the same message"
                )


def _parse(path: Path, text: str) -> Iterator[QuerySpec]:
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if _START.match(line)]
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if first not in starts and first < len(lines):
        raise ContractError(
            CODE,
            f"{path}:{first + 1}: text before the first query: begin it with -- name: query(parameter, …)",
        )
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _parse_query(path, start + 1, lines[start:end])


def _parse_query(path: Path, line: int, lines: list[str]) -> QuerySpec:
    head = _NAME.match(lines[0])
    if head is None:
        rule = "must be of the form -- name: query(parameter, …) and then ^ $ ! # or nothing"
        raise broken(path, line, lines[0].strip(), rule)
    name = f"{path.parent.name}.{head['name']}"

    def refuse(rule: str, at: int = 0) -> ContractError:
        return broken(path, line + at, name, rule)

    declared = [word.strip() for word in head["parameters"].split(",")] if head["parameters"].strip() else []
    for word in [head["name"], *declared]:
        if not re.fullmatch(r"[a-z]\w*", word):
            raise refuse(f"{word or 'an empty name'} must be a lower-case word")
        if keyword.iskeyword(word):
            raise refuse(f"{word} is a word of Python: write {word}_")
        if declared.count(word) > 1:
            raise refuse(f"declares the parameter {word} twice")
    found: dict[str, str] = {}
    purpose: list[str] = []
    body = 1
    while body < len(lines) and (not lines[body].strip() or lines[body].startswith("--")):
        comment = lines[body].removeprefix("--").strip()
        if match := _ANNOTATION.match(comment):
            if match["key"] in found:
                raise refuse(f"the annotation {match['key']} is there twice", body)
            found[match["key"]] = (match["value"] or "").strip()
        elif comment:
            purpose.append(comment)
        body += 1
    for at in range(body, len(lines)):
        if _MISPLACED.match(lines[at]):
            raise refuse("an annotation stands behind the SQL: move it up, or begin a query with -- name:", at)
    sql = "\n".join(lines[body:]).strip()

    def take(key: str) -> str:
        if not found.get(key):
            raise refuse(f"lacks the annotation -- {key}: …")
        return found.pop(key)

    def take_code(key: str) -> tuple[str, str]:
        match = _CODE.fullmatch(take(key))
        if match is None:
            raise refuse(f"{key} must be E_EVENTFLOW_DB_… and a message")
        return match[1], match[2]

    parameters = {key: re.sub(r" *= *", "=", take(f"param {key}")).partition(" ")[0] for key in declared}
    returns, idempotent = take("returns"), take("idempotent")
    code, message = take_code("error")
    not_found = take_code("not_found") if "not_found" in found else None
    scan = take("scan") if "scan" in found else None
    index = _INDEX.fullmatch(take("index")) if scan is None else None
    if scan is None and index is None:
        raise refuse("index must be <table>.<index>, <table>.<index> (column, …) or none")
    timeout = found.pop("timeout", "read")
    twin = re.fullmatch(r"when identical to (\w+\.\w+)", idempotent)
    conflicts = [word.strip() for word in found.pop("conflict", "").split(",") if word.strip()]
    if undeclared := [key for key in found if key.startswith("param ")]:
        raise refuse(f"{undeclared[0]} is not in the list behind its name: ({', '.join(declared)})")
    if found:
        raise refuse(f"unknown annotation {', '.join(sorted(found))}")
    if not purpose:
        raise refuse("lacks a line that says its purpose")
    if not sql:
        raise refuse("has no SQL")
    for key, kind in parameters.items():
        if parameter_type(kind) is None:
            raise refuse(f"parameter {key} has the unknown type {kind}")
    if not shape(returns):
        raise refuse(f"returns must be Record*, Record?, a scalar type, affected or none, not {returns}")
    if head["suffix"] != suffix(returns):
        raise refuse(
            f"returns {returns} needs the suffix {suffix(returns) or '(none)'} behind its parameters, "
            f"which has {head['suffix'] or '(none)'}"
        )
    used = {text for token, text in tokens(sql) if token == "parameter"}
    if missing := sorted(used - set(declared)):
        raise refuse(f"uses :{missing[0]}, which is not in the list behind its name: ({', '.join(declared)})")
    if unused := [key for key in declared if key not in used]:
        raise refuse(f"declares {unused[0]} and does not use it: write :{unused[0]} outside quotes and comments")
    if timeout not in ("read", "ddl"):
        raise refuse("timeout must be ddl where it is given")
    if not all(word.isdecimal() for word in conflicts):
        raise refuse("conflict must be error numbers with commas between them")
    if not re.match(r"(yes|no|when identical( to \w+\.\w+)?)( \(|$)", idempotent):
        raise refuse("idempotent must be yes, no, or when identical [to <table>.<query>]")
    spec = QuerySpec(
        name=name, purpose=" ".join(purpose), parameters=parameters, returns=returns, code=code, message=message,
        not_found=not_found, index=index[0].partition(" ")[0] if index else None,
        key=tuple(index["key"].split(", ")) if index and index["key"] else (), scan=scan,
        idempotent=idempotent.partition(" (")[0], twin=twin[1] if twin else None,
        conflicts=frozenset(map(int, conflicts)), unhurried=timeout == "ddl", path=str(path), line=line,
        body=line + body, sql=sql,
    )  # fmt: skip
    if not spec.kind:
        known = ", ".join(verb for verbs in KINDS.values() for verb in verbs)
        raise spec.refuse(f"begins with {spec.verb or 'no word'}; a query begins with one of {known}", spec.body)
    if (spec.kind == "read") != (shape(returns) in ("rows", "row", "value")):
        raise spec.refuse(f"returns {returns}, which no {spec.verb} does", spec.body)
    return spec
