"""A loopback proxy that cuts, stalls, delays or splits what runs between the library and a real server.

    with Proxy(server) as proxy:
        proxy.cut_reply(b"INSERT INTO event ")         # the statement runs, its reply never arrives
        proxy.cut_reply(b"SELECT", after=100)          # in the middle of the result
        proxy.cut_request(b"COMMIT")                   # it never arrives

A rule acts once, on the first request that holds its marker, whatever connection that comes on.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from eventflow_db.testing import Server

Action = Literal["cut", "stall", "delay", "replace"]


@dataclass
class Rule:
    """What is to happen to the first request with a marker, or to its reply."""

    marker: bytes
    side: Literal["request", "reply"]
    action: Action
    after: int = 0
    """Bytes that pass before."""
    seconds: float = 0.0
    data: bytes = b""
    """What comes instead."""
    fired: threading.Event = field(default_factory=threading.Event)


class _Link:
    """One connection of a client, and ours to the server."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.armed: Rule | None = None
        self._pumps = 2
        self._greeted = False
        self.frozen = False
        for source, target, requests in ((client, server, True), (server, client, False)):
            proxy.start(self._pump, source, target, requests)

    def cut(self) -> None:
        """Close both sides at once."""
        self.proxy.links.discard(self)
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, target: socket.socket, requests: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if requests:
                    self.proxy.requests += data
                    rule = self.proxy.match(data)
                    if rule is not None and rule.side == "reply":
                        self.armed, rule = rule, None
                else:
                    rule, self.armed = self.armed, None
                    if self.proxy.hides_tls and not self._greeted:
                        data = _without_tls(data)
                    self._greeted = True
                if self.frozen:
                    self.proxy.stalled.wait(60)
                    break
                if rule is not None:
                    target.sendall(data[: rule.after])
                    data = data[rule.after :]
                    rule.fired.set()
                    if rule.action == "cut":
                        break
                    if rule.action == "replace":
                        data = rule.data
                    time.sleep(rule.seconds)
                    if rule.action == "stall":
                        self.proxy.stalled.wait(60)
                        break
                if self.proxy.latency:
                    time.sleep(self.proxy.latency)
                step = self.proxy.split or len(data) or 1
                for start in range(0, len(data), step):
                    target.sendall(data[start : start + step])
                    if self.proxy.pause:
                        time.sleep(self.proxy.pause)
        except OSError:
            pass
        finally:
            self.cut()
            with self.proxy.lock:
                self._pumps -= 1
                if not self._pumps:
                    self.client.close()
                    self.server.close()


class Proxy:
    """A port on the loopback that leads to a server, for as long as nothing else is asked for."""

    def __init__(self, server: Server) -> None:
        self._target = (server.host, server.port)
        self.links: set[_Link] = set()
        self.stalled = threading.Event()
        """Set at the end, to let stalled connections go."""
        self.latency = 0.0
        """Seconds that everything takes, each way."""
        self.split = 0
        """Bytes that pass at a time; 0 for all there are."""
        self.pause = 0.0
        """Seconds between them."""
        self.hides_tls = False
        """Whether the server's greeting loses its offer of TLS, as someone in the middle would have it."""
        self.requests = bytearray()
        """Everything that clients have sent."""
        self._threads: list[threading.Thread] = []
        self._rules: list[Rule] = []
        self.lock = threading.Lock()
        self.port = 0
        self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.refuse()
        self.stalled.set()
        self.cut_all()
        for thread in self._threads:
            thread.join(5)

    def cut_request(self, marker: bytes, after: int = 0) -> Rule:
        """Cut the connection before a request arrives, or when only its first bytes have."""
        return self._add(Rule(marker, "request", "cut", after))

    def cut_reply(self, marker: bytes, after: int = 0) -> Rule:
        """Cut the connection when a request has run, before its reply arrives, or only its first bytes have."""
        return self._add(Rule(marker, "reply", "cut", after))

    def stall_reply(self, marker: bytes, after: int = 0) -> Rule:
        """Hold the reply to a request back, the connection half-open."""
        return self._add(Rule(marker, "reply", "stall", after))

    def replace_reply(self, marker: bytes, data: bytes) -> Rule:
        """Answer a request with something else."""
        return self._add(Rule(marker, "reply", "replace", data=data))

    def delay_reply(self, marker: bytes, seconds: float) -> Rule:
        """Let the reply to a request wait."""
        return self._add(Rule(marker, "reply", "delay", 0, seconds))

    def start(self, work: Callable[..., None], *arguments: object) -> None:
        """Run something in a thread, which the end of the proxy waits for."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def listen(self) -> None:
        """Accept connections, again on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        self.start(self._accept, self._listener)

    def refuse(self) -> None:
        """Accept no more connections; those that are there stay."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def freeze(self) -> None:
        """Let nothing pass any more on the connections that are there, which stay open."""
        for link in list(self.links):
            link.frozen = True

    def cut_all(self) -> None:
        """Cut every connection."""
        for link in list(self.links):
            link.cut()

    def cut_one(self, chance: random.Random) -> bool:
        """Cut a connection; False when there is none."""
        links = list(self.links)
        if links:
            chance.choice(links).cut()
        return bool(links)

    def forgive(self) -> None:
        """Forget every rule that no request has met."""
        with self.lock:
            self._rules.clear()

    def match(self, data: bytes) -> Rule | None:
        """The rule for a request, which is used up by it."""
        with self.lock:
            for rule in self._rules:
                if rule.marker in data:
                    self._rules.remove(rule)
                    return rule
        return None

    def _add(self, rule: Rule) -> Rule:
        with self.lock:
            self._rules.append(rule)
        return rule

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, 10)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.settimeout(None)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links.add(_Link(self, client, server))


def _without_tls(greeting: bytes) -> bytes:
    """The server's greeting without the flag CLIENT_SSL."""
    flags = greeting.index(b"\0", 5) + 1 + 4 + 8 + 1  # behind version, connection id, salt and a filler
    return greeting[: flags + 1] + bytes([greeting[flags + 1] & ~0x08]) + greeting[flags + 2 :]
