"""Which of several servers a connection goes to: what each says of itself, and the order they are tried in."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import pymysql.err

from .settings import Settings, destination

HOST_TIMEOUT: Final = 2.0
"""Seconds that one of several servers may take for a connection."""
_AVOIDED: Final = 10.0
"""Seconds for which a server that could not be used is tried last."""

READ_ONLY: Final = "is read-only"
_PRIMARY: Final = ""
_OFFLINE: Final = "/*!80000 WHEN @@GLOBAL.offline_mode THEN 'is offline' */"
_GROUP: Final = """/*!80000
    WHEN EXISTS (
        SELECT 1 FROM performance_schema.replication_group_members
        WHERE member_id IN ('', @@server_uuid) AND member_state <> 'ONLINE'
    ) THEN 'is no member of its group'
    WHEN (
        SELECT SUM(member_state = 'UNREACHABLE') * 2 >= COUNT(*) FROM performance_schema.replication_group_members
    ) THEN 'cannot reach half of its group' */"""
"""A member that is cut off stays writable, and keeps what is written waiting, or undoes it when it is back."""
_GALERA: Final = """/*M!
    WHEN EXISTS (
        SELECT 1 FROM information_schema.global_variables WHERE variable_name = 'wsrep_on' AND variable_value = 'ON'
    ) AND 2 > (
        SELECT COUNT(*) FROM information_schema.global_status
        WHERE (variable_name, variable_value) IN (('wsrep_ready', 'ON'), ('wsrep_cluster_status', 'Primary'))
    ) THEN 'is in no primary component' */"""
_WRITABLE: Final = f"""
    WHEN @@GLOBAL.innodb_read_only OR CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') THEN '{READ_ONLY}'
    ELSE '{_PRIMARY}'
END"""
ROLE: Final = f"CASE {_OFFLINE} {_GROUP} {_GALERA} {_WRITABLE}"
"""Why a server is no primary; an empty text for one that is."""
ROLE_WITHOUT_MEMBERS: Final = f"CASE {_OFFLINE} {_WRITABLE}"
"""The same for an account that may not read performance_schema.replication_group_members (1142)."""


class Hosts:
    """The servers of settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.servers: Sequence[Settings] = [settings]
        if settings.are_several:
            timeout = min(settings.connect_timeout, HOST_TIMEOUT)
            self.servers = [
                msgspec.structs.replace(settings, host=host, port=port, connect_timeout=timeout)
                for host, port in settings.addresses
            ]
        self.has_wish = settings.wanted != "any" or settings.are_several
        """Whether not every server will do."""
        self.is_away = False
        """Whether the latest look found no server that can be used."""
        self.renewed = 0.0
        """When connections that are open stopped being of use, by the monotonic clock."""
        self._failed: dict[Settings, float] = {}
        self._good: Settings | None = None

    def in_order(self) -> list[Settings]:
        """The servers in the order they are tried in: the one that was good last first, the latest to fail last."""
        if len(self.servers) == 1:
            return list(self.servers)
        recent = time.monotonic() - _AVOIDED
        spread = self.settings.wanted != "primary"
        tried = random.sample(self.servers, len(self.servers)) if spread else list(self.servers)
        failed = {server: at for server, at in self._failed.items() if at > recent}
        return sorted(tried, key=lambda server: (failed.get(server, 0.0), not spread and server is not self._good))

    def refusal(self, role: str) -> str | None:
        """Why a server of this role is not what the settings want; None where it is."""
        wanted = self.settings.wanted
        if role == _PRIMARY:
            return "is no replica" if wanted == "replica" else None
        return None if role == READ_ONLY and wanted != "primary" else role

    def renew(self) -> None:
        """Have no connection used any more that is open now."""
        self.renewed = time.monotonic()

    def note(self, server: Settings, *, failed: bool) -> None:
        """Note how a server was found."""
        if failed:
            self._failed[server] = time.monotonic()
        else:
            self._failed.pop(server, None)
            self._good, self.is_away = server, False

    def failure(self, errors: Sequence[tuple[Settings, pymysql.err.Error]]) -> pymysql.err.Error:
        """The error that none of the servers is as wanted, with what each said."""
        said = "; ".join(f"{server.host}:{server.port} {error.args[-1]}" for server, error in errors)
        error = pymysql.err.OperationalError(2003, f"no {self.settings.wanted} server: {said or 'no time was left'}")
        error.destination = destination(self.settings)
        return error
