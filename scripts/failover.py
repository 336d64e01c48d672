"""Writes to a cluster from both APIs while its primary is taken away, and accounts for every write.

Workers write, read and claim as those of scripts/soak do, over all three hosts. In the middle of the run the primary is
killed, shut down, frozen, switched over or cut off from the others, and is mended before the account is made up.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from soak import Account, Sync, Worker, compare, prepare, tell, work

from eventflow_db import AsyncEventflowDB, Settings
from eventflow_db.testing import Server
from tests.cluster import Cluster, Node, running_cluster
from tests.support import closed_port

FAULTS: Mapping[str, Callable[[Cluster, Node], object]] = {
    "kill": lambda cluster, node: node.kill(),
    "stop": lambda cluster, node: node.stop(),
    "pause": lambda cluster, node: node.pause(),
    "switch": lambda cluster, node: cluster.switch(),
    "cut": lambda cluster, node: node.cut(),
    "cut-one-way": lambda cluster, node: node.cut(one_way=True),
}
WORKERS = 12
LOOK_EVERY = 0.05


class TimedWorker(Worker):
    """A worker that notes when its writes were acknowledged, by the monotonic clock."""

    acknowledged: list[float]

    async def _write(self, keys: Sequence[tuple[str, str]], call: Coroutine[Any, Any, Any]) -> bool:
        done = await super()._write(keys, call)
        if done:
            self.acknowledged.append(time.monotonic())
        return done

    async def _transaction(self, db: Any) -> None:
        """As the base's, run again where the server has rolled it back, for a failover does."""
        event = self._new()
        key = str(event["id"])

        async def work(tx: Any) -> None:
            await tx.persist_event(event)
            await tx.persist_event_eid(key, "eid")

        def work_at_once(tx: Any) -> None:
            # the sync API's transaction, whose methods never wait
            with contextlib.suppress(StopIteration):
                work(Sync(tx)).send(None)

        is_async = isinstance(db, AsyncEventflowDB)
        await self._write([("event", key), ("event_eid", key)], db.run_transaction(work if is_async else work_at_once))


class Watch(threading.Thread):
    """Notes when the other nodes have a primary."""

    def __init__(self, cluster: Cluster, old: Node) -> None:
        super().__init__(daemon=True)
        self._cluster, self._old = cluster, old
        self._had = {node.number: cluster.size_of(node) for node in cluster.nodes}
        self.found: float | None = None
        self.ended = False

    def run(self) -> None:
        while not self.ended and self.found is None:
            if any(self._is_primary(node) for node in self._cluster.nodes if node is not self._old):
                self.found = time.monotonic()
            time.sleep(LOOK_EVERY)

    def _is_primary(self, node: Node) -> bool:
        """Whether it takes writes without the old one."""
        if node.state() != "PRIMARY":
            return False
        if self._cluster.kind == "mysql":
            return node.run("SELECT @@GLOBAL.super_read_only", timeout=2) == ((0,),)
        return self._cluster.size_of(node) < self._had[node.number]


@contextlib.contextmanager
def haproxy(cluster: Cluster) -> Iterator[str]:
    """A HAProxy before the nodes, set up by the two files that README prints; gives its URL."""
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    config, check = re.findall(
        r"^```(?:text|sh)\n(# /etc/haproxy/.*?|#!/bin/sh\n# .*?/takes-writes.*?)^```", readme, re.M | re.S
    )
    port = closed_port()
    with tempfile.TemporaryDirectory() as directory:
        script, options, file = (Path(directory, name) for name in ("takes-writes", "haproxy.cnf", "haproxy.cfg"))
        options.touch(0o600)
        options.write_text(f"[client]\nuser = root\npassword = {cluster.secret}\nssl\n", encoding="utf-8")
        script.write_text(check.replace("/etc/mysql/haproxy.cnf", str(options)), encoding="utf-8")
        script.chmod(0o700)
        # as who runs it, for the files are his
        config = re.sub(r"^ *(user|group) .*\n", "", config, flags=re.M)
        config = config.replace("/usr/local/bin/takes-writes", str(script)).replace(
            "127.0.0.1:3306", f"127.0.0.1:{port}"
        )
        for node in cluster.nodes:
            config = config.replace(f"h{node.number}:3306", f"127.0.0.1:{node.port}")
        file.write_text(config, encoding="utf-8")
        process = subprocess.Popen(["haproxy", "-q", "-db", "-f", str(file)])
        try:
            yield f"mysql://root:{cluster.secret}@127.0.0.1:{port}/?connect_timeout=3&failover_timeout=60"
        finally:
            process.terminate()
            process.wait(10)


