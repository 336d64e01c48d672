"""Runs the whole story on a real server, and prints what each step returned."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from eventflow_db import EventflowDB, NewCertificate, errors
from eventflow_db.testing import ServerUnavailableError, running_server, temporary_database

console = Console(highlight=True, soft_wrap=True)


def show(step: str, result: Any) -> Any:
    """Print one step and its result; gives the result."""
    console.print(f"[bold cyan]{step}[/]")
    console.print("  →", result)
    return result


def tell(db: EventflowDB) -> None:
    """The story: tables, an event and all that follows from it, a hub, logs and a certificate."""
    db.setup_table_schemas()
    show("setup_table_schemas()", None)

    event_id = show(
        "persist_event(…)",
        db.persist_event({"domain": "example", "pid": "process-id", "name": "event-name", "data": {"key": "value"}}),
    )
    show("read_event(id)", db.read_event(event_id))
    show("read_events_by_domain_and_pid(…)", db.read_events_by_domain_and_pid("example", "process-id"))

    show("persist_event_cpid(id, 'order-1')", db.persist_event_cpid(event_id, "order-1"))
    show("persist_event_eid(id, 'customer-1')", db.persist_event_eid(event_id, "customer-1"))
    show("read_events_by_domain_and_cpid(…)", db.read_events_by_domain_and_cpid("example", "order-1"))
    show("read_events_by_eid(…)", db.read_events_by_eid("customer-1"))

    show(
        "persist_event_scheduled(…)",
        db.persist_event_scheduled({"event_id": event_id, "scheduled": datetime.now(UTC)}),
    )
    show("read_events_scheduled()", db.read_events_scheduled())
    show("update_event_scheduled_executed(id)", db.update_event_scheduled_executed(event_id))
    show("update_event_scheduled_success(id)", db.update_event_scheduled_success(event_id))

    show(
        "persist_hub(…)",
        db.persist_hub(
            {
                "id": "hub-id",
                "external_ip": "127.0.0.1",
                "external_port": 50001,
                "internal_ip": "127.0.0.1",
                "internal_port": 50001,
            }
        ),
    )
    show("read_online_hubs()", db.read_online_hubs())

    show(
        "persist_event_published(…)",
        db.persist_event_published({"event_id": event_id, "publisher": "publisher-id"}),
    )
    claim = db.update_event_published_to_consumed_by_hub
    show("update_event_published_to_consumed_by_hub(id, 'hub-id')", claim(event_id, "hub-id"))
    show("… and once more: another hub has it", claim(event_id, "hub-id"))
    show(
        "update_event_published_to_consumed_by_spoke(id, 'spoke-id')",
        db.update_event_published_to_consumed_by_spoke(event_id, "spoke-id"),
    )
    show("update_event_published_to_success(id)", db.update_event_published_to_success(event_id))
    show("read_event_published(id)", db.read_event_published(event_id))

    db.persist_log({"agent": "hub-id", "message": "Test log message", "error": ValueError("details")})
    show("persist_log(…)", None)
    show("archive_log()", db.archive_log())
    show("… and once more: it is archived already", db.archive_log())

    certificate: NewCertificate = {
        "id": "unique_certificate_id",
        "validity": datetime.now(UTC) + timedelta(days=90),
        "cert": "certificate_value",
        "key": b"encryption_key",
        "key_iv": b"key_iv",
        "key_salt": b"key_salt",
        "key_tag": b"key_tag",
        "pass": b"encrypted_passphrase",
        "pass_iv": b"pass_iv",
        "pass_salt": b"pass_salt",
        "pass_tag": b"pass_tag",
    }
    show("persist_certificate(…)", db.persist_certificate(certificate))
    show("… and once more: it is there already", db.persist_certificate(certificate))
    show("read_certificate(id), its key material left out", db.read_certificate("unique_certificate_id"))
    show("revoke_certificate(id)", db.revoke_certificate("unique_certificate_id"))
    try:
        db.read_certificate("unique_certificate_id")
    except errors.NotFoundError as error:
        show("read_certificate(id)", error)

    show("update_hub_to_quit('hub-id')", db.update_hub_to_quit("hub-id"))
    show("delete_event(id)", db.delete_event(event_id))


def main() -> int:
    """Start a server, tell the story, stop it."""
    try:
        with running_server() as server, temporary_database(server) as url, EventflowDB(url) as db:
            console.print(f"On {server.kind} {server.version}, {server.origin}:\n")
            tell(db)
    except ServerUnavailableError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 3
    except errors.EventflowDBError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
