-- name: persist(id, validity, cert, key, key_iv, key_salt, key_tag, pass_, pass_iv, pass_salt, pass_tag)!
-- The active certificate of an id, version 0.
-- Never run again after a lost connection: revoked in between, it would be in force once more.
-- param id: identifier
-- param validity: datetime (cut to the second)
-- param cert: text
-- param key: bytes
-- param key_iv: bytes(16)
-- param key_salt: bytes(16)
-- param key_tag: bytes(16)
-- param pass_: bytes
-- param pass_iv: bytes(16)
-- param pass_salt: bytes(16)
-- param pass_tag: bytes(16)
-- takes: certificate: Certificate
-- returns: affected
-- error: E_EVENTFLOW_DB_CERTIFICATE_PERSIST could not persist certificate
-- index: none
-- idempotent: no
INSERT INTO certificate (
    id, validity, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, pass_salt, pass_tag
)
VALUES (
    :id, :validity, :cert, :key, :key_iv, :key_salt, :key_tag, :pass_, :pass_iv, :pass_salt, :pass_tag
);

-- name: read(id)^
-- method: read_certificate
-- Read the active certificate of an id.
-- param id: identifier
-- returns: Certificate
-- error: E_EVENTFLOW_DB_CERTIFICATE_READ could not read certificate
-- not_found: E_EVENTFLOW_DB_CERTIFICATE_NOT_FOUND certificate not found
-- index: certificate.PRIMARY (version, id)
-- idempotent: yes
SELECT
    created, updated, version, id, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, pass_salt, pass_tag,
    validity, revoked
FROM certificate
WHERE version = 0 AND id = :id;

-- name: revoke(id)!
-- method: revoke_certificate
-- Revoke the active certificate of an id: it becomes the newest of its archived versions.
-- Two at once may read the same newest version; the later one's duplicate key is then a conflict.
-- param id: identifier
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_CERTIFICATE_REVOKE could not revoke certificate
-- index: certificate.PRIMARY (version, id)
-- idempotent: no
-- conflict: 1062, 1048
UPDATE certificate FORCE INDEX (PRIMARY)
SET
    revoked = CURRENT_TIMESTAMP(),
    version = (
        SELECT newest.version
        FROM (SELECT MAX(version) + 1 AS version FROM certificate WHERE id = :id) AS newest
    )
WHERE version = 0 AND id = :id;

-- name: revoke_past_validity_period()!
-- method: revoke_certificates_past_validity_period
-- Revoke every active certificate whose validity has passed, each as the newest version of its id.
-- returns: affected (gives how many were revoked)
-- error: E_EVENTFLOW_DB_CERTIFICATE_REVOKE_PAST_VALIDITY could not revoke certificates past validity period
-- index: certificate.PRIMARY (version)
-- idempotent: no
-- conflict: 1062, 1048
UPDATE certificate FORCE INDEX (PRIMARY)
SET
    revoked = CURRENT_TIMESTAMP(),
    version = (
        SELECT newest.version
        FROM (
            SELECT archived.id, MAX(archived.version) + 1 AS version
            FROM certificate AS expired
            INNER JOIN certificate AS archived ON archived.id = expired.id
            WHERE expired.version = 0 AND expired.validity < CURRENT_TIMESTAMP()
            GROUP BY archived.id
        ) AS newest
        WHERE newest.id = certificate.id
    )
WHERE version = 0 AND validity < CURRENT_TIMESTAMP();

-- name: read_list(id)
-- method: read_certificates
-- Read the certificates of an id: the active one first, then those that are revoked, oldest first.
-- param id: identifier
-- returns: Certificate*
-- error: E_EVENTFLOW_DB_CERTIFICATES_READ could not read certificates
-- index: certificate.idx_id (id)
-- idempotent: yes
SELECT
    created, updated, version, id, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, pass_salt, pass_tag,
    validity, revoked
FROM certificate
WHERE id = :id
ORDER BY version, id;

-- name: read_expiring(before)
-- method: read_certificates_expiring
-- Read the active certificates whose validity ends before a time, soonest first; those that have expired, too.
-- param before: datetime
-- returns: Certificate*
-- error: E_EVENTFLOW_DB_CERTIFICATES_READ could not read certificates
-- index: certificate.PRIMARY (version)
-- idempotent: yes
SELECT
    created, updated, version, id, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, pass_salt, pass_tag,
    validity, revoked
FROM certificate FORCE INDEX (PRIMARY)
WHERE version = 0 AND validity < :before
ORDER BY validity, id;

-- name: purge_list(before, limit)!
-- method: purge_certificates
-- Delete certificates that were revoked before a time, those of the lowest versions first; active ones stay.
-- param before: datetime
-- param limit: batch?=1000
-- returns: affected (gives how many)
-- error: E_EVENTFLOW_DB_CERTIFICATES_PURGE could not purge certificates
-- scan: no index has when certificates were revoked, and they are few
-- idempotent: no
DELETE FROM certificate
WHERE version > 0 AND revoked < :before
ORDER BY version, id
LIMIT :limit;

-- name: read_days_left(days, limit)
-- The active certificates that are valid for less than some days, and how many whole days each is; soonest first.
-- param days: number
-- param limit: limit
-- returns: (str, int)*
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: certificate.PRIMARY (version)
-- idempotent: yes
SELECT id, CAST(FLOOR(TIMESTAMPDIFF(SECOND, CURRENT_TIMESTAMP(), validity) / 86400e0) AS SIGNED) AS days
FROM certificate FORCE INDEX (PRIMARY)
WHERE version = 0 AND validity < CURRENT_TIMESTAMP() + INTERVAL :days DAY
ORDER BY validity, id
LIMIT :limit;
