"""What is generated: the sync API out of the asyncio source; methods, types and tables out of the annotations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventflow_db import Settings

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from to_sync import to_sync  # noqa: E402


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n    await g()\n", "def f():\n    g()\n"),
        ("async with a as b, c: pass\n", "with a as b, c: pass\n"),
        ("x = [y async for y in z]\n", "x = [y for y in z]\n"),
        ("return (await self.count(1, (2))) > 0\n", "return self.count(1, (2)) > 0\n"),
        ("f(await g())\n", "f(g())\n"),
        ("x = f[0](await g())\n", "x = f[0](g())\n"),
        ("x = (await a() + await b()) * 2\n", "x = (a() + b()) * 2\n"),
        ("x = not (await a())\n", "x = not a()\n"),
        ("Callable[[], Awaitable[list[int]]]\n", "Callable[[], list[int]]\n"),
        ("class AsyncEventflowDB(AsyncSession): ...\n", "class EventflowDB(Session): ...\n"),
        ("def f() -> AsyncIterator[int]: ...\n", "def f() -> Iterator[int]: ...\n"),
        ("async def __aenter__(self): ...\n", "def __enter__(self): ...\n"),
        ("AbstractAsyncContextManager[AsyncExitStack]\n", "AbstractContextManager[ExitStack]\n"),
        ("async def __anext__(self): raise StopAsyncIteration\n", "def __next__(self): raise StopIteration\n"),
        ("await stack.aclose()\n", "stack.close()\n"),
        ("from eventflow_db.aio.pool import AsyncPool\n", "from eventflow_db.sync.pool import Pool\n"),
        ("from ..driver.aio import connect\n", "from ..driver.sync import connect\n"),
        ("from ..driver import aio\n", "from ..driver import aio\n"),
        ("locate_async(container)\n", "locate(container)\n"),
        ("await asleep(1)\n", "sleep(1)\n"),
        ("my_aclose = unaclose = asyncio_name = 1\n", "my_aclose = unaclose = asyncio_name = 1\n"),
    ],
)
def test_to_sync_code(source: str, expected: str) -> None:
    assert to_sync(source) == expected


def test_to_sync_docstring_example() -> None:
    source = '''"""Use it.

    async with AsyncEventflowDB() as db:
        event = await db.read_event(id)
    for x in y: await (1)

An asyncio caller may await the result of the async API.
"""
'''
    assert (
        to_sync(source)
        == '''"""Use it.

    with EventflowDB() as db:
        event = db.read_event(id)
    for x in y: await (1)

An asyncio caller may await the result of the async API.
"""
'''
    )


def test_to_sync_comment_and_fstring() -> None:
    source = 'x = f"{await db.ping()} AsyncEventflowDB"  # as `await db.ping()` does, and async with\n'
    assert to_sync(source) == 'x = f"{db.ping()} EventflowDB"  # as `db.ping()` does, and with\n'


def test_to_sync_keeps_layout_and_comments() -> None:
    source = "async def f(\n    a,  # first\n):\n    # why\n    return (\n        await g(a)\n    )\n"
    assert "a,  # first" in to_sync(source)
    assert "    # why\n" in to_sync(source)


def run(tree: Path, *arguments: str, code: int = 0) -> str:
    """What a program of a tree prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True,
        text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def generate(tree: Path, *arguments: str, code: int = 0) -> str:
    return run(tree, str(tree / "scripts" / "generate.py"), *arguments, code=code)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project, which a test may change."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("sql", "scripts", "eventflow_db"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_generate_check_of_committed_files_finds_them_fresh() -> None:
    assert generate(ROOT, "--check") == ""


@pytest.mark.parametrize(
    "name", ["eventflow_db/sync/pool.py", "eventflow_db/aio/methods.py", "eventflow_db/aio/catalogue.pyi", "README.md"]
)
def test_generate_check_of_a_changed_file_calls_it_stale_and_leaves_it(tree: Path, name: str) -> None:
    path = tree / name
    changed = path.read_text().replace("<!-- operations: end -->", "x\n<!-- operations: end -->")
    path.write_text(changed if name == "README.md" else changed + "x = 1\n")
    before = path.read_text()
    assert f"{name} is stale; run scripts/generate" in generate(tree, "--check", code=1)
    assert path.read_text() == before


