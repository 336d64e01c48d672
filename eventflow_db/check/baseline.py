"""The text of the queries that others are compared with: the contract's, or that of a directory or a revision."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import InvalidValueError
from ..query import package_sql
from ..query.annotations import read_files, read_specs
from ..query.refusals import refused
from ..query.spec import QuerySpec
from .server import CODE as CHECK

TEXT_FILE: Final = "contract.sql.gz"
"""Beside the lock file: the text that it was written from."""
_HEAD: Final = re.compile(r"^-- file: (\S+)\n", re.MULTILINE)


def join(directory: Path) -> str:
    """The text of every file of queries below a directory, each behind its name."""
    paths = sorted(directory.glob("*/*.sql"))
    return "".join(f"-- file: {path.relative_to(directory)}\n{path.read_text(encoding='utf-8')}" for path in paths)


def read_text(directory: Path) -> str:
    """The text that the lock file in a directory was written from; empty where there is none.

    Raises: ContractError where it cannot be read.
    """
    path = directory / TEXT_FILE
    try:
        return gzip.decompress(path.read_bytes()).decode() if path.exists() else ""
    except (OSError, EOFError, ValueError) as error:
        raise refused(path, f"{error}: eventflow-db contract --write makes it anew") from None


def write_text(directory: Path) -> None:
    """Keep the text beside the lock file."""
    # without a time, the same text gives the same file
    (directory / TEXT_FILE).write_bytes(gzip.compress(join(directory).encode(), mtime=0))


def contract_specs() -> Mapping[str, QuerySpec]:
    """The queries as the contract knows them: the package's, before any edit of it.

    Raises: ContractError where they cannot be read.
    """
    directory = package_sql()
    _, *parts = _HEAD.split(read_text(directory))
    if not parts:
        return read_specs(directory)
    files = {directory / name: text.encode() for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return read_files(files)


def specs_of(place: str) -> Mapping[str, QuerySpec]:
    """The queries of a directory, or of sql/ in a revision of the checkout that the package is run from.

    Raises: InvalidValueError where it is neither; ContractError where they cannot be read.
    """
    if Path(place).is_dir():
        return read_specs(Path(place))
    directory = package_sql()
    # what begins like an option is none
    command = ["git", "-C", str(directory), "archive", "--format=tar", "--end-of-options", place, "."]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        raise InvalidValueError(CHECK, f"{place}: is no directory, and no git is here to find a revision") from None
    if done.returncode:
        raise InvalidValueError(CHECK, f"{place}: is no directory, and no revision of {directory}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return read_files(
            {
                Path(f"{place}:", member.name): file.read()
                for member in archive
                if PurePosixPath(member.name).match("*/*.sql") and (file := archive.extractfile(member))
            }
        )
