-- name: persist(id, timestamp, domain, rid, pid, name, data)!
-- An event.
-- Several groups of VALUES make a batch.
-- param id: identifier (without one it is generated)
-- param timestamp: datetime(3)?=DEFAULT (the server's clock where it is absent)
-- param domain: identifier
-- param rid: identifier? (the event that this one answers)
-- param pid: identifier
-- param name: identifier
-- param data: json
-- takes: event: Event (optional: id, data)
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PERSIST could not persist event
-- index: none
-- idempotent: when identical to event.read
INSERT INTO event (id, timestamp, domain, rid, pid, name, data)
VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);

-- name: read(id)^
-- method: read_event
-- Read an event.
-- param id: identifier
-- returns: Event
-- error: E_EVENTFLOW_DB_EVENT_READ could not read event
-- not_found: E_EVENTFLOW_DB_EVENT_NOT_FOUND event not found
-- index: event.PRIMARY (id)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event
WHERE id = :id;

-- name: read_domains_of(ids)
-- The domains of events, by their ids.
-- param ids: identifier*
-- returns: (str, str)*
-- error: E_EVENTFLOW_DB_EVENT_CPID_PERSIST could not persist event cpid
-- index: event.PRIMARY (id)
-- idempotent: yes
SELECT id, domain
FROM event FORCE INDEX (PRIMARY)
WHERE id IN :ids
ORDER BY id;

-- name: delete(id)!
-- method: delete_event
-- Delete an event with its associations, schedule and publication; its answers stay, without their rid.
-- param id: identifier
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_EVENT_DELETE could not delete event
-- index: event.PRIMARY (id)
-- idempotent: yes
DELETE FROM event
WHERE id = :id;

-- name: read_by_domain_and_pid(domain, pid, limit)
-- method: read_events_by_domain_and_pid
-- Read the events of a process, oldest first.
-- The index is forced: where one process holds most rows, both servers would rather scan and sort.
-- param domain: identifier
-- param pid: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read events by domain and pid
-- index: event.idx_domain_pid (domain, pid)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid
ORDER BY timestamp, id
LIMIT :limit;

-- name: read_page_by_domain_and_pid(domain, pid, timestamp, id, page)
-- A page of the events of a process behind the position (timestamp, id), oldest first.
-- The position is spelled out because neither server finds the index behind a row comparison, and as alternatives,
-- each of which is a range of the index (behind its columns come those of the primary key), however many events
-- have one timestamp.
-- param domain: identifier
-- param pid: identifier
-- param timestamp: datetime(3)
-- param id: position
-- param page: page
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read events by domain and pid
-- index: event.idx_domain_pid (domain, pid, timestamp, id)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp = :timestamp AND id > :id))
ORDER BY timestamp, id
LIMIT :page;

-- name: read_by_domain_and_pid_between_timestamps(domain, pid, start, end, limit)
-- method: read_events_by_domain_and_pid_between_timestamps
-- Read the events of a process from start to end, both included, oldest first.
-- param domain: identifier
-- param pid: identifier
-- param start: datetime(3)
-- param end: datetime(3)
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID_BETWEEN_TIMESTAMPS could not read events by domain and pid between timestamps
-- index: event.idx_domain_pid (domain, pid, timestamp)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
ORDER BY timestamp, id
LIMIT :limit;

-- name: read_by_domain_and_pid_and_names(domain, pid, names, limit)
-- method: read_events_by_domain_and_pid_and_names
-- Read the events of a process that have one of the names, oldest first; without names, none.
-- param domain: identifier
-- param pid: identifier
-- param names: identifier*
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read events by domain and pid
-- index: event.idx_domain_pid (domain, pid)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid AND name IN :names
ORDER BY timestamp, id
LIMIT :limit;

-- name: read_distinct_pid_by_domain(domain, limit)
-- method: read_distinct_pid_by_domain
-- Read the processes that a domain has events of, each once, sorted.
-- Grouped by both columns, for only so do the servers skip in the index from process to process.
-- param domain: identifier
-- param limit: limit
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_READ_DISTINCT_PID_BY_DOMAIN could not read distinct pid by domain
-- index: event.idx_domain_pid (domain)
-- idempotent: yes
SELECT pid
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain
GROUP BY domain, pid
ORDER BY pid
LIMIT :limit;

-- name: delete_by_domain_and_pid(domain, pid)!
-- Every event of a process goes at once, with its associations, schedule and publication.
-- param domain: identifier
-- param pid: identifier
-- returns: changed (False: there was none)
-- error: E_EVENTFLOW_DB_EVENT_DELETE_BY_PID could not delete events by domain and pid
-- index: event.idx_domain_pid (domain, pid)
-- idempotent: yes
-- timeout: ddl
DELETE event FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid;

