"""Reads annotated SQL files: every query becomes a QuerySpec, every slip an error that names its line."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from .. import records
from ..errors import ContractError
from .parameters import parameter_type
from .spec import CODE, KINDS, ErrorCode, QuerySpec, broken
from .tokens import tokens

_START: Final = re.compile(r"\A\s*(?:--|#)\s*name\s*:")
_NAME: Final = re.compile(r"\A-- name:\s*(?P<name>[a-z]\w*)\s*\((?P<param>[^)]*)\)\s*+(?P<suffix>[\^$!#]?)\s*\Z")
_ANNOTATION: Final = re.compile(r"\A(?P<key>[a-z_]+(?: \w+)?):(?: +(?P<value>.*))?\Z")
_RECORD: Final = "|".join(name for name, kind in vars(records).items() if isinstance(kind, type(records.Event)))
_RETURNS: Final = re.compile(
    rf"(?P<rows>(?:str|int|bool|\((?:str|int)(?:, (?:str|int))+\)|{_RECORD})\*)"
    rf"|(?P<row>(?:{_RECORD})\??)|(?P<value>(?:str|int|bool)\??)"
    r"|(?P<changed>changed)|(?P<affected>affected)|(?P<none>none)"
)
_SUFFIXES: Final = {"rows": "", "row": "^", "value": "$", "changed": "!", "affected": "!", "none": "#"}


class _Key(NamedTuple):
    """A key of the annotation: what its value has to match, and the same for people."""

    pattern: str
    rule: str
    required: bool = False
    note: bool = False
    """Whether a note in brackets may stand behind the value."""


_CODE: Final = _Key(r"E_EVENTFLOW_DB_[A-Z_]+ +\S.*", "E_EVENTFLOW_DB_… and a message")
_KEYS: Final[Mapping[str, _Key]] = {
    "method": _Key(r"[a-z]\w*", "the name of a method"),
    "batch": _Key(r"\w+\(\w+\)", "method(argument)"),
    "takes": _Key(rf"\w+: (?:{_RECORD})", "argument: Record", note=True),
    "returns": _Key(
        _RETURNS.pattern, "Record*, Record?, Record, a scalar type, (type, …)*, changed, affected or none", True, True
    ),
    "error": _CODE._replace(required=True),
    "not_found": _CODE,
    "index": _Key(r"none|\w+\.\w+(?: \(\w+(?:, \w+)*\))?", "<table>.<index>, <table>.<index> (column, …) or none"),
    "scan": _Key(r".+", "the reason"),
    "idempotent": _Key(
        r"yes|no|when identical(?: to \w+\.\w+)?", "yes, no, or when identical [to <table>.<query>]", True, True
    ),
    "conflict": _Key(r"\d+(?: *, *\d+)*", "error numbers with commas between them"),
    "timeout": _Key(r"ddl", "ddl where it is given"),
}
_MISPLACED: Final = re.compile(rf"\A\s*-- (?:param \w+|{'|'.join(_KEYS)}):")


def shape(returns: str) -> str:
    """What `returns` promises: `rows`, `row`, `value`, `changed`, `affected` or `none`; empty for no such thing."""
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
            data = path.read_bytes()
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except OSError as error:
            raise ContractError(CODE, f"{path}: cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ContractError(CODE, f"{path}:{line}: is not UTF-8: save it in that encoding") from None
        # what editors, servers and tools take for different things, or do not show
        for line, content in enumerate(text.split("\n"), 1):
            if not content.replace("\t", "").isprintable():
                sign = next(sign for sign in content if sign != "\t" and not sign.isprintable())
                raise ContractError(CODE, f"{path}:{line}: holds U+{ord(sign):04X}, which does not show: take it out")
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
    # the first pattern is for directories that are links, which rglob does not follow
    for path in sorted({*directory.glob("*/*"), *directory.rglob("*")}):
        inner = path.relative_to(directory)
        if path.suffix.lower() != ".sql" or path.is_dir() or any(p.startswith(".") for p in inner.parts):
            continue
        if len(inner.parts) != 2 or path.suffix != ".sql":
            raise ContractError(CODE, f"{path}: is not of the form {directory}/<table>/<file>.sql: move it there")
        found.append(path)
    return found


def check_unique(specs: Mapping[str, QuerySpec]) -> None:
    """Refuse an error code that means two things, and a method that two queries claim.

    Raises: ContractError naming the later query.
    """
    codes: dict[str, tuple[str, QuerySpec]] = {}
    methods: dict[str, QuerySpec] = {}
    for spec in specs.values():
        for code, message in filter(None, (spec.error, spec.not_found)):
            known, other = codes.setdefault(code, (message, spec))
            if known != message:
                raise spec.refuse(
                    f"gives {code} another message than {other.name} ({other.path}:{other.line}): "
                    "one code means one thing, so choose another code or the same message"
                )
        for method in filter(None, (spec.method, spec.batch and spec.batch[0])):
            if (other := methods.setdefault(method, spec)) is not spec:
                raise spec.refuse(f"is the method {method}, which {other.name} is ({other.path}:{other.line})")


def _parse(path: Path, text: str) -> Iterator[QuerySpec]:
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _START.match(line)]
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if first not in starts and first < len(lines):
        rule = "text before the first query: begin it with -- name: query(parameter, …)"
        raise ContractError(CODE, f"{path}:{first + 1}: {rule}")
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

    declared = [word.strip() for word in head["param"].split(",")] if head["param"].strip() else []
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
        comment = lines[body].removeprefix("--")
        if comment and not comment[0].isspace() and lines[body].strip():
            raise refuse("begins a line with --, which is no comment for servers: write a space behind it", body)
        comment = comment.strip()
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
    notes: dict[str, str] = {}

    def take(key: str) -> str:
        if not found.get(key):
            raise refuse(f"lacks the annotation -- {key}: …")
        return found.pop(key)

    def take_param(key: str) -> str:
        kind, _, note = "=".join(map(str.strip, take(f"param {key}").split("="))).partition(" ")
        notes[key] = note.strip("()")
        if parameter_type(kind) is None:
            raise refuse(f"parameter {key} has the unknown type {kind}")
        return kind

    def take_value(name: str, key: _Key) -> str:
        value = take(name) if key.required or name in found else ""
        if value and key.note:
            value, _, note = value.partition(" (")
            notes[name] = note.removesuffix(")")
        if value and not re.fullmatch(key.pattern, value):
            raise refuse(f"{name} must be {key.rule}, not {value}")
        return value

    param = {key: take_param(key) for key in declared}
    if "index" in found and "scan" in found:
        raise refuse("has index and scan: leave one out")
    if "scan" not in found and not found.get("index"):
        raise refuse("lacks the annotation -- index: …")
    values = {name: take_value(name, key) for name, key in _KEYS.items()}
    returns = values["returns"]
    if undeclared := [key for key in found if key.startswith("param ")]:
        raise refuse(f"{undeclared[0]} is not in the list behind its name: ({', '.join(declared)})")
    if found:
        raise refuse(f"unknown annotation {', '.join(sorted(found))}")
    if not purpose:
        raise refuse("lacks a line that says its purpose")
    if not sql:
        raise refuse("has no SQL")
    if head["suffix"] != suffix(returns):
        raise refuse(
            f"returns {returns} needs the suffix {suffix(returns) or '(none)'} behind its parameters, "
            f"which has {head['suffix'] or '(none)'}"
        )
    if values["batch"] and not values["method"]:
        raise refuse("batch needs -- method: …, which persists one row")
    if shape(returns) == "row" and bool(values["not_found"]) == returns.endswith("?"):
        raise refuse("returns Record needs -- not_found: …, and returns Record? must not have it")
    used = set()
    at = body
    for token, text in tokens(sql):
        if token == "unclosed":
            raise refuse("cannot be read: a quote or comment may not be closed", at)
        if token == "text" and "--" in text:
            raise refuse(
                "holds --, which is no comment for servers, but is one for tools: write - -, or -- and a space", at
            )
        if token == "parameter":
            used.add(text)
        at += text.count("\n")
    if missing := sorted(used - set(declared)):
        raise refuse(f"uses :{missing[0]}, which is not in the list behind its name: ({', '.join(declared)})")
    if unused := [key for key in declared if key not in used]:
        raise refuse(f"declares {unused[0]} and does not use it: write :{unused[0]} outside quotes and comments")
    spec = QuerySpec(
        name=name,
        purpose=purpose[0],
        remarks=" ".join(purpose[1:]),
        method=values["method"] or None,
        batch=_pair(values["batch"].rstrip(")"), "("),
        param=param,
        takes=_pair(values["takes"], ": "),
        returns=returns,
        error=ErrorCode(*re.split(" +", values["error"], maxsplit=1)),
        not_found=ErrorCode(*re.split(" +", values["not_found"], maxsplit=1)) if values["not_found"] else None,
        index=values["index"] or None,
        scan=values["scan"] or None,
        idempotent=values["idempotent"],
        conflict=tuple(int(word) for word in values["conflict"].split(",") if word),
        timeout=values["timeout"] or "read",
        notes={key: note for key, note in notes.items() if note},
        path=str(path),
        line=line,
        body=line + body,
        sql=sql,
    )
    if not spec.kind:
        known = ", ".join(verb for verbs in KINDS.values() for verb in verbs)
        raise spec.refuse(f"begins with {spec.verb or 'no word'}; a query begins with one of {known}", spec.body)
    gives_rows = shape(returns) in ("rows", "row", "value")
    if gives_rows != (spec.kind == "read") and (gives_rows or returns != "none"):
        raise spec.refuse(f"returns {returns}, which no {spec.verb} does", spec.body)
    return spec


def _pair(text: str, between: str) -> tuple[str, str] | None:
    first, _, second = text.partition(between)
    return (first, second) if second else None
