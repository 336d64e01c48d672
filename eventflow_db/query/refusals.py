"""What SQL files are refused for: one error with its place, or many of them, told at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import ContractError, Refusal

CODE: Final = "E_EVENTFLOW_DB_CONTRACT"


def refused(path: Path | str, rule: str, line: int = 0, query: str = "") -> ContractError:
    """The error for a rule that a file, or a query of it, breaks."""
    return _error(Refusal(str(path), line, query, rule))


def _error(*refusals: Refusal) -> ContractError:
    error = ContractError(CODE, "\n".join(map(str, refusals)))
    error.refusals = refusals
    return error


class Refusals:
    """Collects what files are refused for."""

    def __init__(self) -> None:
        self.found: list[Refusal] = []

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the error of the block, and go on behind it."""
        try:
            yield
        except ContractError as error:
            self.found += error.refusals

    def check(self) -> None:
        """Raise: ContractError that tells all that was collected, where that is anything."""
        if self.found:
            raise _error(*self.found)
