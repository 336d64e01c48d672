"""The soak, for 15 s: scripts/soak runs it for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventflow_db.testing import Server


@pytest.mark.slow
def test_soak_loses_and_doubles_nothing(eventflow_server: Server) -> None:
    if not eventflow_server.can_restart:
        pytest.skip("the server was not started here")
    script = Path(__file__).parent.parent / "scripts" / "soak.py"
    done = subprocess.run([sys.executable, str(script), "--seconds", "15"], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 2 times" in done.stdout
    assert " 0 wrong" in done.stdout
