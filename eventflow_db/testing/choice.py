"""Which server tests run on.

A choice is `auto`, `local`, `docker`, `url`, a Docker image such as `mysql:9.7`, or a `mysql://` URL. `auto` takes
EVENTFLOW_TEST_URL, else Docker (EVENTFLOW_TEST_IMAGE, default mysql:8.4), else a local binary.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pymysql

from eventflow_db.testing.local import LocalServer, find_binary
from eventflow_db.testing.server import Server, ServerUnavailableError

DEFAULT_IMAGE = "mysql:8.4"


def resolve_choice(choice: str | None = None) -> str:
    """Settle what a choice comes to on this machine: `url`, a URL, `local` or the name of an image at hand.

    Pulls the image when it is not here. Raises ServerUnavailableError when the choice cannot be had.
    """
    given_url = os.environ.get("EVENTFLOW_TEST_URL")
    choice = choice or os.environ.get("EVENTFLOW_TEST_SERVER") or "auto"
    if choice == "auto" and given_url:
        choice = "url"
    if choice == "url" and not given_url:
        example = "export EVENTFLOW_TEST_URL=mysql://root:PASSWORD@HOST:3306/"
        raise ServerUnavailableError(f"EVENTFLOW_TEST_URL is not set: {example}")
    if choice in ("auto", "docker"):
        try:
            return _docker_image(os.environ.get("EVENTFLOW_TEST_IMAGE") or DEFAULT_IMAGE)
        except ServerUnavailableError as exc:
            if choice == "docker":
                raise
            print(f"eventflow_db.testing: {exc}; trying a local server", file=sys.stderr)
        choice = "local"
    if choice == "local":
        find_binary()
    elif not is_given(choice):
        _docker_image(choice)
    return choice


def is_given(choice: str) -> bool:
    """Whether a choice that was resolved is a server that runs already."""
    return choice == "url" or "://" in choice


def _docker_image(image: str) -> str:
    """The name of the image, once Docker is sure to have it."""
    try:
        from eventflow_db.testing.container import require_image
    except ImportError:
        raise ServerUnavailableError("Docker needs testcontainers: pip install 'eventflow-db[testing]'") from None
    require_image(image)
    return image


def start_server(choice: str | None = None, *, options: Sequence[str] = (), data_root: Path | None = None) -> Server:
    """Start, or log in to, the server of a choice; without one, EVENTFLOW_TEST_SERVER's, else `auto`.

    `options` are server options such as `--default-time-zone=+05:30`, for servers started here. `data_root`
    is where a local binary's data goes. The caller closes the server; the end of the process does too.
    Raises ServerUnavailableError.
    """
    choice = resolve_choice(choice)
    if is_given(choice):
        if options:
            raise ServerUnavailableError("a server that runs already takes no options")
        return _given_server(choice)
    if choice == "local":
        return LocalServer(options, data_root)
    from eventflow_db.testing.container import ContainerServer

    return ContainerServer(choice, options)


def _given_server(choice: str) -> Server:
    variable = "EVENTFLOW_TEST_URL"
    server = Server(os.environ[variable], variable) if choice == "url" else Server(choice, "the given URL")
    try:
        server.log_in()
    except (pymysql.MySQLError, RuntimeError) as exc:
        # Not chained: the driver's frames hold the password.
        where = f"{server.host}:{server.port} as {server.user} ({server.origin})"
        raise ServerUnavailableError(f"cannot log in to {where}: {exc}") from None
    return server


@contextlib.contextmanager
def running_server(
    choice: str | None = None, *, options: Sequence[str] = (), data_root: Path | None = None
) -> Iterator[Server]:
    """Start a server as `start_server` does, for the length of a block."""
    with contextlib.closing(start_server(choice, options=options, data_root=data_root)) as server:
        yield server
