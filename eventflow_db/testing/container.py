"""A server in a Docker container, through testcontainers. Importing this module needs the Docker libraries."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.community.mysql import MySqlContainer
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.docker_client import DockerClient

from eventflow_db.testing.server import ServerUnavailableError, StartedServer

if TYPE_CHECKING:
    from docker.models.containers import Container


def require_image(image: str) -> None:
    """Make sure that Docker can start the image, which is pulled when it is not here.

    Raises ServerUnavailableError.
    """
    try:
        client = DockerClient().client
    except DockerException as exc:
        problem = "no Docker engine answers (sudo systemctl start docker; DOCKER_HOST names another)"
        if "Permission denied" in str(exc):
            problem = """this user may not use Docker (sudo usermod -aG docker "$USER", then log in again)"""
        raise ServerUnavailableError(problem) from None
    with contextlib.closing(client):
        if not _have_image(client, testcontainers_config.hub_image_name_prefix + image):
            raise ServerUnavailableError(
                f"Docker has no image {image} and cannot pull it (docker pull {image} tells why)"
            )


def _have_image(client: docker.DockerClient, image: str) -> bool:
    """Whether Docker has the image, after pulling it where it must."""
    try:
        try:
            client.images.get(image)
        except ImageNotFound:
            print(f"eventflow_db.testing: pulling {image}", file=sys.stderr)
            client.images.pull(image)
    except DockerException:
        return False
    return True


class ContainerServer(StartedServer):
    """A container of an image of MySQL's or MariaDB's."""

    def __init__(self, image: str, options: Sequence[str]) -> None:
        super().__init__(f"Docker image {image}", options)
        name = f"eventflow-test-{secrets.token_hex(6)}"
        self._testcontainer = MySqlContainer(
            image,
            username="root",
            password=self.password,
            # The image makes this database: one that every server has adds nothing.
            dbname="mysql",
            # Every log matches, so that testcontainers does not wait: a login is the better sign, and sooner here.
            wait_strategy_check_string="",
        )
        self._testcontainer.with_name(name).with_command(self._options)
        engine = self._testcontainer.get_docker_client()
        mode = engine.get_connection_mode()
        # A port of our choice survives a restart; where the loopback reaches it, nothing else needs to.
        local = mode is ConnectionMode.docker_host and engine.host() in ("localhost", "127.0.0.1")
        ports = cast("dict[str, Any]", self._testcontainer.ports)
        ports["3306"] = ("127.0.0.1", self.port) if local else self.port
        if not mode.use_mapped_port:
            self.port = 3306
        # Ryuk, testcontainers' own watchdog, guards the container as well; without its image, nothing would start.
        if not testcontainers_config.ryuk_disabled:
            testcontainers_config.ryuk_disabled = not _have_image(engine.client, testcontainers_config.ryuk_image)
        self._start_guarded("container", name)

    @property
    def _container(self) -> Container:
        return self._testcontainer.get_wrapped_container()

    def stop(self) -> None:
        self.resume()
        self._container.stop(timeout=60)

    def kill(self) -> None:
        if self._is_alive():
            self._container.kill()
            self._container.wait()

    def pause(self) -> None:
        self._container.pause()

    def resume(self) -> None:
        if self._status() == "paused":
            self._container.unpause()

    def _launch(self) -> None:
        if self._status() == "not_started":
            self._testcontainer.start()
        else:
            self._container.start()
        host = self._testcontainer.get_container_host_ip()
        self.host = "127.0.0.1" if host == "localhost" else host

    def _end(self) -> None:
        self._testcontainer.stop()

    def _status(self) -> str:
        self._testcontainer.reload()
        return self._testcontainer.status

    def _is_alive(self) -> bool:
        return self._status() in ("running", "paused", "created")

    def _log(self) -> str:
        return str(self._container.logs(tail=15), errors="replace")
