"""On three nodes of Group Replication or Galera: `scripts/test --server cluster:mysql` brings them up."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventflow_db import EventflowDB, NewEvent, Settings, errors
from eventflow_db.check.apply import upgrading
from eventflow_db.testing import Server

from .api import API
from .cluster import Cluster, Node
from .support import EVENT, eventually
from .test_errno import run

SCRIPTS = Path(__file__).parent.parent / "scripts"


def event_of(size: int) -> NewEvent:
    """An event of so many bytes."""
    return {"domain": "domain", "pid": "pid", "name": "name", "data": {"text": "x" * size}}


@pytest.fixture(scope="module")
def cluster(eventflow_server: Server) -> Cluster:
    """The cluster whose primary the suite runs on."""
    name = os.environ.get("EVENTFLOW_TEST_CLUSTER")
    if not name:
        pytest.skip("the server is no cluster's")
    return Cluster.found(name)


def whole(cluster: Cluster) -> Node:
    """Mends the cluster; gives its primary."""
    cluster.mend()
    found = cluster.primary()
    assert found is not None
    return found


@pytest.fixture
def primary(cluster: Cluster) -> Node:
    return whole(cluster)


@pytest.fixture
def other(cluster: Cluster, primary: Node) -> Node:
    """A node that is not the primary, or, of Galera, not the first."""
    return next(node for node in cluster.nodes if node is not primary)


@pytest.fixture
def name(primary: Node, api: API) -> Iterator[str]:
    """A database with every table, on all nodes."""
    name = f"eventflow_cluster_{secrets.token_hex(4)}"
    primary.run(f"CREATE DATABASE {name}")
    with EventflowDB(f"{primary.url}{name}") as db:
        db.setup_table_schemas()
    yield name
    whole(primary.cluster).run(f"DROP DATABASE {name}")


@pytest.fixture
def on_primary(api: API, primary: Node, name: str) -> EventflowDB:
    return api.database(f"{primary.url}{name}?read_timeout=5")


@pytest.fixture
def only(cluster: Cluster) -> Any:
    """Skips where the cluster is of the other kind."""

    def only(kind: str) -> None:
        if cluster.kind != kind:
            pytest.skip(f"of {kind}")

    return only


@contextlib.contextmanager
def variable(node: Node, name: str, value: object) -> Iterator[None]:
    """The block runs with another value of a server's variable."""
    ((before,),) = node.run(f"SELECT @@GLOBAL.{name}")
    node.run(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        node.run(f"SET GLOBAL {name} = {before}")


# --- failover: every write accounted for


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--haproxy"]], ids=["", "behind HAProxy"])
@pytest.mark.parametrize("fault", ["kill", "stop", "pause", "switch", "cut", "cut-one-way"])
def test_failover_loses_doubles_and_refuses_nothing(
    cluster: Cluster, fault: str, options: list[str], only: Any
) -> None:
    if fault == "switch":
        only("mysql")
    if options and not shutil.which("haproxy"):
        pytest.skip("no haproxy")
    cluster.mend()
    seconds = "40" if cluster.kind == "mysql" else "20"
    command = [sys.executable, str(SCRIPTS / "failover.py"), cluster.name, fault, "--seconds", seconds, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr


# --- what a node says of itself


def test_target_replica_takes_a_secondary(api: API, cluster: Cluster, name: str, only: Any) -> None:
    only("mysql")
    db = api.database(cluster.database_url(name, target="replica", failover_timeout=0))
    db.ping()
    with pytest.raises(errors.UnavailableError, match="the server is read-only"):
        db.ping(writable=True)


@pytest.mark.slow
def test_ping_writable_on_a_node_that_is_cut_off_raises(
    api: API, cluster: Cluster, primary: Node, other: Node, name: str
) -> None:
    node = primary if cluster.kind == "mysql" else other
    db = api.database(f"{node.url}{name}")
    db.ping(writable=True)
    node.cut()

    assert told(partial(db.ping, writable=True)) is None


# --- locks


def test_lock_is_held_once_on_all_members(
    on_primary: EventflowDB, api: API, cluster: Cluster, primary: Node, other: Node, name: str
) -> None:
    there = api.database(f"{(primary if cluster.kind == 'mysql' else other).url}{name}")
    with on_primary.lock("reference") as lock:
        assert lock.fence == 1
        with pytest.raises(errors.ConflictError), there.lock("reference", 1):
            pass
    with there.lock("reference", 5) as lock:
        assert lock.fence is not None
        assert lock.fence > 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "cut"])
