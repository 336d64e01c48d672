"""Real MySQL and MariaDB servers for tests: a given one, Docker's, or a local binary's.

with running_server("mysql:8.4") as server:
    db = EventflowDB(server.database_url("mysql"))

Servers started here listen on a free loopback port, forget durability for speed, and go away with the process that
started them, even when that is killed. Imports neither pytest nor Docker by itself; `eventflow_db.testing.plugin`
holds the pytest fixtures.
"""

from eventflow_db.testing.choice import resolve_choice, running_server, start_server
from eventflow_db.testing.server import Server, ServerUnavailableError, temporary_database

__all__ = ["Server", "ServerUnavailableError", "resolve_choice", "running_server", "start_server", "temporary_database"]