def run(cluster: Cluster, fault: str, seconds: float, seed: int, url: str) -> int:
    """One run, by a URL; the exit code."""
    account = Account()
    acknowledged: list[float] = []
    name = f"eventflow_failover_{seed}"
    old = cluster.primary()
    assert old is not None
    old.run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    settings = msgspec.structs.replace(Settings.from_url(url), database=name, connection_limit=6, read_timeout=5)
    published = prepare(settings, seconds)
    crew = [TimedWorker(number, seed, account, published) for number in range(WORKERS)]
    for worker in crew:
        worker.acknowledged = acknowledged
    told: list[float] = []
    watch = Watch(cluster, old)

    def disturb() -> None:
        time.sleep(seconds / 4)
        told.append(time.monotonic())
        if fault != "switch":
            watch.start()
        FAULTS[fault](cluster, old)
        if fault == "switch":
            # it answers once the other one is the primary
            watch.found = time.monotonic()

    trouble = threading.Thread(target=disturb)
    trouble.start()
    work(settings, crew, seconds)
    trouble.join()
    watch.ended = True
    cluster.mend()
    primary = cluster.primary()
    assert primary is not None
    figures = compare(Server(primary.url, "the cluster"), name, account)
    primary.run(f"DROP DATABASE {name}")
    print(f"failover: {cluster.kind}, {fault}, seed {seed}, {seconds:g} s, {WORKERS} workers on both APIs")
    print(f"failover: {times(told[0], watch.found, sorted(acknowledged))}")
    tell("failover", figures, account)
    return 1 if account.wrong or figures["refused"] or watch.found is None else 0


def times(began: float, found: float | None, acknowledged: Sequence[float]) -> str:
    """How long nothing was written, and how long after there was a primary."""
    if found is None:
        return "the others got no primary"
    gap, end = max((later - before, later) for before, later in itertools.pairwise(acknowledged) if later > began)
    first = next((moment for moment in acknowledged if moment > found), None)
    after = "none was acknowledged" if first is None else f"the first acknowledgement came {first - found:.2f} s later"
    return f"a new primary after {found - began:.1f} s, {after}; nothing for {gap:.1f} s, until {end - began:.1f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring a cluster up, or take one that runs; run each fault on it."""
    parser = argparse.ArgumentParser(prog="scripts/failover", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cluster", help="mysql, mariadb, or the name of one that scripts/cluster has brought up")
    parser.add_argument("faults", nargs="*", default=["kill"], help=f"of {', '.join(FAULTS)} (kill)")
    parser.add_argument("--seconds", type=float, default=60, help="of each run (60)")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (1)")
    parser.add_argument("--majority-timeout", type=int, help="group_replication_unreachable_majority_timeout")
    parser.add_argument("--haproxy", action="store_true", help="through one that has README's configuration")
    options = parser.parse_args(arguments)
    if options.haproxy and not shutil.which("haproxy"):
        parser.error("--haproxy: it is not installed")
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")

    def run_all(cluster: Cluster) -> int:
        if options.majority_timeout is not None:
            for node in cluster.nodes:
                node.run(f"SET GLOBAL group_replication_unreachable_majority_timeout = {options.majority_timeout}")
        seconds = min(options.seconds, 600)
        with haproxy(cluster) if options.haproxy else contextlib.nullcontext(cluster.url) as url:
            faults = enumerate(options.faults, options.seed)
            return max(run(cluster, fault, seconds, seed, url) for seed, fault in faults)

    if options.cluster in ("mysql", "mariadb"):
        with running_cluster(options.cluster) as cluster:
            return run_all(cluster)
    return run_all(Cluster.found(options.cluster))


if __name__ == "__main__":
    sys.exit(main())