def test_lock_outlives_the_primary(api: API, cluster: Cluster, primary: Node, name: str, fault: str) -> None:
    db, rival = (api.database(cluster.database_url(name)) for _ in range(2))
    with db.lock("reference") as lock:
        getattr(primary, fault)()
        # longer than a lease
        until = time.monotonic() + 70
        while time.monotonic() < until:
            lock.check()
            time.sleep(1)
        with pytest.raises(errors.ConflictError), rival.lock("reference", 1):
            pass
    with rival.lock("reference", 5):
        pass


@pytest.mark.slow
def test_lock_is_lost_without_the_majority_before_somebody_else_has_it(
    api: API, cluster: Cluster, primary: Node, name: str
) -> None:
    db, rival = api.database(f"{primary.url}{name}"), api.database(cluster.database_url(name))
    with pytest.raises(errors.UnavailableError, match="lost"), db.lock("reference") as lock:
        primary.cut()
        with rival.lock("reference", 120) as other:
            with pytest.raises(errors.UnavailableError, match="lost"):
                lock.check()
            assert other.fence > lock.fence  # type: ignore[operator]


# --- consistency


def test_read_on_another_node_right_after_a_write_with_consistency_finds_it(
    on_primary: EventflowDB, api: API, other: Node, name: str
) -> None:
    there = api.database(f"{other.url}{name}?consistency=before")
    for _ in range(200):
        id = on_primary.persist_event(EVENT)
        assert there.read_event(id).id == id


# --- what is too much for the cluster


def test_write_larger_than_the_groups_limit_raises_before_it_is_sent(
    on_primary: EventflowDB, primary: Node, only: Any
) -> None:
    only("mysql")
    with variable(primary, "group_replication_transaction_size_limit", 150_000):
        with pytest.raises(errors.InvalidValueError, match="smaller batch") as caught:
            on_primary.persist_event(event_of(200_000))
        assert "not sent" in str(caught.value.__cause__)
        with pytest.raises(errors.InvalidValueError, match="smaller batch"), on_primary.transaction() as tx:
            for _ in range(4):
                tx.persist_event(event_of(60_000))
        assert on_primary.persist_event(event_of(100_000))


def test_write_larger_than_galeras_limit_raises(on_primary: EventflowDB, primary: Node, only: Any) -> None:
    only("mariadb")
    refused = partial(pytest.raises, errors.InvalidValueError, match="smaller batch")
    with variable(primary, "wsrep_max_ws_size", 100_000), refused():
        on_primary.persist_event(event_of(200_000))
    with variable(primary, "wsrep_max_ws_rows", 10), refused():
        on_primary.persist_events([EVENT] * 20)
    assert on_primary.persist_events([EVENT] * 20)


# --- what a node answers that is not in service


def test_write_to_a_secondary_is_unavailable(api: API, other: Node, name: str, only: Any) -> None:
    only("mysql")
    db = api.database(f"{other.url}{name}?retry_limit=1")
    with pytest.raises(errors.UnavailableError) as caught:
        db.persist_event(EVENT)
    assert caught.value.errno == 1290


@pytest.mark.slow
def test_read_with_consistency_on_a_member_that_is_cut_off_is_unavailable(
    api: API, other: Node, name: str, only: Any
) -> None:
    only("mysql")
    db = api.database(f"{other.url}{name}?consistency=before&retry_limit=1")
    db.read_domains()
    with variable(other, "group_replication_unreachable_majority_timeout", 3):
        other.cut()
        # 3797 who waits when it leaves the group, 3796 who comes then
        assert told(db.read_domains) in (3796, 3797)
        assert told(db.read_domains) == 3796


@pytest.mark.slow
@pytest.mark.parametrize("end", ["timeout", "kill", "cut"])
def test_call_that_a_new_primary_holds_back_until_it_has_caught_up_is_unavailable(
    api: API, primary: Node, other: Node, name: str, only: Any, end: str
) -> None:
    only("mysql")
    with (
        variable(other, "group_replication_member_weight", 90),
        variable(other, "group_replication_unreachable_majority_timeout", 3),
        other.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"LOCK TABLES {name}.hub READ")
        primary.run(f"INSERT INTO {name}.hub VALUES ('hub', NOW(), '127.0.0.1', 1, '127.0.0.1', 1, NULL)")
        primary.kill()
        assert eventually(lambda: other.state() == "PRIMARY", 60)
        if end == "timeout":
            other.run("SET GLOBAL wait_timeout = 2")
        db = api.database(f"{other.url}{name}?retry_limit=1")
        with ThreadPoolExecutor() as threads:
            held = threads.submit(partial(told, db.read_domains))
            look = f"SELECT id FROM performance_schema.processlist WHERE db = '{name}' AND info LIKE '%domain%'"
            assert eventually(lambda: other.run(look) or held.done())
            # and when it is run again
            for _ in range(2 if end == "kill" else 0):
                # until it is held, not only begun
                time.sleep(1)
                other.run(f"KILL QUERY {other.run(look)[0][0]}")
            if end == "cut":
                other.cut()
            assert held.result(60) == {"timeout": 3781, "kill": 3782, "cut": 3783}[end]
        if end == "timeout":
            other.run("SET GLOBAL wait_timeout = 28800")


