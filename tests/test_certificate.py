"""Certificates: one active of each id, revoked ones archived as versions 1, 2, 3 …"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from eventflow_db import Certificate, EventflowDB, NewCertificate, errors

from .operations import fails
from .support import Admin

ID = "certificate-id"
BINARY = ("key", "key_iv", "key_salt", "key_tag", "pass", "pass_iv", "pass_salt", "pass_tag")


@pytest.fixture
def persisted(db: EventflowDB, certificate: NewCertificate) -> NewCertificate:
    """A certificate that is active."""
    db.persist_certificate(certificate)
    return certificate


@pytest.fixture
def expired(certificate: NewCertificate) -> NewCertificate:
    """A certificate whose validity has passed."""
    return {**certificate, "validity": datetime.now(UTC) - timedelta(seconds=2)}


def versions(admin: Admin, database: str, id: str = ID) -> list[int]:
    rows = admin.execute(f"SELECT version FROM `{database}`.certificate WHERE id = %s ORDER BY version", id)
    return [version for (version,) in rows]


def test_persist_certificate(db: EventflowDB, certificate: NewCertificate) -> None:
    assert db.persist_certificate(certificate) is True


def test_persist_certificate_duplicate_returns_false(db: EventflowDB, persisted: NewCertificate) -> None:
    assert db.persist_certificate({**persisted, "cert": "another"}) is False
    assert db.read_certificate(ID).cert == persisted["cert"]


def test_persist_certificate_takes_a_record(db: EventflowDB, persisted: NewCertificate) -> None:
    record = db.read_certificate(ID)
    db.revoke_certificate(ID)
    assert db.persist_certificate(record) is True
    assert db.read_certificate(ID).pass_ == persisted["pass"]


def test_persist_certificate_holds_every_byte_and_the_longest_values(
    db: EventflowDB, certificate: NewCertificate
) -> None:
    every = bytes(range(256))
    longest: NewCertificate = {
        **certificate, "cert": "\u00e9" * 32_767, "key": every * 255, "pass": every, "key_iv": every[:16],
        "key_salt": every[-16:], "key_tag": b"\\" * 16, "pass_iv": b"'" * 16, "pass_salt": b"\0" * 16, "pass_tag": b"",
    }  # fmt: skip
    db.persist_certificate(longest)
    row = msgspec.to_builtins(db.read_certificate(ID), builtin_types=(bytes, datetime))
    assert {key: row[key] for key in (*BINARY, "cert")} == {key: longest[key] for key in (*BINARY, "cert")}  # type: ignore[literal-required]


def test_read_certificate_by_id(db: EventflowDB, persisted: NewCertificate) -> None:
    row = db.read_certificate(ID)
    assert (row.id, row.version, row.revoked, row.cert) == (ID, 0, None, "certificate")
    assert row.validity == persisted["validity"].replace(microsecond=0)
    found = {key: getattr(row, "pass_" if key == "pass" else key) for key in BINARY}
    assert found == {key: persisted[key] for key in BINARY}  # type: ignore[literal-required]


def test_read_certificate_non_existing_raises_not_found(db: EventflowDB) -> None:
    with fails(errors.NotFoundError, "CERTIFICATE_NOT_FOUND"):
        db.read_certificate("unknown")


def test_read_certificate_past_validity_but_not_revoked(db: EventflowDB, expired: NewCertificate) -> None:
    db.persist_certificate(expired)
    assert db.read_certificate(ID).validity < datetime.now(UTC)


def test_revoke_certificate(db: EventflowDB, persisted: NewCertificate) -> None:
    assert db.revoke_certificate(ID) is True


def test_revoke_certificate_twice_returns_false(db: EventflowDB, persisted: NewCertificate) -> None:
    db.revoke_certificate(ID)
    assert db.revoke_certificate(ID) is False


def test_revoke_certificate_unknown_returns_false(db: EventflowDB) -> None:
    assert db.revoke_certificate("unknown") is False


def test_revoke_certificate_leaves_others(db: EventflowDB, persisted: NewCertificate) -> None:
    db.persist_certificate({**persisted, "id": "other"})
    db.revoke_certificate(ID)
    assert db.read_certificate("other").version == 0


def test_read_certificate_revoked_raises_not_found(db: EventflowDB, persisted: NewCertificate) -> None:
    db.revoke_certificate(ID)
    with fails(errors.NotFoundError, "CERTIFICATE_NOT_FOUND"):
        db.read_certificate(ID)


def test_persist_certificate_again_after_revoking_is_version_0(db: EventflowDB, persisted: NewCertificate) -> None:
    db.revoke_certificate(ID)
    assert db.persist_certificate({**persisted, "cert": "re-issued"}) is True
    row = db.read_certificate(ID)
    assert (row.version, row.cert, row.revoked) == (0, "re-issued", None)


def test_revoke_certificate_numbers_versions_from_1(
    db: EventflowDB, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    for _ in range(4):
        db.persist_certificate(certificate)
        db.revoke_certificate(ID)
    assert versions(admin, database) == [1, 2, 3, 4]


def test_revoke_certificate_numbers_each_id_by_itself(
    db: EventflowDB, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    for id in (ID, "other", "other"):
        db.persist_certificate({**certificate, "id": id})
        db.revoke_certificate(id)
    assert (versions(admin, database), versions(admin, database, "other")) == ([1], [1, 2])


def test_revoke_certificate_archives_in_the_cold_partition(
    db: EventflowDB, persisted: NewCertificate, admin: Admin, database: str
) -> None:
    db.revoke_certificate(ID)
    rows = admin.execute(f"SELECT id, version, revoked FROM `{database}`.certificate PARTITION (p_cold)")
    assert [row[:2] for row in rows] == [(ID, 1)]
    assert rows[0][2] is not None


@pytest.mark.parametrize("purged", ["version = 1", "version IN (1, 2)", "version = 2", "version > 0"])
def test_revoke_certificate_after_purging_old_versions_never_collides(
    db: EventflowDB, certificate: NewCertificate, admin: Admin, database: str, purged: str
) -> None:
    for _ in range(3):
        db.persist_certificate(certificate)
        db.revoke_certificate(ID)
    admin.execute(f"DELETE FROM `{database}`.certificate WHERE {purged}")
    left = versions(admin, database)
    db.persist_certificate(certificate)
    assert db.revoke_certificate(ID) is True
    assert versions(admin, database) == [*left, max(left, default=0) + 1]


# --- past validity


def test_revoke_certificates_past_validity_period(db: EventflowDB, expired: NewCertificate) -> None:
    db.persist_certificate(expired)
    assert db.revoke_certificates_past_validity_period() == 1


def test_read_certificate_revoked_past_validity_period_raises_not_found(
    db: EventflowDB, expired: NewCertificate
) -> None:
    db.persist_certificate(expired)
    db.revoke_certificates_past_validity_period()
    with fails(errors.NotFoundError, "CERTIFICATE_NOT_FOUND"):
        db.read_certificate(ID)


def test_revoke_certificates_past_validity_period_none_gives_0(db: EventflowDB, persisted: NewCertificate) -> None:
    assert db.revoke_certificates_past_validity_period() == 0
    assert db.read_certificate(ID).revoked is None


def test_revoke_certificates_past_validity_period_without_any_gives_0(db: EventflowDB) -> None:
    assert db.revoke_certificates_past_validity_period() == 0


def test_revoke_certificates_past_validity_period_again_gives_0(db: EventflowDB, expired: NewCertificate) -> None:
    db.persist_certificate(expired)
    db.revoke_certificates_past_validity_period()
    assert db.revoke_certificates_past_validity_period() == 0


def test_revoke_certificates_past_validity_period_several_each_as_its_newest_version(
    db: EventflowDB, certificate: NewCertificate, expired: NewCertificate, admin: Admin, database: str
) -> None:
    for id, archived in (("a", 0), ("b", 1), ("c", 3)):
        for _ in range(archived):
            db.persist_certificate({**certificate, "id": id})
            db.revoke_certificate(id)
        db.persist_certificate({**expired, "id": id})
    db.persist_certificate({**certificate, "id": "valid"})
    assert db.revoke_certificates_past_validity_period() == 3
    assert [versions(admin, database, id) for id in ("a", "b", "c", "valid")] == [[1], [1, 2], [1, 2, 3, 4], [0]]


# --- secrets


def test_read_certificate_repr_holds_no_key_material(db: EventflowDB, persisted: NewCertificate) -> None:
    row = db.read_certificate(ID)
    shown = repr(row) + str(row) + f"{[row]}" + repr(list(row.__rich_repr__()))
    assert ID in shown
    for key in (*BINARY, "cert"):
        value = persisted[key]  # type: ignore[literal-required]
        assert (value if isinstance(value, str) else value.decode()) not in shown.replace(ID, "")


def test_certificate_is_frozen(db: EventflowDB, persisted: NewCertificate) -> None:
    row: Certificate = db.read_certificate(ID)
    with pytest.raises(AttributeError):
        row.version = 1  # type: ignore[misc]


def test_read_certificates_gives_the_active_one_and_then_the_revoked(
    db: EventflowDB, certificate: NewCertificate
) -> None:
    for cert in ("first", "second", "third"):
        db.persist_certificate({**certificate, "cert": cert})
        if cert != "third":
            db.revoke_certificate(certificate["id"])
    db.persist_certificate({**certificate, "id": "another"})
    found = db.read_certificates(certificate["id"])
    assert [(row.version, row.cert) for row in found] == [(0, "third"), (1, "first"), (2, "second")]
    assert db.read_certificates("unknown") == []


def test_read_certificates_expiring_gives_active_ones_soonest_first(
    db: EventflowDB, certificate: NewCertificate
) -> None:
    now = datetime.now(UTC)
    for days in (40, 10, -1, 20):
        db.persist_certificate({**certificate, "id": f"in {days} days", "validity": now + timedelta(days)})
    db.persist_certificate({**certificate, "id": "revoked", "validity": now})
    db.revoke_certificate("revoked")
    found = db.read_certificates_expiring(now + timedelta(30))
    assert [row.id for row in found] == ["in -1 days", "in 10 days", "in 20 days"]


def test_read_certificates_expiring_leaves_out_what_ends_at_that_second(
    db: EventflowDB, certificate: NewCertificate
) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    db.persist_certificate({**certificate, "validity": moment})
    assert db.read_certificates_expiring(moment) == []
    assert len(db.read_certificates_expiring(moment + timedelta(seconds=1))) == 1
