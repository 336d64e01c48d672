"""Three nodes of Group Replication or of Galera, in containers of this machine, and what can happen to them."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pymysql

from .support import closed_port

Kind = Literal["mysql", "mariadb"]
IMAGES = {"mysql": "eventflow-cluster:mysql-9.7", "mariadb": "eventflow-cluster:mariadb-11.8"}
"""Which scripts/cluster makes."""
LABEL = "eventflow-cluster"
RENEWED_AT = 4
"""The try to join its group before which a node is made anew."""
LIMIT = 90.0
"""Seconds that nodes may take to answer, or to be members."""
# A commit reaches the kernel, which a killed container leaves alone.
OPTIONS = (
    "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--innodb-doublewrite=OFF", "--skip-name-resolve",
    "--innodb-buffer-pool-size=128M", "--bind-address=0.0.0.0", "--max-connections=400",
)  # fmt: skip
_MYSQL = """
d=/var/lib/mysql
if [ ! -d $d/mysql ]; then
  mkdir -p $d /run/mysqld
  chown mysql:mysql $d /run/mysqld
  printf '%s\\n' "SET SESSION sql_log_bin = 0;" \
    "CREATE USER 'root'@'%' IDENTIFIED BY '$SECRET'; GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;" \
    "CREATE USER 'joiner'@'%' IDENTIFIED BY '$SECRET';" \
    "GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO 'joiner'@'%';" \
    "ALTER USER 'root'@'localhost' IDENTIFIED BY '$SECRET';" > /tmp/first.sql
  mysqld --no-defaults --initialize-insecure --user=mysql --datadir=$d --init-file=/tmp/first.sql
fi
exec mysqld --no-defaults --user=mysql --datadir=$d --socket=/run/mysqld/mysqld.sock --mysqlx=OFF "$@"
"""
_MARIADB = """
d=/var/lib/mysql
first=
if [ ! -f $d/complete ]; then
  rm -rf $d/*
  mkdir -p $d /run/mysqld
  chown mysql:mysql $d /run/mysqld
  mariadb-install-db --no-defaults --user=mysql --datadir=$d --auth-root-authentication-method=normal --skip-test-db
  printf '%s\\n' "FLUSH PRIVILEGES;" \
    "CREATE USER 'root'@'%' IDENTIFIED BY '$SECRET';" "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;" \
    "ALTER USER 'root'@'localhost' IDENTIFIED BY '$SECRET';" |
    mariadbd --no-defaults --user=mysql --datadir=$d --bootstrap
  touch $d/complete
  if [ "$NUMBER" = 1 ]; then first=--wsrep-new-cluster; fi
elif grep -q 'seqno: *-1' $d/grastate.dat; then
  # after a kill, where it was is asked first
  mariadbd --no-defaults --user=mysql --datadir=$d --wsrep-recover --log-error=/tmp/recovered || true
  where=$(sed -n 's/.*WSREP: Recovered position: *//p' /tmp/recovered | tail -n 1)
  if [ -n "$where" ]; then first=--wsrep-start-position=$where; fi
fi
exec mariadbd --no-defaults --user=mysql --datadir=$d --socket=/run/mysqld/mysqld.sock --binlog-format=ROW \
  --innodb-autoinc-lock-mode=2 --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so $first "$@"
"""


class ClusterError(RuntimeError):
    """A cluster that did not come up, or did not do what it was told."""


def docker(*arguments: str, timeout: float = 60) -> str:
    """What a command of Docker's prints. Raises ClusterError with what it says where it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise ClusterError(f"docker {arguments[0]}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout.strip()


