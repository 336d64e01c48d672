"""scripts/demo: the first thing that a newcomer runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from eventflow_db.testing import Server, temporary_database

DEMO = Path(__file__).parent.parent / "scripts" / "demo.py"


def test_demo_runs_again_in_the_database_that_a_url_names_and_fits_a_terminal(eventflow_server: Server) -> None:
    with temporary_database(eventflow_server) as url:
        environment = os.environ | {"EVENTFLOW_TEST_SERVER": url, "COLUMNS": "80"}
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, str(DEMO)], env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stdout + done.stderr
    first, *story = done.stdout.splitlines()
    assert eventflow_server.version in first
    assert story[-2:] == ["True", ">>> db.close()"]
    assert max(map(len, story)) <= 80
