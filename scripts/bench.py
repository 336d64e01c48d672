"""Runs one of the measurements on one server, and leaves its results: see scripts/bench."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from chart import bars
from claims import growth_of_claims, rates_of_claims
from growth import FEW, growth
from layers import layers
from memory import memory
from purge import measure_purges
from throughput import event, ratios, throughput
from upgrade import measure_upgrades

from eventflow_db import Settings
from eventflow_db.testing import Server, running_server, temporary_database

RESULTS = Path(__file__).parent / "results"
MANY = 1_000_000
DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=O_DIRECT",
    "--innodb-doublewrite=ON",
    "--loose-debug-no-sync=OFF",
)
ROWS_OF_GIGABYTE = 700_000
"""Rows in each of the tables that the server's buffer pool has room for, so that the disk is not what is measured."""


def options(rows: int = 0, durable: bool = False) -> tuple[str, ...]:
    """How the server is started; durable: every commit waits for the disk, as in production."""
    memory = f"--innodb-buffer-pool-size={max(3, rows // ROWS_OF_GIGABYTE + 1)}G"
    return memory, "--max-connections=200", *(DURABLE if durable else ())


def description(server: Server, started_with: Sequence[str]) -> dict[str, Any]:
    """What was measured on what."""
    packages = ("PyMySQL", "aiomysql", "mysqlclient", "orjson", "SQLAlchemy", "msgspec")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "server": f"{'MariaDB' if server.kind == 'mariadb' else 'MySQL'} {server.version.split('-')[0]}",
        "server options": list(started_with),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, server on the same machine, TLS off for all",
    }


def write(directory: Path | None, name: str, found: dict[str, Any], chart: str) -> None:
    """Leave the results as JSON and as a chart."""
    if directory is None:
        print("bench: a part of the work, or less of it: written only where --to says", file=sys.stderr)
        return
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (directory / f"{name}.svg").write_text(chart)
    print(f"bench: wrote {directory / name}.json and .svg", file=sys.stderr)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", action="append", help="work that has this in its name, or another of these")
    parser.add_argument("--durable", action="store_true", help="every commit waits for the disk")
    parser.add_argument("--to", type=Path, help="where results go (scripts/results for whole runs)")
    parser.add_argument("--growth", type=int, nargs="?", const=MANY, metavar="ROWS", help="of every operation")
    parser.add_argument("--layers", action="store_true", help="of persist_event")
    parser.add_argument("--memory", type=int, nargs="?", const=MANY, metavar="EVENTS", help="while events are streamed")
    parser.add_argument("--upgrade", type=int, nargs="?", const=200_000, metavar="ROWS", help="beside writers")
    parser.add_argument("--purge", type=int, nargs="?", const=MANY, metavar="EVENTS", help="beside writers")
    parser.add_argument("--claims", type=int, nargs="?", const=MANY, metavar="ROWS", help="beside so many rows")
    arguments = parser.parse_args()
    is_whole = not (arguments.quick or arguments.only or arguments.durable) and arguments.growth in (None, MANY)
    if is_whole and arguments.to is None:
        arguments.to = RESULTS
    return arguments


def main() -> None:
    arguments = parse_arguments()
    started_with = options(arguments.growth or 0, arguments.durable)
    with running_server(options=started_with) as server, temporary_database(server) as url:
        settings = msgspec.structs.replace(Settings.from_url(url), ssl_mode="DISABLED")
        about = description(server, started_with)
        print(json.dumps(about, indent=1))
        if arguments.memory:
            memory(settings, url, arguments.memory)
        elif arguments.purge:
            measure_purges(server, settings, arguments.purge)
        elif arguments.claims:
            rates_of_claims(server, settings)
            growth_of_claims(server, settings, arguments.claims)
        elif arguments.upgrade:
            measure_upgrades(server, settings, arguments.upgrade)
        elif arguments.layers:
            layers(server, settings, event)
        elif arguments.growth:
            found: dict[str, Any] = growth(server, settings, arguments.growth)
            title = f"Growth on {about['server']}: time at {arguments.growth:,} rows by time at {FEW:,}"
            chart = bars(title, {name: {"growth": row["growth"]} for name, row in found.items()})
            write(arguments.to, f"growth-{server.kind}", about | {"results": found}, chart)
        else:
            found = throughput(server, settings, arguments.quick, arguments.only)
            chart = bars(
                f"Throughput on {about['server']}, PyMySQL = 1", {work: ratios(times) for work, times in found.items()}
            )
            write(arguments.to, server.kind, about | {"results": found}, chart)


if __name__ == "__main__":
    main()
