-- name: persist(event_id, cpid, domain)!
-- method: persist_event_cpid
-- Associate an event with a correlated process of a domain.
-- The empty domain of an event that is not there is never stored: the foreign key refuses the row.
-- param event_id: identifier
-- param cpid: identifier
-- param domain: identifier? (the event's own where it is absent)
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_EVENT_CPID_PERSIST could not persist event cpid
-- index: event.PRIMARY (id)
-- idempotent: when identical (the key is the whole row)
INSERT INTO event_cpid (event_id, cpid, domain)
VALUES (:event_id, :cpid, COALESCE(:domain, (SELECT event.domain FROM event WHERE event.id = :event_id), ''));

-- name: persist_in_domain(event_id, cpid, domain)!
-- The same where the domain is known.
-- Several groups of VALUES make a batch: a subquery in each of them takes the servers six times as long.
-- param event_id: identifier
-- param cpid: identifier
-- param domain: identifier?
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_CPID_PERSIST could not persist event cpid
-- index: none
-- idempotent: when identical (the key is the whole row)
INSERT INTO event_cpid (event_id, cpid, domain)
VALUES (:event_id, :cpid, COALESCE(:domain, ''));

-- name: delete(event_id, cpid, domain)!
-- method: delete_event_cpid
-- Delete the association of an event with a correlated process of a domain.
-- param event_id: identifier
-- param cpid: identifier
-- param domain: identifier? (the event's own where it is absent)
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_EVENT_CPID_DELETE could not delete event cpid
-- index: event_cpid.PRIMARY (event_id)
-- idempotent: yes
DELETE event_cpid
FROM event_cpid FORCE INDEX (PRIMARY)
INNER JOIN event ON event.id = event_cpid.event_id
WHERE
    event_cpid.event_id = :event_id AND event_cpid.cpid = :cpid
    AND COALESCE(NULLIF(event_cpid.domain, ''), event.domain) = COALESCE(:domain, event.domain);

-- name: read_by_event_id(event_id, limit)
-- method: read_event_cpid_by_event_id
-- Read the correlated processes of an event, whatever their domains, each once, sorted.
-- param event_id: identifier
-- param limit: limit
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID could not read event cpid by event id
-- index: event_cpid.PRIMARY (event_id)
-- idempotent: yes
SELECT DISTINCT cpid
FROM event_cpid
WHERE event_id = :event_id
ORDER BY cpid
LIMIT :limit;

-- name: read_by_event_id_with_domain(event_id, limit)
-- method: read_event_cpid_by_event_id_with_domain
-- Read the correlated processes of an event as (domain, cpid), each once, sorted.
-- param event_id: identifier
-- param limit: limit
-- returns: (str, str)*
-- error: E_EVENTFLOW_DB_EVENT_CPID_READ_BY_EVENT_ID could not read event cpid by event id
-- index: event_cpid.PRIMARY (event_id)
-- idempotent: yes
SELECT DISTINCT COALESCE(NULLIF(event_cpid.domain, ''), event.domain) AS domain, event_cpid.cpid
FROM event_cpid FORCE INDEX (PRIMARY)
INNER JOIN event ON event.id = event_cpid.event_id
WHERE event_cpid.event_id = :event_id
ORDER BY domain, event_cpid.cpid
LIMIT :limit;
