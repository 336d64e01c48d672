-- name: persist(event_id, scheduled)!
-- method: persist_event_scheduled
-- batch: persist_events_scheduled(scheduled)
-- Persist the schedule of an event; its time is cut to the second: at most a second early, never late.
-- param event_id: identifier
-- param scheduled: datetime (cut to the second)
-- takes: scheduled: ScheduledEvent
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_PERSIST could not persist scheduled event
-- index: none
-- idempotent: when identical to event_scheduled.read
INSERT INTO event_scheduled (event_id, scheduled)
VALUES (:event_id, :scheduled);

-- name: read(event_id)^
-- method: read_event_scheduled
-- Read the schedule of an event, with the event's domain, pid and name.
-- param event_id: identifier
-- returns: ScheduledEvent
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_READ could not read scheduled event
-- not_found: E_EVENTFLOW_DB_SCHEDULED_EVENT_NOT_FOUND scheduled event not found
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: yes
SELECT
    event_scheduled.event_id, event_scheduled.timestamp, event_scheduled.scheduled, event_scheduled.executed,
    event_scheduled.success, event_scheduled.failed, event.domain, event.pid, event.name
FROM event_scheduled
INNER JOIN event ON event.id = event_scheduled.event_id
WHERE event_scheduled.event_id = :event_id;

-- name: read_list(limit)
-- method: read_events_scheduled
-- Read the schedules that are not executed yet, overdue ones included, soonest first.
-- param limit: limit
-- returns: ScheduledEvent*
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_READ could not read scheduled event
-- index: event_scheduled.idx_executed_scheduled (executed)
-- idempotent: yes
SELECT
    event_scheduled.event_id, event_scheduled.timestamp, event_scheduled.scheduled, event_scheduled.executed,
    event_scheduled.success, event_scheduled.failed, event.domain, event.pid, event.name
FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
STRAIGHT_JOIN event ON event.id = event_scheduled.event_id
WHERE event_scheduled.executed IS NULL
ORDER BY event_scheduled.scheduled, event_scheduled.event_id
LIMIT :limit;

-- name: update_executed(event_id)!
-- method: update_event_scheduled_executed
-- Claim the execution of a scheduled event: True for exactly one caller, ever.
-- param event_id: identifier
-- returns: changed (False: it is executed already, or unknown)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_EXECUTED could not update scheduled event as executed
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: no
UPDATE event_scheduled FORCE INDEX (PRIMARY)
SET executed = CURRENT_TIMESTAMP()
WHERE event_id = :event_id AND executed IS NULL;

-- name: update_success(event_id)!
-- method: update_event_scheduled_success
-- Mark a scheduled event as having succeeded, now.
-- param event_id: identifier
-- returns: changed (False: it has no schedule)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_SUCCESS could not update scheduled event as success
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_scheduled
SET success = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: update_failed(event_id)!
-- method: update_event_scheduled_failed
-- Mark a scheduled event as having failed, now.
-- param event_id: identifier
-- returns: changed (False: it has no schedule)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_UPDATE_FAILED could not update scheduled event as failed
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_scheduled
SET failed = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: read_due(limit)
-- method: read_events_scheduled_due
-- Read the schedules that are due by the server's clock and not executed yet, soonest first.
-- param limit: limit
-- returns: ScheduledEvent*
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_READ could not read scheduled event
-- index: event_scheduled.idx_executed_scheduled (executed, scheduled)
-- idempotent: yes
SELECT
    event_scheduled.event_id, event_scheduled.timestamp, event_scheduled.scheduled, event_scheduled.executed,
    event_scheduled.success, event_scheduled.failed, event.domain, event.pid, event.name
FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
STRAIGHT_JOIN event ON event.id = event_scheduled.event_id
WHERE event_scheduled.executed IS NULL AND event_scheduled.scheduled <= CURRENT_TIMESTAMP()
ORDER BY event_scheduled.scheduled, event_scheduled.event_id
LIMIT :limit;

-- name: lock_due(limit)
-- The schedules that are due and that nobody else is executing, soonest first, locked.
-- param limit: batch
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENTS_DUE_PUBLISH could not publish events that are due
-- index: event_scheduled.idx_executed_scheduled (executed, scheduled)
-- idempotent: yes
SELECT event_id
FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
WHERE executed IS NULL AND scheduled <= CURRENT_TIMESTAMP()
ORDER BY scheduled, event_id
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- name: execute(event_ids)!
-- Schedules are executed, with success.
-- Another one may publish an event at the same time: then all of it is done again.
-- param event_ids: identifier*
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENTS_DUE_PUBLISH could not publish events that are due
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: no
-- conflict: 1062
UPDATE event_scheduled FORCE INDEX (PRIMARY)
SET executed = CURRENT_TIMESTAMP(), success = CURRENT_TIMESTAMP()
WHERE event_id IN :event_ids;

-- name: reschedule_event(event_id, scheduled)!
-- method: reschedule_event
-- Give an event that is not executed yet another time; it is cut to the second.
-- A publication that waits for the schedule waits for the new time.
-- param event_id: identifier
-- param scheduled: datetime (cut to the second)
-- returns: changed (False: it is executed already, or has no schedule)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_RESCHEDULE could not reschedule event
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_scheduled FORCE INDEX (PRIMARY)
LEFT JOIN event_published
    ON event_published.event_id = event_scheduled.event_id AND event_published.consumer IS NULL
SET event_scheduled.scheduled = :scheduled, event_published.available = :scheduled
WHERE event_scheduled.event_id = :event_id AND event_scheduled.executed IS NULL;

-- name: cancel(event_id)!
-- method: cancel_event_scheduled
-- Delete the schedule of an event that is not executed yet, and the publication that waits for it; the event stays.
-- param event_id: identifier
-- returns: changed (False: it is executed already, or has no schedule)
-- error: E_EVENTFLOW_DB_SCHEDULED_EVENT_CANCEL could not cancel scheduled event
-- index: event_scheduled.PRIMARY (event_id)
-- idempotent: no
DELETE event_scheduled, event_published
FROM event_scheduled FORCE INDEX (PRIMARY)
LEFT JOIN event_published
    ON
        event_published.event_id = event_scheduled.event_id AND event_published.consumed_spoke IS NULL
        AND event_published.success IS NULL AND event_published.failed IS NULL AND event_published.orphan IS NULL
WHERE event_scheduled.event_id = :event_id AND event_scheduled.executed IS NULL;

-- name: count()^
-- How many schedules are not executed: those that wait, and those that are due; at most 10,000 of each are counted.
-- returns: ScheduleCount?
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: event_scheduled.idx_executed_scheduled (executed, scheduled)
-- idempotent: yes
SELECT
    (
        SELECT COUNT(*)
        FROM (
            SELECT 1 AS one FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
            WHERE executed IS NULL AND scheduled > CURRENT_TIMESTAMP()
            ORDER BY scheduled, event_id
            LIMIT 10000
        ) AS waiting
    ) AS waiting,
    (
        SELECT COUNT(*)
        FROM (
            SELECT 1 AS one FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
            WHERE executed IS NULL AND scheduled <= CURRENT_TIMESTAMP()
            ORDER BY scheduled, event_id
            LIMIT 10000
        ) AS due
    ) AS due,
    (
        SELECT MIN(scheduled) FROM event_scheduled FORCE INDEX (idx_executed_scheduled)
        WHERE executed IS NULL AND scheduled <= CURRENT_TIMESTAMP()
    ) AS oldest;
