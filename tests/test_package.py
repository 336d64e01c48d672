"""The package: what the wheel holds, what importing it loads, and that it works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from pathlib import Path

import pytest

from eventflow_db.testing import Server

ROOT = Path(__file__).parent.parent
SQL = {str(path.relative_to(ROOT)) for path in ROOT.glob("sql/*/*.sql")}


def run(*command: object, cwd: Path | None = None, **variables: str) -> str:
    """The output of a command, away from the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imports(code: str) -> set[str]:
    """The modules that code has loaded, in a process of its own."""
    report = "import sys; print('\\n'.join(sys.modules))"
    return set(run(sys.executable, "-c", f"{code}\n{report}").split())


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


# Importing


def test_import_loads_what_the_sync_api_needs_and_no_more() -> None:
    modules = imports("import eventflow_db")
    assert {"pymysql", "aiosql", "msgspec"} <= roots(modules)
    unwanted = {"aiomysql", "typer", "rich", "sqlglot", "pytest", "testcontainers", "docker", "svcs", "sqlfluff"}
    assert not unwanted & roots(modules)
    assert not {name for name in modules if name.startswith(("eventflow_db.aio", "eventflow_db.testing"))}
    assert not {name for name in modules if name.startswith(("eventflow_db.cli", "eventflow_db.check"))}


def test_using_the_sync_api_loads_no_asyncio_driver() -> None:
    code = """
        import eventflow_db
        db = eventflow_db.EventflowDB("mysql://127.0.0.1:1/d?connect_timeout=1")
        try:
            db.ping()
        except eventflow_db.errors.UnavailableError:
            print("unavailable")
    """
    modules = imports(textwrap.dedent(code))
    assert "unavailable" in modules
    assert "aiomysql" not in roots(modules)


def test_import_of_the_asyncio_api_loads_its_driver() -> None:
    assert "aiomysql" in imports("from eventflow_db import AsyncEventflowDB")


def test_import_without_aiomysql_says_what_to_install() -> None:
    code = """
        import sys
        sys.modules["aiomysql"] = None  # as where it is not installed
        import eventflow_db
        for name in ("AsyncEventflowDB", "AsyncSession", "AsyncTransaction", "locate_async"):
            try:
                getattr(eventflow_db, name)
            except AttributeError as error:
                print(error)
            try:
                exec(f"from eventflow_db import EventflowDB, {name}")
            except ImportError as error:
                print(error)
    """
    lines = run(sys.executable, "-c", textwrap.dedent(code)).splitlines()
    assert len(lines) == 8
    assert all("pip install 'eventflow-db[async]'" in line for line in lines)


def test_attribute_without_aiomysql_is_not_there() -> None:
    code = """
        import inspect, sys
        sys.modules["aiomysql"] = None
        import eventflow_db
        print(hasattr(eventflow_db, "AsyncEventflowDB"), getattr(eventflow_db, "locate_async", None))
        print([name for name, _ in inspect.getmembers(eventflow_db) if "sync" in name])
    """
    assert run(sys.executable, "-c", textwrap.dedent(code)) == "False None\n['sync']\n"


def test_import_of_everything_without_aiomysql_leaves_the_asyncio_api_out() -> None:
    code = """
        import sys
        sys.modules["aiomysql"] = None
        from eventflow_db import *
        print(EventflowDB.__name__, "AsyncEventflowDB" in globals())
    """
    assert run(sys.executable, "-c", textwrap.dedent(code)) == "EventflowDB False\n"


def test_package_works_where_processes_do_not_fork_and_poll_is_missing(eventflow_server: Server) -> None:
    """As on Windows; eventlet takes select.poll away as well."""
    code = f"""
        import os, random, select
        import aiosql, msgspec, pymysql
        del os.register_at_fork, select.poll
        from eventflow_db import EventflowDB
        with EventflowDB({eventflow_server.database_url("information_schema")!r}) as db:
            db.ping()
            db.ping()
            print("pong")
    """
    assert run(sys.executable, "-c", textwrap.dedent(code)) == "pong\n"


def test_every_public_name_is_there() -> None:
    import eventflow_db

    for name in eventflow_db.__all__:
        assert getattr(eventflow_db, name) is not None
    assert sorted(eventflow_db.__all__) == eventflow_db.__all__


def test_unknown_name_is_an_attribute_error() -> None:
    import eventflow_db

    with pytest.raises(AttributeError, match="no_such_name"):
        eventflow_db.no_such_name  # noqa: B018


# What is built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", directory, ROOT)
    return directory


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def empty_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a virtual environment that holds the wheel and what it requires."""
    directory = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", directory)
    python = directory / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel)
    return python


@pytest.mark.slow
def test_wheel_holds_the_queries_and_nothing_foreign(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"eventflow_db/_{name}" for name in SQL} <= names
    assert "eventflow_db/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"eventflow_db"}


@pytest.mark.slow
def test_sdist_holds_the_queries_and_the_tests(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= SQL
    assert {"tests/conftest.py", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"} <= names


@pytest.mark.slow
def test_wheel_works_in_an_empty_venv(
    empty_venv: Path, tmp_path: Path, empty_database: str, eventflow_server: Server
) -> None:
    url = eventflow_server.database_url(empty_database)
    code = """
        import os, sys
        import eventflow_db
        from eventflow_db import EventflowDB
        assert "site-packages" in eventflow_db.__file__, eventflow_db.__file__
        with EventflowDB(os.environ["URL"]) as db:
            db.setup_table_schemas()
            event_id = db.persist_event({"domain": "d", "pid": "p", "name": "n", "data": {"key": [1]}})
            print(db.read_event(event_id).data)
        assert not {"aiomysql", "typer", "sqlglot", "pytest"} & set(sys.modules)
        try:
            eventflow_db.AsyncEventflowDB
        except AttributeError as error:
            print(error)
    """
    lines = run(empty_venv, "-c", textwrap.dedent(code), cwd=tmp_path, URL=url).splitlines()
    assert lines == ["{'key': [1]}", "AsyncEventflowDB needs aiomysql: pip install 'eventflow-db[async]'"]
