"""The command `eventflow-db`: the catalogue of queries, their proof, and the tables' differences."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command.

    Exit codes: 0 as it should be, 1 something is not, 2 could not find out.
    """
    try:
        from .app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich", "sqlglot", "click"):
            raise
        print(f"eventflow-db: needs {error.name}: pip install 'eventflow-db[cli]'", file=sys.stderr)
        sys.exit(2)
    sys.exit(run())
