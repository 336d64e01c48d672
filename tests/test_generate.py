"""The generator that makes the sync API out of the asyncio source."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "generate.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
        (
            "@asynccontextmanager\nasync def __aenter__(self): ...\n",
            "@contextmanager\ndef __enter__(self): ...\n",
        ),
        ("AbstractAsyncContextManager[AsyncExitStack]\n", "AbstractContextManager[ExitStack]\n"),
        (
            "async def __anext__(self): raise StopAsyncIteration\n",
            "def __next__(self): raise StopIteration\n",
        ),
        ("await stack.aclose()\n", "stack.close()\n"),
        ("await stack.enter_async_context(x)\n", "stack.enter_context(x)\n"),
        ("from eventflow_db.aio.pool import AsyncPool\n", "from eventflow_db.sync.pool import Pool\n"),
        ("from ..driver.aio import connect\n", "from ..driver.sync import connect\n"),
        ("from ..driver import aio\n", "from ..driver import aio\n"),
        ("locate_async(container)\n", "locate(container)\n"),
        ("await asyncio.sleep(1)\n", "time.sleep(1)\n"),
        ("my_aclose = unaclose = asyncio_name = 1\n", "my_aclose = unaclose = asyncio_name = 1\n"),
    ],
)
def test_to_sync_code(script: ModuleType, source: str, expected: str) -> None:
    assert script.to_sync(source) == expected


def test_to_sync_docstring_example(script: ModuleType) -> None:
    source = '''"""Use it.

    async with AsyncEventflowDB() as db:
        event = await db.read_event(id)
    for x in y: await (1)

An asyncio caller may await the result of the async API.
"""
'''
    assert (
        script.to_sync(source)
        == '''"""Use it.

    with EventflowDB() as db:
        event = db.read_event(id)
    for x in y: await (1)

An asyncio caller may await the result of the async API.
"""
'''
    )


def test_to_sync_comment_and_fstring(script: ModuleType) -> None:
    source = 'x = f"{await db.ping()} AsyncEventflowDB"  # as `await db.ping()` does, and async with\n'
    assert script.to_sync(source) == 'x = f"{db.ping()} EventflowDB"  # as `db.ping()` does, and with\n'


def test_to_sync_keeps_layout_and_comments(script: ModuleType) -> None:
    source = "async def f(\n    a,  # first\n):\n    # why\n    return (\n        await g(a)\n    )\n"
    assert "a,  # first" in script.to_sync(source)
    assert "    # why\n" in script.to_sync(source)


def test_generate_sorts_imports_and_drops_those_left_unused(script: ModuleType) -> None:
    source = '"""A."""\n\nfrom collections.abc import AsyncIterator, Awaitable\n\nx: Awaitable[AsyncIterator[int]]\n'
    assert script.generate("a.py", source) == (
        "# Generated from eventflow_db/aio/a.py by scripts/generate; do not edit.\n"
        '"""A."""\n\nfrom collections.abc import Iterator\n\nx: Iterator[int]\n'
    )


@pytest.fixture
def tree(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one module, generated."""
    shutil.copy(SCRIPT.parent.parent / "pyproject.toml", tmp_path)
    source = tmp_path / "aio"
    source.mkdir()
    (source / "a.py").write_text("async def f() -> None:\n    await f()\n")
    monkeypatch.setattr(script, "SOURCE", source)
    monkeypatch.setattr(script, "TARGET", tmp_path / "sync")
    monkeypatch.setattr(script, "STUB", tmp_path / "catalogue.pyi")
    assert script.main([]) == 0
    return tmp_path / "sync"


def test_check_fresh(script: ModuleType, tree: Path) -> None:
    assert script.main(["--check"]) == 0


def test_check_stale(script: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "a.py").write_text("x = 1\n")
    assert script.main(["--check"]) == 1
    assert "a.py is stale; run scripts/generate" in capsys.readouterr().out
    assert (tree / "a.py").read_text() == "x = 1\n"


def test_check_missing(script: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "a.py").unlink()
    assert script.main(["--check"]) == 1
    assert "a.py is missing" in capsys.readouterr().out


def test_check_extra(script: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "b.py").write_text("")
    assert script.main(["--check"]) == 1
    assert "b.py is extra" in capsys.readouterr().out


def test_generate_removes_extra(script: ModuleType, tree: Path) -> None:
    (tree / "b.py").write_text("")
    assert script.main([]) == 0
    assert not (tree / "b.py").exists()


def test_committed_files_are_fresh(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["generate"])
    assert script.main(["--check"]) == 0


def test_check_stale_types_of_queries(script: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree.parent / "catalogue.pyi").write_text("")
    assert script.main(["--check"]) == 1
    assert "catalogue.pyi is stale; run scripts/generate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("event.reed(0, id='x')", '"EventQueries" has no attribute "reed"'),
        ("event.read(0)", 'Missing named argument "id"'),
        ("event.read(0, id=1)", 'Argument "id" to "__call__" of "EventRead" has incompatible type "int"'),
        ("event.read(0, id='x', pid='y')", 'Unexpected keyword argument "pid"'),
    ],
)
def test_types_of_queries_catch_a_wrong_call(tmp_path: Path, call: str, complaint: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"from eventflow_db.catalogue import Catalogue\ndef f(sql: Catalogue) -> None:\n    sql.{call}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        cwd=SCRIPT.parent.parent, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert complaint in done.stdout
