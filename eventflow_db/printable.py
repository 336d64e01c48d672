"""Makes text fit for a terminal: what does not show, or steers the terminal, is escaped as in Python's repr."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    r"""Text with `\x1b` for an ESC, and so on; `keep` are characters to leave, such as the ends of lines."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode() for sign in text
    )