-- name: read_by_domain_and_cpid(domain, cpid, limit)
-- method: read_events_by_domain_and_cpid
-- Read the events that are associated with a correlated process of a domain, oldest first.
-- own is the same association with the event's domain spelled out, by which the event is found already.
-- Sorted without `data`: MySQL's sort buffer does not hold large documents. With the index forced, or it would scan
-- small tables, and sort behind that.
-- param domain: identifier
-- param cpid: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ could not read events by domain and cpid
-- index: event_cpid.idx_domain_cpid (domain, cpid)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM (
    SELECT event.id, event.timestamp
    FROM event_cpid FORCE INDEX (idx_domain_cpid)
    STRAIGHT_JOIN event ON event.id = event_cpid.event_id
    LEFT JOIN event_cpid AS own
        ON
            event_cpid.domain = '' AND own.event_id = event_cpid.event_id
            AND own.domain = :domain AND own.cpid = :cpid
    WHERE
        event_cpid.domain IN (:domain, '') AND event_cpid.cpid = :cpid
        AND (event_cpid.domain = :domain OR event.domain = :domain) AND own.event_id IS NULL
    ORDER BY event.timestamp, event.id
    LIMIT :limit
) AS found
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = found.id
ORDER BY found.timestamp, found.id;

-- name: read_by_eid(eid, limit)
-- method: read_events_by_eid
-- Read the events of every domain that are associated with an entity, oldest first.
-- Sorted without `data`: MySQL's sort buffer does not hold large documents. With the index forced, or it would scan
-- small tables, and sort behind that.
-- param eid: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_EID could not read events by eid
-- index: event_eid.idx_eid (eid)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM (
    SELECT event.id, event.timestamp
    FROM event_eid
    STRAIGHT_JOIN event ON event.id = event_eid.event_id
    WHERE event_eid.eid = :eid
    ORDER BY event.timestamp, event.id
    LIMIT :limit
) AS found
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = found.id
ORDER BY found.timestamp, found.id;

-- name: read_by_domain_and_eid(domain, eid, limit)
-- method: read_events_by_domain_and_eid
-- Read the events of a domain that are associated with an entity, oldest first.
-- Sorted without `data`: MySQL's sort buffer does not hold large documents. With the index forced, or it would scan
-- small tables, and sort behind that.
-- param domain: identifier
-- param eid: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID could not read events by domain and eid
-- index: event_eid.idx_eid (eid)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM (
    SELECT event.id, event.timestamp
    FROM event_eid
    STRAIGHT_JOIN event ON event.id = event_eid.event_id
    WHERE event_eid.eid = :eid AND event.domain = :domain
    ORDER BY event.timestamp, event.id
    LIMIT :limit
) AS found
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = found.id
ORDER BY found.timestamp, found.id;

-- name: read_page_by_domain_and_cpid(domain, cpid, after, page)
-- method: iter_events_by_domain_and_cpid
-- Iterate over the events that are associated with a correlated process of a domain, page by page, by their ids.
-- Sorted without `data`, as read_by_domain_and_cpid is; UNION gives an event of both associations once.
-- param domain: identifier
-- param cpid: identifier
-- param after: position
-- param page: page
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENT_BY_DOMAIN_AND_CPID_READ could not read events by domain and cpid
-- index: event_cpid.idx_domain_cpid (domain, cpid, event_id)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM (
    (
        SELECT event_cpid.event_id
        FROM event_cpid FORCE INDEX (idx_domain_cpid)
        WHERE event_cpid.domain = :domain AND event_cpid.cpid = :cpid AND event_cpid.event_id > :after
        ORDER BY event_cpid.event_id
        LIMIT :page
    )
    UNION DISTINCT
    (
        SELECT event_cpid.event_id
        FROM event_cpid FORCE INDEX (idx_domain_cpid)
        STRAIGHT_JOIN event AS owner ON owner.id = event_cpid.event_id
        WHERE
            event_cpid.domain = '' AND event_cpid.cpid = :cpid AND event_cpid.event_id > :after
            AND owner.domain = :domain
        ORDER BY event_cpid.event_id
        LIMIT :page
    )
) AS association
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = association.event_id
ORDER BY association.event_id
LIMIT :page;

-- name: read_page_by_eid(eid, after, page)
-- method: iter_events_by_eid
-- Iterate over the events of every domain that are associated with an entity, page by page, by their ids.
-- param eid: identifier
-- param after: position
-- param page: page
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_EID could not read events by eid
-- index: event_eid.idx_eid (eid, event_id)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM event_eid FORCE INDEX (idx_eid)
STRAIGHT_JOIN event ON event.id = event_eid.event_id
WHERE event_eid.eid = :eid AND event_eid.event_id > :after
ORDER BY event_eid.event_id
LIMIT :page;

