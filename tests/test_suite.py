"""The suite itself: `scripts/test --unit` needs no server, and tests/README.md names files and tests that exist."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from eventflow_db.testing import Server

from .support import Admin, closed_port

TESTS = Path(__file__).parent
README = (TESTS / "README.md").read_text(encoding="utf-8")
SAFEGUARDS = re.findall(r"^\| (.+) \| .+ \| \[`(test_\w+)`\]\((test_\w+\.py)\) \|$", README, re.MULTILINE)


def test_readme_has_a_test_in_each_row_of_safeguards() -> None:
    table = README.partition("| fault | safeguard | test |\n|---|---|---|\n")[2]
    assert len(SAFEGUARDS) == len(table.splitlines()) > 20


@pytest.mark.parametrize(("name", "module"), [(name, module) for _, name, module in SAFEGUARDS])
def test_readme_safeguard_names_a_test_that_exists(name: str, module: str) -> None:
    assert f"\ndef {name}(" in (TESTS / module).read_text(encoding="utf-8")


def test_readme_lists_every_file_that_is_no_test() -> None:
    names = {path.name for path in TESTS.glob("*.py") if not path.name.startswith(("test_", "__init__"))}
    assert names == set(re.findall(r"^\| `(\w+\.py)` \|", README, re.MULTILINE))


@pytest.mark.slow
def test_unit_passes_where_no_server_can_be_had() -> None:
    port = closed_port()
    nowhere = {"EVENTFLOW_TEST_SERVER": f"mysql://root:x@127.0.0.1:{port}/", "DOCKER_HOST": f"tcp://127.0.0.1:{port}"}
    done = subprocess.run(
        [TESTS.parent / "scripts" / "test", "--unit", "-q", "-p", "no:cacheprovider"],
        # not a part of what coverage is measured of: each of these tests runs in the suite as well
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")} | nowhere,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^(\d+) passed, \d+ deselected", done.stdout, re.MULTILINE)
    assert passed, done.stdout
    assert int(passed[1]) > 1_000
    assert "\nserver: " not in done.stdout


@pytest.mark.parametrize("password", ["p'w/%@:?#\"\\ä $(x)", ""], ids=["odd", "empty"])
@pytest.mark.slow
def test_suite_by_url_takes_any_administrator_and_password(
    eventflow_server: Server, admin: Admin, password: str
) -> None:
    name = "ad min@x"
    admin.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", name, password)
    try:
        admin.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", name)
        place = f"{eventflow_server.host}:{eventflow_server.port}"
        url = f"mysql://{quote(name)}:{quote(password, safe='')}@{place}/"
        # those that log in by themselves
        logins = ("from_connection", "security", "reply", "readme", "testing", "contract")
        modules = [f"tests/test_{module}.py" for module in (logins if password else logins[:2])]
        done = subprocess.run(
            [TESTS.parent / "scripts" / "test", "--server", url, "-q", "-p", "no:cacheprovider", *modules],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        admin.execute("DROP USER %s@'%%'", name)
    assert done.returncode == 0, done.stdout + done.stderr
