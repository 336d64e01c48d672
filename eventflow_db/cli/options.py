"""The options that commands share."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
import typer

from ..errors import InvalidValueError
from ..settings import VARIABLES, Settings, url_pairs
from .option_file import read_option_file

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="mysql://user:password@host:port/database; else EVENTFLOW_MYSQL_*."),
]
_SQL_HELP = "A directory of queries that replace the package's; may be repeated, later ones win."
Sql = Annotated[list[Path] | None, typer.Option("--sql", metavar="DIR", exists=True, file_okay=False, help=_SQL_HELP)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def read_time(text: str) -> datetime:
    """A time ago, such as 90d, 12h, 30m or 45s, or an ISO time, in UTC where it has no zone.

    Raises: typer.BadParameter.
    """
    if match := re.fullmatch(r"(\d{1,6})([dhms])", text):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: must be a time ago, such as 90d, 12h, 30m or 45s, or an ISO time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Before = Annotated[
    datetime | None,
    typer.Option("--before", metavar="TIME", parser=read_time, help="90d, 12h, 30m ago, or an ISO time."),
]
Domain = Annotated[str | None, typer.Option("--domain", metavar="DOMAIN", help="Of events of this domain alone.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


class _OptionFile:
    """The option file of this run: --defaults-file, else ~/.my.cnf where it is there."""

    given: Path | None = None

    def read(self) -> dict[str, str]:
        """Its settings, each of them right by itself.

        Raises: InvalidValueError naming the file and what is wrong.
        """
        path = self.given or Path(os.path.expanduser("~/.my.cnf"))
        if self.given is None and not path.is_file():
            return {}
        found = read_option_file(path)
        try:
            Settings.from_environment({_NAMES[field]: value for field, value in found.items()})
        except InvalidValueError as error:
            raise InvalidValueError(error.code, f"{path}: {error.message}") from None
        return found


option_file: Final = _OptionFile()
_NAMES: Final = {field: variable for variable, field in VARIABLES.items()}


def settings_of(url: str | None, sql: list[Path] | None = None) -> Settings:
    """The settings of a URL, else of the environment, with these directories of queries behind its own.

    What neither gives is taken from the option file.
    """
    texts = option_file.read()
    if url:
        settings = Settings.from_url(url)
        given = {name for name, _ in url_pairs(url) or ()}
        # an empty one is given, too
        given |= {"password"} if urlsplit(url).password is not None else set()
    else:
        given = {field for variable, field in VARIABLES.items() if os.environ.get(variable)}
    if "host" in given:
        # a socket goes before a host
        texts.pop("socket_path", None)
    rest = {_NAMES[field]: text for field, text in texts.items() if field not in given}
    if url:
        of_file = Settings.from_environment(rest)
        fields = {name: getattr(of_file, name) for name in texts if name not in given}
        settings = msgspec.structs.replace(settings, **fields)
    else:
        settings = Settings.from_environment({**os.environ, **rest})
    path = os.pathsep.join([*filter(None, [settings.sql_path]), *map(str, sql or ())])
    return msgspec.structs.replace(settings, sql_path=path or None)
