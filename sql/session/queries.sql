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
