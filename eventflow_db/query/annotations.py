"""Reads annotated SQL files: every query becomes a QuerySpec, every slip an error that names its line."""

from __future__ import annotations

import contextlib
import keyword
import os
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from .. import records
from ..errors import ContractError
from .parameters import parameter_type
from .refusals import Refusals, refused
from .spec import KINDS, ErrorCode, QuerySpec
from .tokens import tokens

_START: Final = re.compile(r"\A\s*(?:--|#)\s*name\s*:")
_NAME: Final = re.compile(r"\A-- name:\s*(?P<name>[a-z]\w*)\s*\((?P<param>[^)]*)\)\s*+(?P<suffix>[\^$!#]?)\s*\Z")
_ANNOTATION: Final = re.compile(r"\A(?P<key>[a-z_]+(?: \w+)?):(?: +(?P<value>.*))?\Z")
_RECORD: Final = "|".join(name for name, kind in vars(records).items() if isinstance(kind, type(records.Event)))
_RETURNS: Final = re.compile(
    rf"(?P<rows>(?:str|int|bool|row|\((?:str|int)(?:, (?:str|int))+\)|{_RECORD})\*)"
    rf"|(?P<row>(?:{_RECORD}|row)\??)|(?P<value>(?:str|int|bool)\??)"
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
        _RETURNS.pattern,
        "Record*, Record?, Record, the same of row, a scalar type, (type, …)*, changed, affected or none",
        True,
        True,
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
    "differs": _Key(r".+", "the reason"),
    "replaces": _Key(r"[0-9a-f]{8}", "the hash of the package's query"),
}
_COMMENT: Final = re.compile(r"\A\s*+(?:--(?:\s|\Z)|#)")
_MISPLACED: Final = re.compile(rf"\A\s*-- (?:param \w+|{'|'.join(_KEYS)}):")


def shape(returns: str) -> str:
    """What `returns` promises: `rows`, `row`, `value`, `changed`, `affected` or `none`; empty for no such thing."""
    match = _RETURNS.fullmatch(returns)
    return str(match.lastgroup) if match else ""


def suffix(returns: str) -> str:
    """The operator behind a query's name that goes with its `returns`."""
    return _SUFFIXES[shape(returns)]


def read_specs(directory: Path, refusals: Refusals | None = None) -> dict[str, QuerySpec]:
    """Every query below a directory, by `<table>.<query>`; with `refusals`, without those that are refused.

    Raises: ContractError naming each file, line, query and rule; with `refusals`, those are added to it instead.
    """
    found = refusals or Refusals()
    files: dict[Path, bytes] = {}
    before = len(found.found)
    with found.collecting():
        for path in _files(directory):
            with found.collecting(), _reading(path):
                files[path] = path.read_bytes()
    specs = read_files(files, found)
    with found.collecting():
        if not specs and len(found.found) == before:
            raise refused(directory, "holds no queries of the form <table>/<file>.sql")
    if refusals is None:
        found.check()
    return specs


def read_files(files: Mapping[Path, bytes], refusals: Refusals | None = None) -> dict[str, QuerySpec]:
    """Every query of files, by `<table>.<query>`; refusals as for `read_specs`.

    Raises: ContractError naming each file, line, query and rule.
    """
    found = refusals or Refusals()
    specs: dict[str, QuerySpec] = {}
    for path, data in files.items():
        with found.collecting():
            for line, lines in _split(path, _decode(path, data)):
                with found.collecting():
                    spec = _parse_query(path, line, lines)
                    other = specs.setdefault(spec.name, spec)
                    if other is not spec:
                        raise spec.refuse(f"is defined at {other.path}:{other.line} already: rename or remove one")
    if refusals is None:
        found.check()
    return specs


def _decode(path: Path, data: bytes) -> str:
    """The text of a file, in which everything shows."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise refused(path, "is not UTF-8: save it in that encoding", data[: error.start].count(b"\n") + 1) from None
    # what editors, servers and tools take for different things, or do not show
    for line, content in enumerate(text.split("\n"), 1):
        if not content.replace("\t", "").isprintable():
            sign = next(sign for sign in content if sign != "\t" and not sign.isprintable())
            raise refused(path, f"holds U+{ord(sign):04X}, which does not show: take it out", line)
    return text


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Refuse a file or directory that the block may not read."""
    try:
        yield
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror or error}") from None


def _files(directory: Path) -> list[Path]:
    """Every SQL file below a directory; what is hidden, such as the links behind a mounted volume, aside.

    Raises: ContractError where one lies where its queries have no table.
    """
    found = []
    for path in (directory, *directory.glob("*/")):
        # what may not be read is passed over in silence otherwise
        with _reading(path):
            if path.is_dir():
                os.listdir(path)
    # the first pattern is for directories that are links, which rglob does not follow
    for path in sorted({*directory.glob("*/*"), *directory.rglob("*")}):
        inner = path.relative_to(directory)
        if path.suffix.lower() != ".sql" or path.is_dir() or any(p.startswith(".") for p in inner.parts):
            continue
        if len(inner.parts) != 2 or path.suffix != ".sql":
            raise refused(path, f"is not of the form {directory}/<table>/<file>.sql: move it there")
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


def _split(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of each query of a file, with the number of the first."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _START.match(line)]
    # comments may stand before the first query
    first = next((i for i, line in enumerate(lines) if line.strip() and not _COMMENT.match(line)), len(lines))
    first = min([first, *starts])
    if first not in starts and first < len(lines):
        rule = "text before the first query: begin it with -- name: query(parameter, …)"
        raise refused(path, rule, first + 1)
    for start, end in pairwise([*starts, len(lines)]):
        yield start + 1, lines[start:end]


def _parse_query(path: Path, line: int, lines: list[str]) -> QuerySpec:
    head = _NAME.match(lines[0])
    if head is None:
        rule = "must be of the form -- name: query(parameter, …) and then ^ $ ! # or nothing"
        raise refused(path, rule, line, lines[0].strip())
    name = f"{path.parent.name}.{head['name']}"

    def refuse(rule: str, at: int = 0) -> ContractError:
        return refused(path, rule, line + at, name)

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
        differs=values["differs"] or None,
        replaces=values["replaces"] or None,
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