class Node:
    """One node: clients reach it at 127.0.0.1 and its port, the others at its address."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.number = number
        self.name = f"{cluster.name}-{number}"
        self.address = f"{cluster.subnet}.{10 + number}"
        self.port = 0

    @property
    def url(self) -> str:
        """Its address, as root, without a database."""
        return f"mysql://root:{self.cluster.secret}@127.0.0.1:{self.port}/"

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.name} 127.0.0.1:{self.port}>"

    def connection(self, timeout: float = 60) -> pymysql.connections.Connection[Any]:
        """A connection of root's; timeout: seconds without a word after which it is lost."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", password=self.cluster.secret, autocommit=True,
            connect_timeout=3, read_timeout=timeout,
        )  # fmt: skip

    def run(self, *statements: str, timeout: float = 10) -> tuple[tuple[Any, ...], ...]:
        """Run statements as root; gives the rows of the last one. Raises the driver's error."""
        rows: tuple[tuple[Any, ...], ...] = ()
        with self.connection(timeout) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall()
        return rows

    def wait(self, limit: float = LIMIT) -> None:
        """Wait until it answers."""
        until = time.monotonic() + limit
        while True:
            try:
                self.run("SELECT 1", timeout=2)
                return
            except pymysql.MySQLError as error:
                if time.monotonic() > until:
                    raise ClusterError(f"{self.name} does not answer ({error}): {self.log()}") from None
            time.sleep(0.1)

    def log(self) -> str:
        """The end of what it says."""
        done = subprocess.run(["docker", "logs", "--tail", "15", self.name], capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        docker("kill", self.name)

    def stop(self) -> None:
        """Shut it down in order."""
        docker("stop", "--timeout", "60", self.name, timeout=90)

    def pause(self) -> None:
        """Freeze it: connections stay open and get no answer."""
        docker("pause", self.name)

    def resume(self) -> None:
        """Let a paused one go on."""
        docker("unpause", self.name)

    def cut(self, *, one_way: bool = False) -> None:
        """Cut it off from the other nodes, not from clients; one_way: what it sends still arrives."""
        for node in self.cluster.nodes:
            if node is not self:
                docker("exec", self.name, "iptables", "-A", "INPUT", "-s", node.address, "-j", "DROP")
                if not one_way:
                    docker("exec", self.name, "iptables", "-A", "OUTPUT", "-d", node.address, "-j", "DROP")

    def mend(self) -> None:
        """Undo `cut`."""
        docker("exec", self.name, "iptables", "-F")

    def renew(self) -> None:
        """Have it begin without data, as a new node that copies another one's."""
        docker("exec", self.name, "sh", "-c", "rm -rf /var/lib/mysql/*")
        docker("kill", self.name)
        docker("start", self.name)
        self.wait()

    def state(self) -> str:
        """What it says of itself: PRIMARY or SECONDARY where it is in service, else why it is not."""
        try:
            return self.cluster.state_of(self)
        except pymysql.MySQLError as error:
            return f"does not answer ({error.args[0]})"


class Cluster:
    """Three nodes, each with root and a password that was made up for them."""

    def __init__(self, kind: Kind, *, options: Sequence[str] = ()) -> None:
        self.kind: Kind = kind
        self.name = f"{LABEL}-{secrets.token_hex(3)}"
        self.secret = secrets.token_urlsafe(18)
        self.subnet = self._make_network()
        self.nodes = [Node(self, number) for number in (1, 2, 3)]
        self._options = options

    @property
    def url(self) -> str:
        """The address of all nodes, as root, without a database."""
        return f"mysql://root:{self.secret}@{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}/"

    def database_url(self, name: str, **settings: object) -> str:
        """The address of a database on all nodes, with settings."""
        query = "&".join(f"{key}={value}" for key, value in settings.items())
        return f"{self.url}{name}{'?' if query else ''}{query}"

    @classmethod
    def found(cls, name: str) -> Cluster:
        """The cluster of that name, which was brought up before; a node that has ended is started."""
        cluster = cls.__new__(cls)
        cluster.name, cluster._options = name, ()
        subnet = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", name)
        cluster.subnet = subnet.rpartition(".")[0]
        cluster.nodes = [Node(cluster, number) for number in (1, 2, 3)]
        for node in cluster.nodes:
            if docker("inspect", "-f", "{{.State.Status}}", node.name) == "exited":
                # it has no port then
                docker("start", node.name)
            node.port = int(docker("port", node.name, "3306").rpartition(":")[2])
        given = docker("inspect", "-f", "{{.Config.Image}}{{range .Config.Env}} {{.}}{{end}}", f"{name}-1").split()
        cluster.kind = "mysql" if given[0] == IMAGES["mysql"] else "mariadb"
        cluster.secret = next(text.partition("=")[2] for text in given if text.startswith("SECRET="))
        return cluster

    def _make_network(self) -> str:
        """Make the network that the nodes talk over; gives the first three numbers of its addresses."""
        failure = None
        for _ in range(20):
            subnet = f"10.213.{secrets.randbelow(256)}"
            try:
                docker("network", "create", "--label", LABEL, "--subnet", f"{subnet}.0/24", self.name)
                return subnet
            except ClusterError as error:
                # others may have it
                failure = error
        raise ClusterError(f"no network could be made: {failure}")

    def up(self) -> None:
        """Start the nodes and wait until all three are members. Raises ClusterError."""
        for node in self.nodes:
            self._start(node)
            if self.kind == "mariadb":
                # a node that comes later copies one that is there
                node.wait()
        for node in self.nodes:
            node.wait()
            if self.kind == "mysql":
                self.join(node, first=node.number == 1)
        self.wait()

    def _start(self, node: Node) -> None:
        # one of our choice outlives a restart
        node.port = closed_port()
        addresses = [one.address for one in self.nodes]
        if self.kind == "mysql":
            script, options = _MYSQL, [
                "--gtid-mode=ON", "--enforce-gtid-consistency=ON", f"--report-host={node.address}",
                "--secure-file-priv=NULL", "--plugin-load-add=group_replication.so",
                "--loose-group-replication-group-name=6d1f0a52-6f0c-4a0e-9d0c-1f6f5f1d7c11",
                "--loose-group-replication-start-on-boot=OFF", "--loose-group-replication-recovery-get-public-key=ON",
                f"--loose-group-replication-local-address={node.address}:33061",
                f"--loose-group-replication-group-seeds={','.join(f'{one}:33061' for one in addresses)}",
            ]  # fmt: skip
        else:
            script, options = _MARIADB, [
                f"--wsrep-cluster-address=gcomm://{','.join(addresses)}", f"--wsrep-cluster-name={self.name}",
                f"--wsrep-node-name={node.name}", f"--wsrep-node-address={node.address}", "--wsrep-sst-method=rsync",
            ]  # fmt: skip
        docker(
            "run", "-d", "--name", node.name, "--label", LABEL, "--network", self.name, "--ip", node.address,
            "--cap-add", "NET_ADMIN", "-p", f"127.0.0.1:{node.port}:3306", "-e", f"SECRET={self.secret}",
            "-e", f"NUMBER={node.number}", "--entrypoint", "/bin/sh", IMAGES[self.kind], "-euc", script, "node",
            *OPTIONS, f"--server-id={node.number}", *options, *self._options,
        )  # fmt: skip

    def join(self, node: Node, *, first: bool = False) -> None:
        """Have a node that answers be a member."""
        if self.kind == "mysql":
            source = f"SOURCE_USER = 'joiner', SOURCE_PASSWORD = '{self.secret}'"
            node.run(f"CHANGE REPLICATION SOURCE TO {source} FOR CHANNEL 'group_replication_recovery'")
            if first:
                node.run("SET GLOBAL group_replication_bootstrap_group = ON")
            node.run("START GROUP_REPLICATION", timeout=LIMIT)
            if first:
                node.run("SET GLOBAL group_replication_bootstrap_group = OFF")

    def state_of(self, node: Node) -> str:
        """What a node says of itself."""
        if self.kind == "mysql":
            rows = node.run(
                "SELECT member_state, member_role FROM performance_schema.replication_group_members "
                "WHERE member_id = @@server_uuid",
                timeout=3,
            )
            return rows[0][1] if rows and rows[0][0] == "ONLINE" else (rows[0][0] if rows else "OFFLINE")
        names = ("wsrep_cluster_status", "wsrep_local_state_comment", "wsrep_ready")
        status = dict(node.run(f"SHOW GLOBAL STATUS WHERE variable_name IN {names}", timeout=3))
        ready = (status["wsrep_cluster_status"], status["wsrep_local_state_comment"], status["wsrep_ready"])
        return "PRIMARY" if ready == ("Primary", "Synced", "ON") else "/".join(ready)

    def primary(self) -> Node | None:
        """The node that takes writes: of Galera, any; None where there is none."""
        return next((node for node in self.nodes if node.state() == "PRIMARY"), None)

    def is_whole(self) -> bool:
        """Whether all three say that they are members."""
        states = [node.state() for node in self.nodes]
        if self.kind == "mariadb":
            return states == ["PRIMARY"] * 3 and {self.size_of(node) for node in self.nodes} == {3}
        return sorted(states) == ["PRIMARY", "SECONDARY", "SECONDARY"]

    def size_of(self, node: Node) -> int:
        """How many nodes a node of Galera sees; 0 where it does not answer, and for Group Replication."""
        with contextlib.suppress(pymysql.MySQLError):
            return sum(int(size) for _, size in node.run("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'", timeout=3))
        return 0

    def wait(self, limit: float = LIMIT) -> None:
        """Wait until all three are members. Raises ClusterError."""
        until = time.monotonic() + limit
        while not self.is_whole():
            if time.monotonic() > until:
                raise ClusterError(f"not whole: {[node.state() for node in self.nodes]}; {self.nodes[-1].log()}")
            time.sleep(0.2)

    def mend(self) -> None:
        """Bring every node back: running, reached by the others, and a member."""
        for node in self.nodes:
            state = docker("inspect", "-f", "{{.State.Status}}", node.name)
            if state == "paused":
                node.resume()
            elif state != "running":
                docker("start", node.name)
            node.wait()
            node.mend()
        self._rejoin()
        self.wait()

    def _rejoin(self) -> None:
        if self.kind == "mariadb":
            return
        until = time.monotonic() + LIMIT
        tries: Counter[Node] = Counter()
        while not self.is_whole() and time.monotonic() < until:
            online = self.primary()
            for node in self.nodes:
                if node.state() in ("OFFLINE", "ERROR"):
                    tries[node] += 1
                    if online is not None and tries[node] == RENEWED_AT:
                        # of a primary that is shut down, MySQL 9.7 may give the last transaction to one of two members
                        print(f"cluster: {node.name} does not get the others' transactions: made anew", flush=True)
                        node.renew()
                    with contextlib.suppress(pymysql.MySQLError):
                        node.run("STOP GROUP_REPLICATION", timeout=30)
                    if online is None and all(one.state() in ("OFFLINE", "ERROR") for one in self.nodes):
                        self.join(node, first=True)
                        online = node
                    else:
                        with contextlib.suppress(pymysql.MySQLError):
                            self.join(node)
            time.sleep(0.5)

    def switch(self) -> Node:
        """Make another node the primary, as planned; gives it. Only of Group Replication."""
        node = next(node for node in self.nodes if node.state() == "SECONDARY")
        ((uuid,),) = node.run("SELECT @@server_uuid")
        node.run(f"SELECT group_replication_set_as_primary('{uuid}')", timeout=LIMIT)
        return node

    def down(self) -> None:
        """Remove the nodes and their network."""
        for node in self.nodes:
            with contextlib.suppress(ClusterError):
                docker("rm", "-f", "-v", node.name)
        with contextlib.suppress(ClusterError):
            docker("network", "rm", self.name)


@contextlib.contextmanager
def running_cluster(kind: Kind, *, options: Sequence[str] = ()) -> Iterator[Cluster]:
    """A cluster for the length of a block."""
    cluster = Cluster(kind, options=options)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
