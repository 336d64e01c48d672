"""Brings a cluster of three nodes up, says how it is, and takes it down again: see scripts/cluster."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from tests.cluster import IMAGES, LABEL, Cluster, ClusterError, docker


def up(kind: str, options: Sequence[str]) -> None:
    """Bring it up, and print what EventflowDB() and the tests take from the environment."""
    began = time.monotonic()
    cluster = Cluster(kind, options=options)  # type: ignore[arg-type]
    try:
        cluster.up()
    except BaseException:
        cluster.down()
        raise
    for node in cluster.nodes:
        print(f"cluster: {node.name}, 127.0.0.1:{node.port}: {node.state()}", file=sys.stderr)
    print(f"cluster: up in {time.monotonic() - began:.0f} s", file=sys.stderr)
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
    primary = cluster.primary()
    assert primary is not None
    print(f"export EVENTFLOW_MYSQL_HOST={hosts} EVENTFLOW_MYSQL_USER=root EVENTFLOW_MYSQL_PASS={cluster.secret}")
    print(f"export EVENTFLOW_TEST_CLUSTER={cluster.name} EVENTFLOW_TEST_SERVER={primary.url}")


def down(name: str | None) -> None:
    """Remove the nodes and the network of a cluster, or of all."""
    for kind, remove in (("ps -a", "rm -f -v"), ("network ls", "network rm")):
        chosen = ("--filter", f"name={name}") if name else ()
        if found := docker(*kind.split(), "-q", "--filter", f"label={LABEL}", *chosen).split():
            docker(*remove.split(), *found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; gives the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("which", nargs="?", help="up: mysql or mariadb; down: the name of one, else all go")
    parser.add_argument("options", nargs="*", help="options of the servers, behind --")
    options = parser.parse_args(arguments)
    if options.action == "up" and options.which not in IMAGES:
        parser.error("up takes mysql or mariadb")
    try:
        if options.action == "up":
            up(options.which, options.options)
        else:
            down(options.which)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
