"""Claims while consumers, hubs and the server are killed, for 15 s: scripts/soak --claims runs it for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventflow_db.testing import Server


@pytest.mark.slow
def test_claims_soak_loses_nothing_and_finishes_nothing_twice(eventflow_server: Server) -> None:
    if not eventflow_server.can_restart:
        pytest.skip("the server was not started here")
    script = Path(__file__).parent.parent / "scripts" / "soak.py"
    command = [sys.executable, str(script), "--claims", "--seconds", "15"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=190, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 times the server" in done.stdout
    assert "\n0 wrong\n" in done.stdout
