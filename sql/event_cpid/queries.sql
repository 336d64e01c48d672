-- name: persist(event_id, cpid)!
-- The association of an event with a correlated process.
-- param event_id: identifier
-- param cpid: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_CPID_PERSIST could not persist event cpid
-- index: none
-- idempotent: when identical (the key is the whole row)
INSERT INTO event_cpid (event_id, cpid)
VALUES (:event_id, :cpid);

-- name: delete(event_id, cpid)!
-- The association of an event with a correlated process.
-- param event_id: identifier
-- param cpid: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_CPID_DELETE could not delete event cpid
-- index: event_cpid.PRIMARY (event_id, cpid)
-- idempotent: yes
DELETE FROM event_cpid
WHERE event_id = :event_id AND cpid = :cpid;

-- name: read_by_event_id(event_id, limit)
-- The correlated processes of an event, sorted.
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
