-- name: persist(event_id, eid)!
-- method: persist_event_eid
-- batch: persist_events_eid(associations)
-- Associate an event with an entity.
-- param event_id: identifier
-- param eid: identifier
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_EVENT_EID_PERSIST could not persist event eid
-- index: none
-- idempotent: when identical (the key is the whole row)
INSERT INTO event_eid (event_id, eid)
VALUES (:event_id, :eid);

-- name: delete(event_id, eid)!
-- method: delete_event_eid
-- Delete the association of an event with an entity.
-- Forcing the index would take a DELETE of several tables, which takes MariaDB twice as long.
-- param event_id: identifier
-- param eid: identifier
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_EVENT_EID_DELETE could not delete event eid
-- index: event_eid.PRIMARY (event_id, eid)
-- idempotent: yes
DELETE FROM event_eid
WHERE event_id = :event_id AND eid = :eid;

-- name: read_by_event_id(event_id, limit)
-- method: read_event_eid_by_event_id
-- Read the entities of an event, sorted.
-- param event_id: identifier
-- param limit: limit
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_EID_READ_BY_EVENT_ID could not read event eid by event id
-- index: event_eid.PRIMARY (event_id)
-- idempotent: yes
SELECT eid
FROM event_eid
WHERE event_id = :event_id
ORDER BY eid
LIMIT :limit;
