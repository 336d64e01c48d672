"""The options that commands share."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from ..settings import Settings

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


def settings_of(url: str | None, sql: list[Path] | None = None) -> Settings:
    """The settings of a URL, else of the environment, with these directories of queries behind its own."""
    settings = Settings.from_url(url) if url else Settings.from_environment()
    path = os.pathsep.join([*filter(None, [settings.sql_path]), *map(str, sql or ())])
    return msgspec.structs.replace(settings, sql_path=path or None)
