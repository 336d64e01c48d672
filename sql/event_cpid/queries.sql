-- name: persist(event_id, cpid)!
-- method: persist_event_cpid
-- batch: persist_events_cpid(associations)
-- Associate an event with a correlated process.
-- param event_id: identifier
-- param cpid: identifier
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_EVENT_CPID_PERSIST could not persist event cpid
-- index: none
-- idempotent: when identical (the key is the whole row)
INSERT INTO event_cpid (event_id, cpid)
VALUES (:event_id, :cpid);

-- name: delete(event_id, cpid)!
-- method: delete_event_cpid
-- Delete the association of an event with a correlated process.
-- Forcing the index would take a DELETE of several tables, which takes MariaDB twice as long.
-- param event_id: identifier
-- param cpid: identifier
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_EVENT_CPID_DELETE could not delete event cpid
-- index: event_cpid.PRIMARY (event_id, cpid)
-- idempotent: yes
DELETE FROM event_cpid
WHERE event_id = :event_id AND cpid = :cpid;

-- name: read_by_event_id(event_id, limit)
-- method: read_event_cpid_by_event_id
-- Read the correlated processes of an event, sorted.
-- param event_id: identifier
-- param limit: limit
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID could not read event cpid by event id
-- index: event_cpid.PRIMARY (event_id)
-- idempotent: yes
SELECT cpid
FROM event_cpid
WHERE event_id = :event_id
ORDER BY cpid
LIMIT :limit;
