"""Real MySQL and MariaDB servers for tests: a given one, Docker's, or a local binary's.

with running_server("mysql:8.4") as server:
    db = EventflowDB(server.database_url("mysql"))

Imports neither pytest nor Docker by itself; `eventflow_db.testing.plugin` holds the pytest fixtures.
"""

from eventflow_db.testing.servers import (
    Server,
    ServerUnavailableError,
    resolve_choice,
    running_server,
    start_server,
    temporary_database,
)

__all__ = [
    "Server",
    "ServerUnavailableError",
    "resolve_choice",
    "running_server",
    "start_server",
    "temporary_database",
]
