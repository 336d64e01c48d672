"""README.md and sql/README.md: the examples run as printed, links lead somewhere, and nothing public is left out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.cli.app import app
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

from .support import Account
from .test_security_grants import CHECKER, MIGRATOR, READER, SERVICE

ROOT = Path(__file__).parent.parent
REPOSITORY = "https://github.com/eventflow-db/eventflow-db"
FILES = re.compile(
    rf"{REPOSITORY}/(?:blob|tree)/main/|https://raw\.githubusercontent\.com/eventflow-db/eventflow-db/main/"
)
DOCUMENTS = [
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "sql/README.md", "tests/README.md",
    "scripts/README.md",
]  # fmt: skip
README = (ROOT / "README.md").read_text(encoding="utf-8")
SQL_README = (ROOT / "sql/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PROGRAM = "\n".join(example for example in EXAMPLES if not example.startswith("# conftest.py\n"))
(TESTS,) = (example for example in EXAMPLES if example.startswith("# conftest.py\n"))

CRON_JOB, JOB = re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
(CRONTAB,) = re.findall(r"^```text\n(# m h dom mon dow command\n.*?)^```", README, re.DOTALL | re.MULTILINE)


def run(*command: object, cwd: Path, **variables: str) -> str:
    """The output of Python with arguments, whose only EVENTFLOW_* variables are the ones given."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTFLOW_")} | variables
    done = subprocess.run(
        [sys.executable, "-X", "dev", *map(str, command)],
        env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_examples_run_as_printed_and_again(empty_database: str, account: Account, tmp_path: Path) -> None:
    settings = account("secret", database=empty_database)
    program = tmp_path / "examples.py"
    program.write_text(PROGRAM, encoding="utf-8")
    variables = {
        "EVENTFLOW_MYSQL_HOST": settings.host,
        "EVENTFLOW_MYSQL_PORT": str(settings.port),
        "EVENTFLOW_MYSQL_USER": settings.user,
        "EVENTFLOW_MYSQL_PASS": settings.password,
        "EVENTFLOW_MYSQL_DB": settings.database,
    }
    for runs in (1, 2):
        lines = run("-W", "error::DeprecationWarning:__main__", program, cwd=tmp_path, **variables).splitlines()
        assert [line.endswith("+00:00 placed 12") for line in lines] == [True] * runs + [False] * (2 + runs)
        assert lines[runs:] == [
            "E_EVENTFLOW_DB_EVENT_NOT_FOUND",
            "this hub broadcasts it, and no other one",
            *["placed"] * runs,
        ]


def test_readme_example_of_a_test_passes(eventflow_server: Server, tmp_path: Path) -> None:
    for part in re.split(r"^# (?=\w+\.py$)", TESTS, flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        (tmp_path / name).write_text(text, encoding="utf-8")
    told = run("-m", "pytest", "-q", cwd=tmp_path, EVENTFLOW_TEST_SERVER=eventflow_server.url)
    assert "1 passed" in told


def test_readme_example_of_a_job_is_a_workflow(tmp_path: Path) -> None:
    (tmp_path / "test.yml").write_text(JOB, encoding="utf-8")
    run("-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", "test.yml", cwd=tmp_path)


FIELD = re.compile(r"\*|\d{1,2}")


def schedule_and_command(line: str) -> tuple[list[str], list[str]]:
    words = shlex.split(line)
    return words[:5], words[5:]


def test_readme_crontab_and_cron_job_run_as_printed(
    eventflow_server: Server, empty_database: str, tmp_path: Path
) -> None:
    where = Settings.from_url(eventflow_server.database_url(empty_database))
    given = {"HOST": where.host, "PORT": str(where.port), "USER": where.user, "PASS": where.password}
    variables = {f"EVENTFLOW_MYSQL_{name}": value for name, value in {**given, "DB": where.database}.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run("-m", "eventflow_db.cli", "setup", cwd=tmp_path, **variables)
    spec = yaml.safe_load(CRON_JOB)["spec"]
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    lines = [schedule_and_command(line) for line in CRONTAB.splitlines()[1:]]
    lines.append((spec["schedule"].split(), container["command"]))
    assert len(lines) == 5
    for fields, command in lines:
        assert len(fields) == 5
        assert all(map(FIELD.fullmatch, fields))
        assert command[0] == "eventflow-db"
        run("-m", "eventflow_db.cli", *command[1:], cwd=tmp_path, PATH=path, **variables)


def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    text = re.sub(r"^```.*?^```", "", document, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_what_is_there(name: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        address, _, anchor = link.partition("#")
        if FILES.match(address):
            target = ROOT / FILES.sub("", address)
        elif address == REPOSITORY:
            target = ROOT / "README.md"
        elif "://" in address or address.startswith("mailto:"):
            continue
        else:
            assert name != "README.md", f"{link}: PyPI, which shows README.md, needs an absolute link"
            target = (ROOT / name).parent / address if address else ROOT / name
        assert target.exists(), f"{name}: {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{name}: {link}"


@pytest.mark.parametrize(
    "method", [name for name in dir(EventflowDB) if not name.startswith("_") and name not in ("settings", "close")]
)
def test_readme_names_every_operation(method: str) -> None:
    assert re.search(rf"\b{method}\b", README)


@pytest.mark.parametrize("setting", Settings.__struct_fields__)
def test_readme_names_every_setting(setting: str) -> None:
    assert f"`{setting}`" in README


def test_readme_names_the_variables_that_are_named_otherwise() -> None:
    assert "`EVENTFLOW_MYSQL_PASS`" in README
    assert "`EVENTFLOW_MYSQL_DB`" in README
    variables = {"EVENTFLOW_MYSQL_PASS": "secret", "EVENTFLOW_MYSQL_DB": "name"}
    settings = Settings.from_environment(variables)
    assert (settings.password, settings.database) == ("secret", "name")


@pytest.mark.parametrize("kind", [kind.__name__ for kind in errors.EventflowDBError.__subclasses__()])
def test_readme_says_what_to_do_about_every_error(kind: str) -> None:
    assert f"| `{kind}` |" in README


def test_sql_readme_shows_the_query_and_tag_that_there_are() -> None:
    spec = load_specs()["event.read_by_eid"]
    assert spec.sql in SQL_README
    assert set(re.findall(r"event\.read_by_eid@(\w+)|--tag (\w+)", SQL_README)) == {(spec.hash, ""), ("", spec.hash)}
    assert f"source      sql/event/queries.sql:{spec.line}\n" in SQL_README


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_sql_readme_names_every_command(command: str) -> None:
    assert f"eventflow-db {command}" in SQL_README


@pytest.mark.parametrize(
    ("role", "grants"), [("service", SERVICE), ("migrator", MIGRATOR), ("checker", CHECKER), ("reader", READER)]
)
def test_sql_readme_has_the_grants_that_are_tested(role: str, grants: tuple[str, ...]) -> None:
    told = re.findall(rf"^GRANT (.*) TO {role};$", SQL_README, re.MULTILINE)
    assert [grant.replace("eventflow.*", "`{database}`.*") for grant in told] == list(grants)
