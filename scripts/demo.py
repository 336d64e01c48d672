"""Runs the life of an event on a real server, as in Python's shell: each statement, then what it gave."""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import re
import secrets
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from urllib.parse import urlsplit

from rich.console import Console
from rich.syntax import Syntax

from eventflow_db import EventflowDB, NewCertificate, NewEvent, NewHub, errors
from eventflow_db.testing import Server, ServerUnavailableError, running_server, temporary_database

console = Console()


def story(url: str, run: str) -> None:
    """What is shown, in lines of 76 characters; `run` makes ids that no other run has."""
    # Nothing connects before first use. What is missing of the tables is created.
    db = EventflowDB(url)
    db.setup_table_schemas()

    # An event is a fact about a process (pid) of a domain.
    order = f"order-{run}"
    event: NewEvent = {"domain": "shop", "pid": order, "name": "placed", "data": {"total": 12.5}}
    event_id = db.persist_event(event)
    db.read_event(event_id)
    db.read_events_by_domain_and_pid("shop", order)

    # It can belong to other processes (cpid), and be about entities (eid).
    db.persist_event_cpid(event_id, f"delivery-{run}")
    db.persist_event_eid(event_id, f"customer-{run}")
    db.read_events_by_domain_and_cpid("shop", f"delivery-{run}")
    db.read_events_by_eid(f"customer-{run}")

    # A hub is online until it quits.
    hub_id = f"hub-{run}"
    hub: NewHub = {
        "id": hub_id,
        "external_ip": "192.0.2.1",
        "external_port": 50001,
        "internal_ip": "10.0.0.1",
        "internal_port": 50001,
    }
    db.persist_hub(hub)
    db.read_online_hubs(limit=3)

    # A published event is taken by one hub, then by one spoke: False says that
    # another one has it.
    db.persist_event_published({"event_id": event_id, "publisher": "shop"})
    db.update_event_published_to_consumed_by_hub(event_id, hub_id)
    db.update_event_published_to_consumed_by_hub(event_id, "hub-2")
    db.update_event_published_to_consumed_by_spoke(event_id, "mailer")
    db.update_event_published_to_success(event_id)
    db.read_event_published(event_id)

    # An event can be scheduled for later. When it is due, one caller executes it.
    now = datetime.now(UTC)
    db.persist_event_scheduled({"event_id": event_id, "scheduled": now})
    db.read_events_scheduled(limit=3)
    db.update_event_scheduled_executed(event_id)
    db.update_event_scheduled_executed(event_id)
    db.update_event_scheduled_success(event_id)

    # Logs keep exceptions. What was logged before today is archived once a day.
    error = OSError("refused")
    db.persist_log({"agent": hub_id, "message": "no route", "error": error})
    db.archive_log()
    db.archive_log()

    # Certificates hold encrypted keys, which are never printed. One that is
    # revoked is not found any more.
    certificate_id = f"certificate-{run}"
    certificate: NewCertificate = {
        "id": certificate_id,
        "validity": datetime.now(UTC) + timedelta(days=90),
        "cert": "certificate",
        "key": b"encrypted key",
        "key_iv": b"iv",
        "key_salt": b"salt",
        "key_tag": b"tag",
        "pass": b"encrypted password",
        "pass_iv": b"iv",
        "pass_salt": b"salt",
        "pass_tag": b"tag",
    }
    db.persist_certificate(certificate)
    db.read_certificate(certificate_id)
    db.revoke_certificate(certificate_id)
    db.read_certificate(certificate_id)

    # With an event go its associations, its publication and its schedule.
    db.update_hub_to_quit(hub_id)
    db.delete_event(event_id)
    db.close()


def play(url: str) -> None:
    """Run the story statement by statement, and print each with its comment and its result."""
    lines = textwrap.dedent(inspect.getsource(story)).splitlines()
    (function,) = ast.parse("\n".join(lines)).body
    assert isinstance(function, ast.FunctionDef)
    names = {**globals(), "url": url, "run": secrets.token_hex(3)}
    docstring, *statements = function.body
    end = docstring.end_lineno
    for statement in statements:
        comments = lines[end : statement.lineno - 1]
        end = statement.end_lineno
        show(comments, lines[statement.lineno - 1 : end])
        try:
            if isinstance(statement, ast.Expr):
                result = eval(compile(ast.Expression(statement.value), __file__, "eval"), names)
                if result is not None:
                    console.print(readable(result), markup=False)
            else:
                exec(compile(ast.Module([statement], []), __file__, "exec"), names)
        except errors.NotFoundError as error:
            console.print(f"NotFoundError: {error}", style="red", markup=False)


def show(comments: Sequence[str], code: Sequence[str]) -> None:
    """Print the lines of a statement as in Python's shell, below the comments and blank lines that precede it."""
    for comment in comments:
        console.print(comment.strip(), style="bold", markup=False, highlight=False)
    prompts = chain([">>> "], repeat("... "))
    text = "\n".join(prompt + line.removeprefix("    ") for prompt, line in zip(prompts, code, strict=False))
    console.print(Syntax(text, "pycon", theme="ansi_dark", background_color="default", word_wrap=True))


def readable(result: object) -> str:
    """A result as Python shows it, but with short times and without fields that are None."""
    text = re.sub(r", \w+=None", "", repr(result))
    text = re.sub(r"datetime\.datetime\(([\d, ]+), tzinfo=datetime\.timezone\.utc\)", _short, text)
    return "\n".join(textwrap.wrap(text, console.width, subsequent_indent="    ", break_on_hyphens=False))


def _short(match: re.Match[str]) -> str:
    # Python leaves out seconds that are 0
    year, month, day, hour, minute, second = [*map(int, match[1].split(", ")), 0][:6]
    return f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def database(server: Server) -> contextlib.AbstractContextManager[str]:
    """The URL of the database that a given server's URL names, else of a temporary one."""
    choice = os.environ.get("EVENTFLOW_TEST_SERVER", "")
    name = urlsplit(choice).path.strip("/")
    if "://" in choice and name:
        return contextlib.nullcontext(server.database_url(name))
    return temporary_database(server)


def main() -> int:
    """Start a server, run the story, stop it."""
    try:
        with running_server() as server, database(server) as url:
            console.print(f"{server.kind} {server.version}, {server.origin}", style="dim", markup=False)
            play(url)
    except ServerUnavailableError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 3
    except errors.EventflowDBError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
