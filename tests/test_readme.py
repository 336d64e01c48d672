"""README.md: its Python examples run as printed, and it names every operation, setting and error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.cli.app import app
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_readme_examples_run_as_printed(eventflow_server: Server, empty_database: str, tmp_path: Path) -> None:
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    program = tmp_path / "examples.py"
    program.write_text("\n".join(EXAMPLES), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTFLOW_")} | {
        "EVENTFLOW_MYSQL_HOST": settings.host,
        "EVENTFLOW_MYSQL_PORT": str(settings.port),
        "EVENTFLOW_MYSQL_USER": settings.user,
        "EVENTFLOW_MYSQL_PASS": settings.password,
        "EVENTFLOW_MYSQL_DB": settings.database,
    }
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::DeprecationWarning:__main__", str(program)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "E_EVENTFLOW_DB_EVENT_NOT_FOUND",
        "this hub broadcasts it, and no other one",
        "placed",
    ]


@pytest.mark.parametrize(
    "method",
    [name for name in dir(EventflowDB) if not name.startswith("_") and name not in ("settings", "close")],
)
def test_readme_names_every_operation(method: str) -> None:
    assert re.search(rf"\b{method}\b", README)


@pytest.mark.parametrize("setting", Settings.__struct_fields__)
def test_readme_names_every_setting(setting: str) -> None:
    variable = {"password": "PASS", "database": "DB"}.get(setting, setting.upper())
    assert f"`{setting}`" in README
    assert f"`{variable}`" in README


@pytest.mark.parametrize("kind", [kind.__name__ for kind in errors.EventflowDBError.__subclasses__()])
def test_readme_says_what_to_do_about_every_error(kind: str) -> None:
    assert f"| `{kind}` |" in README


def test_readme_shows_the_query_and_tag_that_there_are() -> None:
    spec = load_specs()["event.read_by_eid"]
    assert spec.sql in README
    assert set(re.findall(r"event\.read_by_eid@(\w+)|--tag (\w+)", README)) == {
        (spec.hash, ""),
        ("", spec.hash),
    }
    assert f"source      sql/event/queries.sql:{spec.line}\n" in README


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_readme_names_every_command(command: str) -> None:
    assert f"eventflow-db {command}" in README
