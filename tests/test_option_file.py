"""Option files, as MySQL's and MariaDB's own clients read them: what they say, and what goes before them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventflow_db import Settings
from eventflow_db.cli.option_file import read_option_file
from eventflow_db.cli.options import option_file, settings_of
from eventflow_db.errors import InvalidValueError
from eventflow_db.settings import VARIABLES


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The option file of the user, of whom nothing else is known."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".my.cnf"


def test_options_of_all_groups_for_clients_are_read_and_later_groups_win(written: Path) -> None:
    written.write_text(
        "# ours\n!includedir /etc/mysql/conf.d\n[mysqld]\nport=1\n[client]\nuser=app\nport = 3307\nssl-ca=/ca.pem\n"
        "no-auto-rehash\ndefault_character_set=utf8mb4\n[eventflow-db]\n  port=3308\n"
    )
    assert read_option_file(written) == {"user": "app", "port": "3308", "ssl_ca": "/ca.pem"}


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("secret", "secret"),
        ("  secret  # of app", "secret"),
        ('"se#cret" # of app', "se#cret"),
        ("'sec ret '", "sec ret "),
        ("sec'r\"et", "sec'r\"et"),
        (r"a\\b\tc\sd", "a\\b\tc d"),
        (r'"a\"b"', 'a"b'),
        ("a=b;c", "a=b;c"),
        ("pässwörd", "pässwörd"),
    ],
)
def test_password_is_read_as_the_clients_read_it(written: Path, text: str, password: str) -> None:
    written.write_text(f"[client]\npassword={text}\n", encoding="utf-8")
    assert read_option_file(written) == {"password": password}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("user=app\n", ":1: is no option file"),
        ("[client]\npassword='open-sesame\n", ": password: must have its quotes closed"),
        ("[client]\npassword=open-sesame\nport=x\n", ": EVENTFLOW_MYSQL_PORT: must be a whole number from 1 to 65535"),
        ("[client]\nssl-mode=open-sesame\n", ": EVENTFLOW_MYSQL_SSL_MODE: must be one of DISABLED"),
    ],
)
def test_wrong_file_is_named_and_never_quoted(written: Path, text: str, problem: str) -> None:
    written.write_text(text)
    with pytest.raises(InvalidValueError) as caught:
        settings_of(None)
    assert caught.value.message.startswith(f"{written}{problem}")
    assert "open-sesame" not in str(caught.value)


def test_url_goes_before_the_environment_and_that_before_the_file(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.write_text("[client]\nuser=of-file\npassword=of-file\nhost=of-file\nport=3309\n")
    assert settings_of(None) == Settings(user="of-file", password="of-file", host="of-file", port=3309)
    monkeypatch.setenv("EVENTFLOW_MYSQL_USER", "of-environment")
    assert settings_of(None).user == "of-environment"
    assert settings_of(None).password == "of-file"
    expected = Settings(user="root", password="of-file", host="h", port=3309, database="shop", read_timeout=5)
    assert settings_of("mysql://root@h/shop?read_timeout=5") == expected
    assert settings_of("mysql://root:@h/shop").password == ""


@pytest.mark.parametrize(("url", "socket"), [(None, "/s.sock"), ("mysql:///x", "/s.sock"), ("mysql://h/x", None)])
def test_socket_of_the_file_gives_way_to_a_host(written: Path, url: str | None, socket: str | None) -> None:
    written.write_text("[client]\nsocket=/s.sock\n")
    assert settings_of(url).socket_path == socket


def test_file_that_is_given_is_read_instead_of_the_users(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.write_text("[client]\nuser=of-user\n")
    (tmp_path / "other.cnf").write_text("[client]\nport=3310\n")
    monkeypatch.setattr(option_file, "given", tmp_path / "other.cnf")
    assert settings_of(None) == Settings(port=3310)


def test_command_goes_where_the_file_says(written: Path) -> None:
    written.write_text("[client]\nhost=127.0.0.1\nport=1\nuser=app\n")
    command = [sys.executable, "-m", "eventflow_db.cli", "--defaults-file", str(written), "diff"]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "could not connect to 127.0.0.1:1 as app, database eventflow" in done.stderr