@pytest.mark.slow
def test_call_on_a_member_that_went_offline_is_unavailable(
    api: API, primary: Node, other: Node, name: str, only: Any
) -> None:
    only("mysql")
    primary.run("CREATE USER IF NOT EXISTS ordinary IDENTIFIED BY 'ordinary'", f"GRANT ALL ON {name}.* TO ordinary")
    db = api.database(f"mysql://ordinary:ordinary@127.0.0.1:{other.port}/{name}?retry_limit=1")
    with (
        variable(other, "group_replication_unreachable_majority_timeout", 3),
        variable(other, "group_replication_autorejoin_tries", 0),
        variable(other, "group_replication_exit_state_action", "OFFLINE_MODE"),
    ):
        other.cut()
        assert told(db.read_domains) == 6400
        other.run("SET GLOBAL offline_mode = OFF")


@pytest.mark.slow
def test_call_on_a_node_without_a_primary_component_is_unavailable(api: API, other: Node, name: str, only: Any) -> None:
    only("mariadb")
    db = api.database(f"{other.url}{name}?retry_limit=1")
    db.ping()
    other.cut()
    assert told(db.read_domains) == 1047


def told(call: Callable[[], object]) -> int | None:
    """The number that a call ends with, sooner or later, as the error of a server that is away."""
    found: list[int | None] = []

    def raises() -> bool:
        try:
            call()
        except errors.UnavailableError as error:
            found.append(error.errno)
        return bool(found)

    assert eventually(raises, 40)
    return found[0]


def test_table_without_a_key_says_what_the_cluster_needs(api: API, primary: Node, name: str, only: Any) -> None:
    only("mysql")
    primary.run(f"USE {name}", "CREATE TABLE keyless (id INT)")
    db = api.database(f"{primary.url}{name}?retry_limit=1")
    with pytest.raises(errors.SchemaError, match="primary key") as caught:
        run(db, "INSERT INTO keyless VALUES (1)")
    assert caught.value.errno == 3098


@pytest.fixture
def several_primaries(only: Any, primary: Node) -> Iterator[None]:
    """All members take writes."""
    only("mysql")
    primary.run("SELECT group_replication_switch_to_multi_primary_mode()", timeout=60)
    yield
    primary.run("SELECT group_replication_switch_to_single_primary_mode(@@server_uuid)", timeout=60)


@pytest.mark.parametrize(
    ("method", "arguments"), [("create_table_hub", ()), ("setup_table_schemas", ()), ("prepare_log_partitions", (3,))]
)
def test_table_is_not_changed_where_a_group_has_several_primaries(
    on_primary: EventflowDB, several_primaries: None, method: str, arguments: tuple[int, ...]
) -> None:
    with pytest.raises(errors.SchemaError, match="several primaries") as caught:
        getattr(on_primary, method)(*arguments)
    assert caught.value.errno == 3092


def test_upgrade_is_refused_where_a_group_has_several_primaries(
    primary: Node, name: str, several_primaries: None
) -> None:
    with (
        pytest.raises(errors.SchemaError, match="several primaries"),
        upgrading(Settings.from_url(f"{primary.url}{name}")),
    ):
        pytest.fail("the upgrade begins")


# --- check


def test_check_leaves_what_a_plain_drop_can_undo(cluster: Cluster, primary: Node, name: str) -> None:
    command = [sys.executable, "-m", "eventflow_db.cli", "check", "event.read", "--keep-scratch", "--rows", "100"]
    environment = os.environ | {
        f"EVENTFLOW_MYSQL_{key}": str(value)
        for key, value in {"HOST": "127.0.0.1", "PORT": primary.port, "USER": "root", "PASS": cluster.secret}.items()
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = primary.run(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'eventflow\\_check\\_%'"
    )
    assert kept
    for (database,) in kept:
        primary.run(f"DROP DATABASE {database}")
    assert eventually(cluster.is_whole, 10)
    settings = Settings.from_url(f"{primary.url}{name}")
    with EventflowDB(settings) as db:
        db.persist_event(EVENT)
    assert cluster.is_whole()
