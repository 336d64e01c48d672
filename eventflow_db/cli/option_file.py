"""Reads the option files of MySQL's and MariaDB's own clients: where the server is, and as whom to go there."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Final

from ..errors import InvalidValueError
from ..settings import CODE

_GROUPS: Final = ("client", "client-server", "client-mariadb", "eventflow-db")
"""Of which later ones win."""
_FIELDS: Final = {"socket": "socket_path"} | {
    name: name for name in ("host", "port", "user", "password", "database", "ssl_ca", "ssl_cert", "ssl_key", "ssl_mode")
}
_VALUE: Final = re.compile(r"""(?:(["'])((?:(?!\1)[^\\]|\\.)*+)\1|(?!["'])([^#]*+))\s*(?:#.*)?""")
"""In quotes, in which # is no comment, or without."""
_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "s": " "}


def read_option_file(path: Path) -> dict[str, str]:
    """The settings of an option file, by their names in Settings; other options, and files that it includes, aside.

    Raises: OSError; InvalidValueError where it is no option file. No message quotes its text.
    """
    parser = configparser.RawConfigParser(
        allow_no_value=True, strict=False, delimiters="=", comment_prefixes=("#", ";", "!"), default_section=""
    )
    try:
        # a line that begins with spaces is none that goes on with the one before
        parser.read_string("\n".join(map(str.strip, path.read_text(encoding="utf-8").split("\n"))))
    except (configparser.Error, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [(0,)])[0][0]
        raise InvalidValueError(
            CODE, f"{path}:{line}: is no option file: must have lines [group] and name=value"
        ) from None
    found = {}
    for group in filter(parser.has_section, _GROUPS):
        for name, text in parser.items(group):
            if (field := _FIELDS.get(name.replace("-", "_"))) and text:
                found[field] = _value(path, name, text)
    return found


def _value(path: Path, name: str, text: str) -> str:
    match = _VALUE.fullmatch(text)
    if match is None:
        raise InvalidValueError(CODE, f"{path}: {name}: must have its quotes closed, and nothing behind them")
    _, quoted, plain = match.groups()
    value = plain.rstrip() if quoted is None else quoted
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), value)
