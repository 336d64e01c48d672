"""How the package is built: who imports whom, where private names of the drivers stand, how things are named."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import eventflow_db
from eventflow_db.query import load_specs
from eventflow_db.query.annotations import shape

PACKAGE = Path(eventflow_db.__file__).parent
TOP = ("foreign", "errors", "printable", "redact", "forking", "identifiers", "records", "inputs", "settings", "hosts")
ORDER = (*TOP, "query", "driver", "aio", "sync", "check", "cli", "testing")
"""Each imports only what stands before it."""
LAZY = {("query", "check")}
"""Text that the lock file does not know is judged, by what is imported only then."""
MODULES = {
    ".".join(("eventflow_db", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports(name: str, *, at_import: bool) -> Iterator[str]:
    """The modules of the package that a module imports; at_import: aside from those inside functions and for types."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                found = inner if inner in MODULES else source
                if found in MODULES:
                    yield found
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif not at_import or not (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ):
            pending += ast.iter_child_nodes(node)


def part(module: str) -> str:
    """The package, or the module at the top, that a module belongs to."""
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_module_imports_only_what_stands_above_it(name: str) -> None:
    if name == "eventflow_db":
        return
    mine = ORDER.index(part(name))
    below = {
        other
        for other in imports(name, at_import=False)
        if part(other) and ORDER.index(part(other)) > mine and (part(name), part(other)) not in LAZY
    }
    assert below == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_module_of_the_sync_api_imports_nothing_of_asyncio(name: str) -> None:
    if part(name) == "sync":
        assert not [other for other in imports(name, at_import=False) if ".aio" in other]


def test_import_has_no_circle() -> None:
    # of the package itself its modules import nothing that it has imported from others of them
    graph = {name: set(imports(name, at_import=True)) - {name, "eventflow_db"} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_testing_is_imported_by_nothing_else() -> None:
    users = {name for name in MODULES for other in imports(name, at_import=False) if part(other) == "testing"}
    assert {part(name) for name in users} <= {"testing"}


DRIVERS = {
    "eventflow_db.driver.sync": ("pymysql.connections",),
    "eventflow_db.driver.aio": ("aiomysql.connection", "pymysql.connections", "asyncio.streams", "asyncio.tasks"),
}


def private_names(path: Path) -> set[str]:
    """Attributes with a leading underscore that a file uses, of whatever object."""
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    # _replace is a public name of NamedTuple
    return {name for name in names if re.match(r"_[^_]", name)} - {"_replace"}


def defined_names(paths: Iterator[Path]) -> set[str]:
    """Names that files define: functions, classes, and what is assigned or declared."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found |= {node.attr} if ast.unparse(node.value) in ("self", "cls", "channel") else set()
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
    return found


OURS = defined_names(path for name, path in MODULES.items() if name not in DRIVERS)


@pytest.mark.parametrize("name", sorted(MODULES.keys() - DRIVERS.keys()))
def test_module_uses_no_private_name_of_a_driver(name: str) -> None:
    assert private_names(MODULES[name]) - OURS == set()


def names_of_the_driver(path: Path) -> set[str]:
    """Private names that a file of ours expects of a driver: on its connections, and in the class that extends one."""
    tree = ast.parse(path.read_text())
    (extended,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "_Connection")
    functions = [node for node in extended.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = {function.name for function in functions}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "channel"):
            names.add(node.attr)
    (start,) = (function for function in functions if function.name == "__init__")
    ours = {
        target.attr
        for node in ast.walk(start)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute)
    }
    on_self = {node.attr for node in ast.walk(extended) if isinstance(node, ast.Attribute)}
    return {name for name in (names | on_self) - ours if re.match(r"_[^_]", name)}


@pytest.mark.parametrize("name", DRIVERS)
def test_private_name_of_a_driver_is_there(name: str) -> None:
    """In the versions that this environment has: CI has one with the lowest, and one with the newest."""
    source = "".join(inspect.getsource(importlib.import_module(module)) for module in DRIVERS[name])
    names = names_of_the_driver(MODULES[name])
    assert len(names) > 8
    gone = {one for one in names if not re.search(rf"\bdef {one}\(|\bself\.{one}\b|^ +{one}\b", source, re.MULTILINE)}
    assert gone == set()


def name_of_query(method: str, table: str) -> str:
    """What is left of a method's name without its table's; where only the verb is, `_list` for the plural."""
    # what is iterated over is read page by page
    words = re.sub("^iter_", "read_page_", method).split("_")
    singular = table.split("_")
    plural = [f"{singular[0]}s", *singular[1:]]
    for form, end in ((singular, ""), (plural, "list")):
        for at in range(len(words)):
            if words[at : at + len(form)] == form:
                rest = words[:at] + words[at + len(form) :]
                return "_".join(rest if len(rest) > 1 or not end else [*rest, end])
    return method


@pytest.mark.parametrize("spec", [spec for spec in load_specs().values() if spec.method], ids=lambda spec: spec.method)
def test_query_is_named_as_its_method(spec: object) -> None:
    table, _, name = spec.name.partition(".")  # type: ignore[attr-defined]
    assert name_of_query(spec.method, table) == name  # type: ignore[attr-defined]


def test_every_query_that_reads_and_has_a_method_gives_events_with_a_choice_to_deserialize() -> None:
    for spec in load_specs().values():
        if spec.method and spec.returns.rstrip("*?") == "Event" and shape(spec.returns) in ("rows", "row"):
            method = getattr(eventflow_db.EventflowDB, spec.method)
            assert "deserialize" in inspect.signature(method).parameters


@pytest.mark.parametrize("name", sorted(name for name in MODULES if part(name) in ("driver", "sync")))
def test_module_passes_over_no_exception_that_may_come_from_outside(name: str) -> None:
    """A signal handler's TimeoutError is an OSError, too: foreign.ignoring tells them apart."""
    suppressed = re.findall(r"suppress\((.*?)\)", MODULES[name].read_text())
    assert [kinds for kinds in suppressed if not re.fullmatch("(InvalidValueError, )?pymysql.err.Error", kinds)] == []
