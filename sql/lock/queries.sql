-- name: acquire(reference, timeout)$
-- Take a named lock of the whole server: 1 had, 0 not had within the timeout.
-- param reference: reference
-- param timeout: seconds
-- returns: int?
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: none
-- idempotent: no
SELECT GET_LOCK(:reference, :timeout) AS acquired;

-- name: is_held(reference)$
-- Whether this connection holds a named lock.
-- param reference: reference
-- returns: int?
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: none
-- idempotent: yes
SELECT IS_USED_LOCK(:reference) <=> CONNECTION_ID() AS held;

-- name: release(reference)$
-- Give a named lock back: 1 given back, 0 or NULL not ours.
-- param reference: reference
-- returns: int?
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: none
-- idempotent: no
SELECT RELEASE_LOCK(:reference) AS released;
