"""Service location: a database object for an svcs container."""

from __future__ import annotations

import asyncio

import pytest
import svcs

from eventflow_db import Settings, errors, locate, locate_async


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> svcs.Registry:
    """A registry without Settings, and an environment that says `from-environment`."""
    monkeypatch.setenv("EVENTFLOW_MYSQL_HOST", "from-environment")
    return svcs.Registry()


def hosts(container: svcs.Container) -> set[str]:
    """The host that each API's database object is given."""
    return {locate(container).settings.host, asyncio.run(locate_async(container)).settings.host}


def test_locate_takes_the_containers_settings(registry: svcs.Registry) -> None:
    registry.register_value(Settings, Settings(host="from-container"))
    assert hosts(svcs.Container(registry)) == {"from-container"}


def test_locate_takes_settings_local_to_the_container(registry: svcs.Registry) -> None:
    container = svcs.Container(registry)
    container.register_local_value(Settings, Settings(host="local"))
    assert hosts(container) == {"local"}


def test_locate_without_settings_takes_the_environment(registry: svcs.Registry) -> None:
    assert hosts(svcs.Container(registry)) == {"from-environment"}


def test_locate_async_takes_settings_that_are_made_asynchronously(registry: svcs.Registry) -> None:
    async def make() -> Settings:
        return Settings(host="made")

    registry.register_factory(Settings, make)
    assert asyncio.run(locate_async(svcs.Container(registry))).settings.host == "made"


def test_locate_does_not_hide_what_the_settings_lack(registry: svcs.Registry) -> None:
    class Secrets: ...

    def make(container: svcs.Container) -> Settings:
        container.get(Secrets)
        return Settings()

    registry.register_factory(Settings, make)
    with pytest.raises(svcs.exceptions.ServiceNotFoundError, match="Secrets"):
        locate(svcs.Container(registry))
    with pytest.raises(svcs.exceptions.ServiceNotFoundError, match="Secrets"):
        asyncio.run(locate_async(svcs.Container(registry)))


def test_locate_bad_environment_raises(registry: svcs.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_MYSQL_PORT", "s3cret")
    with pytest.raises(errors.InvalidValueError, match="EVENTFLOW_MYSQL_PORT") as caught:
        locate(svcs.Container(registry))
    assert "s3cret" not in str(caught.value)
