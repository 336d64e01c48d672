-- name: ping()#
-- Have the server answer, over a new connection if there is none.
-- returns: none
-- error: E_EVENTFLOW_DB_PING could not reach the database
-- index: none
-- idempotent: yes
SELECT 1 AS answer;

-- name: read_variables()^
-- What the session is set to, as far as statements depend on it.
-- returns: SessionVariables?
-- error: E_EVENTFLOW_DB_CONNECTION could not use the connection
-- index: none
-- idempotent: yes
SELECT
    @@SESSION.time_zone AS time_zone, @@SESSION.character_set_client AS character_set_client,
    @@SESSION.character_set_connection AS character_set_connection,
    @@SESSION.character_set_results AS character_set_results, @@SESSION.sql_mode AS sql_mode,
    @@SESSION.foreign_key_checks AS foreign_key_checks, @@SESSION.unique_checks AS unique_checks,
    @@SESSION.sql_select_limit AS sql_select_limit,
    @@SESSION.max_allowed_packet AS max_allowed_packet, @@innodb_rollback_on_timeout AS rolls_back_on_timeout;

-- name: begin()!
-- Start a transaction.
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: yes
START TRANSACTION;

-- name: commit()!
-- Make a transaction last.
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: no
COMMIT;

-- name: rollback()!
-- Undo a transaction.
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: yes
ROLLBACK;

-- name: savepoint(savepoint)!
-- Mark where a nested transaction begins.
-- param savepoint: savepoint
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: yes
SAVEPOINT :savepoint;

-- name: rollback_to_savepoint(savepoint)!
-- Undo a nested transaction, and nothing before it.
-- param savepoint: savepoint
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: yes
ROLLBACK TO SAVEPOINT :savepoint;

-- name: release_savepoint(savepoint)!
-- Forget the mark of a nested transaction that is complete.
-- param savepoint: savepoint
-- returns: affected
-- error: E_EVENTFLOW_DB_TRANSACTION could not complete transaction
-- index: none
-- idempotent: yes
RELEASE SAVEPOINT :savepoint;

-- name: read_unfit_tables()
-- Tables on which operations would fail or compare inexactly: others made them, or an older release.
-- Identifiers are compared byte by byte, in one collation, for foreign keys need the same on both sides.
-- The indexes are those that statements force, which fail without them.
-- returns: str*
-- error: E_EVENTFLOW_DB_SETUP_TABLE_SCHEMAS could not set up table schemas
-- scan: information_schema has no indexes
-- idempotent: yes
SELECT table_name AS name
FROM information_schema.columns
WHERE
    table_schema = DATABASE() AND table_name IN (
        'certificate', 'event', 'event_cpid', 'event_eid', 'event_published', 'event_scheduled', 'hub', 'lease',
        'log'
    )
    AND column_name IN (
        'id', 'domain', 'pid', 'name', 'rid', 'event_id', 'cpid', 'eid', 'publisher', 'consumer', 'hub', 'agent',
        'available', 'attempts', 'error', 'seq', 'reference', 'holder', 'fence', 'until'
    )
GROUP BY table_name
HAVING
    SUM(data_type = 'varchar' AND RIGHT(collation_name, 4) <> '_bin') > 0
    OR (
        table_name <> 'lease' AND MIN(IF(data_type = 'varchar', collation_name, NULL)) <> (
            SELECT id.collation_name
            FROM information_schema.columns AS id
            WHERE id.table_schema = DATABASE() AND id.table_name = 'event' AND id.column_name = 'id'
        )
    )
    OR (table_name = 'event_cpid' AND SUM(column_name = 'domain') = 0)
    OR (table_name = 'log' AND SUM(column_name = 'seq') = 0)
    OR (table_name = 'event_published' AND SUM(column_name IN ('domain', 'available', 'attempts', 'error')) < 4)
    OR (table_name = 'lease' AND SUM(column_name IN ('reference', 'holder', 'fence', 'until')) < 4)
    OR SUM(column_key = 'PRI') = 0
    OR (
        SELECT COUNT(DISTINCT forced.index_name)
        FROM information_schema.statistics AS forced
        WHERE
            forced.table_schema = DATABASE() AND forced.table_name = columns.table_name
            AND (forced.table_name, forced.index_name) IN (
                ('event', 'idx_domain'), ('event', 'idx_domain_pid'), ('event', 'idx_rid'),
                ('event_cpid', 'idx_domain_cpid'), ('event_eid', 'idx_eid'),
                ('event_published', 'idx_claim'), ('event_published', 'idx_published'),
                ('event_scheduled', 'idx_executed_scheduled'), ('log', 'idx_agent')
            )
    ) < CASE table_name
        WHEN 'certificate' THEN 0 WHEN 'hub' THEN 0 WHEN 'lease' THEN 0
        WHEN 'event' THEN 3 WHEN 'event_published' THEN 2 ELSE 1
    END
ORDER BY table_name;

-- name: read_server()^
-- The server and its clock: its default time zone and whether that is another time than UTC in winter or in summer.
-- returns: ServerState?
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: none
-- idempotent: yes
SELECT
    CAST(CURRENT_TIMESTAMP() AS DATETIME) AS now, VERSION() AS version,
    IF(@@GLOBAL.time_zone = 'SYSTEM', @@GLOBAL.system_time_zone, @@GLOBAL.time_zone) AS time_zone,
    CONVERT_TZ(CAST(MAKEDATE(YEAR(UTC_DATE()), 1) AS DATETIME), '+00:00', @@GLOBAL.time_zone)
    = CAST(MAKEDATE(YEAR(UTC_DATE()), 1) AS DATETIME)
    AND CONVERT_TZ(CAST(MAKEDATE(YEAR(UTC_DATE()), 183) AS DATETIME), '+00:00', @@GLOBAL.time_zone)
    = CAST(MAKEDATE(YEAR(UTC_DATE()), 183) AS DATETIME) AS is_utc,
    @@GLOBAL.read_only AS is_read_only;
