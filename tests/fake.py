"""A server that follows a script, up to the step at which a test has it misbehave: no real one would do so.

It greets, lets everyone in, and answers every statement with OK, until a step is told to trickle, to
hang up or to say something else. What clients send is kept.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Final, Literal, Self

from pymysql.constants import CLIENT

Step = Literal["greeting", "tls", "login", "statement"]
OK: Final = b"\0\0\0\2\0\0\0"
_SALT: Final = b"abcdefghijklmnopqrst"


def packet(number: int, payload: bytes) -> bytes:
    """A packet of the protocol."""
    return len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload


def own_address() -> str:
    """An address of this machine other than the loopback; empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        # sends nothing
        probe.connect(("198.51.100.1", 9))
        found = str(probe.getsockname()[0])
        return "" if found.startswith("127.") else found
    return ""


class FakeServer:
    """Listens on every address of this machine."""

    def __init__(
        self, *, trickles: Step | None = None, ends: Step | None = None, method: str = "mysql_native_password"
    ) -> None:
        self._trickles = trickles
        self._ends = ends
        self._method = method
        self.login: list[bytes] = [OK]
        """What it says, in turn, when a client logs in, and after each packet of the client's that follows."""
        self.received: list[bytes] = []
        """Each packet that a client has sent."""
        self.ended = threading.Event()
        """Set where a client has left."""
        self._listener = socket.create_server(("", 0))
        self.port = int(self._listener.getsockname()[1])
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            client.settimeout(20)
            self._converse(client)
        self.ended.set()

    def _converse(self, client: socket.socket) -> None:
        self._say(client, "greeting", packet(0, self._greeting()))
        if "tls" in (self._trickles, self._ends):
            self._read(client)
            # the client's greeting of TLS; unread, it would have the connection reset rather than ended
            client.recv(1 << 16)
            # of a record of 16 KB, which never comes whole
            self._say(client, "tls", b"\x16\x03\x03\x40\x00" + bytes(1000))
        number = self._read(client)
        for answer in self.login:
            self._say(client, "login", packet(number + 1, answer))
            if answer[:1] != b"\0":
                number = self._read(client)
        while True:
            self._read(client)
            # the last that sets up a session: a driver reads the replies to some before by itself
            self._say(client, "statement" if b"ISOLATION" in self.received[-1] else "", packet(1, OK))

    def _say(self, client: socket.socket, step: Step | Literal[""], data: bytes) -> None:
        if step == self._ends:
            raise EOFError
        if step != self._trickles:
            client.sendall(data)
            return
        if step != "tls":
            # a packet of which more and more comes
            data = b"\xff\xff\x00" + data[3:] + bytes(1000)
        for at in range(len(data)):
            client.sendall(data[at : at + 1])
            if self._stopped.wait(0.1):
                return

    def _read(self, client: socket.socket) -> int:
        """Keep the next packet; gives its number."""
        header = self._exactly(client, 4)
        self.received.append(self._exactly(client, int.from_bytes(header[:3], "little")))
        return header[3]

    @staticmethod
    def _exactly(client: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := client.recv(size - len(data))):
                raise EOFError
            data += more
        return data

    def _greeting(self) -> bytes:
        flags = CLIENT.CAPABILITIES | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_WITH_DB | CLIENT.FOUND_ROWS
        flags = flags | CLIENT.SSL if "tls" in (self._trickles, self._ends) else flags & ~CLIENT.SSL
        return (
            b"\x0a8.0.99-fake\0" + struct.pack("<I", 1) + _SALT[:8] + b"\0" + struct.pack("<H", flags & 0xFFFF)
            + b"\x2d" + struct.pack("<HHB", 2, flags >> 16, 21) + bytes(10) + _SALT[8:] + b"\0"
            + self._method.encode() + b"\0"
        )  # fmt: skip