-- name: read_page_by_domain_and_eid(domain, eid, after, page)
-- method: iter_events_by_domain_and_eid
-- Iterate over the events of a domain that are associated with an entity, page by page, by their ids.
-- param domain: identifier
-- param eid: identifier
-- param after: position
-- param page: page
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_DOMAIN_AND_EID could not read events by domain and eid
-- index: event_eid.idx_eid (eid, event_id)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM event_eid FORCE INDEX (idx_eid)
STRAIGHT_JOIN event ON event.id = event_eid.event_id
WHERE event_eid.eid = :eid AND event_eid.event_id > :after AND event.domain = :domain
ORDER BY event_eid.event_id
LIMIT :page;

-- name: read_latest_by_domain_and_pid(domain, pid)^
-- method: read_latest_event_by_domain_and_pid
-- Read the latest event of a process.
-- param domain: identifier
-- param pid: identifier
-- returns: Event?
-- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read events by domain and pid
-- index: event.idx_domain_pid (domain, pid)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid
ORDER BY timestamp DESC, id DESC
LIMIT 1;

-- name: read_by_rid(rid, limit)
-- method: read_events_by_rid
-- Read the events that answer an event, oldest first.
-- param rid: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_EVENTS_READ_BY_RID could not read events by rid
-- index: event.idx_rid (rid)
-- idempotent: yes
SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
FROM (
    SELECT id, timestamp
    FROM event FORCE INDEX (idx_rid)
    WHERE rid = :rid
    ORDER BY timestamp, id
    LIMIT :limit
) AS found
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = found.id
ORDER BY found.timestamp, found.id;

-- name: read_domains()
-- method: read_domains
-- Read the domains that have events, each once, sorted.
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_READ_DOMAINS could not read domains of events
-- index: event.idx_domain (domain)
-- idempotent: yes
SELECT domain
FROM event FORCE INDEX (idx_domain)
WHERE domain > ''
GROUP BY domain
ORDER BY domain;

-- name: read_ids_by_domain_and_pid(domain, pid, limit)
-- The ids of some events of a process, oldest first.
-- param domain: identifier
-- param pid: identifier
-- param limit: batch
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_DELETE_BY_PID could not delete events by domain and pid
-- index: event.idx_domain_pid (domain, pid)
-- idempotent: yes
SELECT id
FROM event FORCE INDEX (idx_domain_pid)
WHERE domain = :domain AND pid = :pid
ORDER BY timestamp, id
LIMIT :limit;

-- name: delete_list(ids)!
-- Events go with their associations, schedules and publications.
-- param ids: identifier*
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_DELETE_BY_PID could not delete events by domain and pid
-- index: event.PRIMARY (id)
-- idempotent: yes
DELETE event FROM event FORCE INDEX (PRIMARY)
WHERE id IN :ids;

-- name: read_purgeable(domain, before, limit)
-- The ids of the oldest events of a domain that may be purged.
-- Those stay to which something has still to happen, or has happened since: a publication or a schedule.
-- param domain: identifier
-- param before: datetime(3)
-- param limit: batch
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENTS_PURGE could not purge events
-- index: event.idx_domain (domain, timestamp)
-- idempotent: yes
SELECT event.id
FROM event FORCE INDEX (idx_domain)
LEFT JOIN event_published
    ON
        event_published.event_id = event.id
        AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
LEFT JOIN event_scheduled
    ON event_scheduled.event_id = event.id AND (event_scheduled.executed < :before) IS NOT TRUE
WHERE
    event.domain = :domain AND event.timestamp < :before
    AND event_published.event_id IS NULL AND event_scheduled.event_id IS NULL
ORDER BY event.timestamp, event.id
LIMIT :limit;

-- name: lock_list(ids)
-- Those of some events that nobody is adding anything to, locked.
-- param ids: identifier*
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENTS_PURGE could not purge events
-- index: event.PRIMARY (id)
-- idempotent: yes
SELECT id
FROM event FORCE INDEX (PRIMARY)
WHERE id IN :ids
ORDER BY id
FOR UPDATE SKIP LOCKED;

-- name: purge(ids, before)!
-- Those of some locked events that still may be purged go with all that belongs to them.
-- param ids: identifier*
-- param before: datetime(3)
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENTS_PURGE could not purge events
-- index: event.PRIMARY (id)
-- idempotent: no
DELETE event
FROM event FORCE INDEX (PRIMARY)
LEFT JOIN event_published
    ON
        event_published.event_id = event.id
        AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
LEFT JOIN event_scheduled
    ON event_scheduled.event_id = event.id AND (event_scheduled.executed < :before) IS NOT TRUE
WHERE event.id IN :ids AND event_published.event_id IS NULL AND event_scheduled.event_id IS NULL;