def test_generate_check_of_a_missing_file_names_it(tree: Path) -> None:
    (tree / "eventflow_db/sync/pool.py").unlink()
    assert "eventflow_db/sync/pool.py is missing" in generate(tree, "--check", code=1)


def test_generate_removes_what_has_no_source(tree: Path) -> None:
    extra = tree / "eventflow_db/sync/b.py"
    extra.write_text("")
    assert "eventflow_db/sync/b.py is extra" in generate(tree, "--check", code=1)
    generate(tree)
    assert not extra.exists()


def test_generate_sorts_imports_and_drops_those_left_unused(tree: Path) -> None:
    source = '"""A."""\n\nfrom collections.abc import AsyncIterator, Awaitable\n\nx: Awaitable[AsyncIterator[int]]\n'
    (tree / "eventflow_db/aio/a.py").write_text(source)
    generate(tree)
    assert (tree / "eventflow_db/sync/a.py").read_text() == (
        "# Generated from eventflow_db/aio/a.py by scripts/generate; do not edit.\n"
        '"""A."""\n\nfrom collections.abc import Iterator\n\nx: Iterator[int]\n'
    )


QUERY = """
-- name: read_by_name(name, limit)
-- method: read_events_by_name
-- Read the events of every domain that have a name, oldest first.
-- param name: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_NAME could not read events by name
-- index: event.idx_name (name)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_name)
WHERE name = :name
ORDER BY timestamp, id
LIMIT :limit;
"""
USE = """
import asyncio, sys
from eventflow_db import AsyncEventflowDB, EventflowDB

async def found_by_async(url):
    async with AsyncEventflowDB(url) as db:
        return await db.read_events_by_name("asked", limit=2)

with EventflowDB(sys.argv[1]) as db:
    db.persist_event({"domain": "d", "pid": "p", "name": "asked"})
    db.persist_event({"domain": "d", "pid": "p", "name": "answered"})
    found = db.read_events_by_name("asked", limit=2)
    with db.transaction() as tx:
        assert tx.read_events_by_name("asked") == found
assert found == asyncio.run(found_by_async(sys.argv[1]))
print(*(event.name for event in found))
"""


def test_query_added_to_sql_is_an_operation_of_both_apis_that_check_proves(
    tree: Path, url: str, check_settings: Settings
) -> None:
    """Adding an operation is one query in one file."""
    with (tree / "sql" / "event" / "queries.sql").open("a") as file:
        file.write(QUERY)
    assert "README.md" in generate(tree)
    run(tree, "-m", "eventflow_db.cli", "contract", "--write")
    assert "`read_events_by_name(name, *, limit=None, deserialize=False)`" in (tree / "README.md").read_text()
    assert run(tree, "-c", USE, url) == "asked\n"
    proof = run(tree, "-m", "eventflow_db.cli", "check", "event.read_by_name", "--url", url, "--rows", "1000")
    assert "1 of 1 queries proven" in proof
    documented = run(tree, "-c", "import eventflow_db; help(eventflow_db.EventflowDB.read_events_by_name)")
    assert "E_EVENTFLOW_DB_EVENTS_READ_BY_NAME" in documented


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("event.reed(session, id='x')", '"EventQueries" has no attribute "reed"'),
        ("event.read(session)", 'Missing named argument "id"'),
        ("event.read(session, id=1)", 'Argument "id" to "__call__" of "EventRead" has incompatible type "int"'),
        ("event.read(session, id='x', pid='y')", 'Unexpected keyword argument "pid"'),
    ],
)
def test_types_of_queries_catch_a_wrong_call(tmp_path: Path, call: str, complaint: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from eventflow_db.aio.caller import AsyncCaller\nfrom eventflow_db.aio.catalogue import Catalogue\n"
        f"def f(sql: Catalogue, session: AsyncCaller) -> None:\n    sql.{call}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert complaint in done.stdout
