-- name: persist(event_id, scheduled)!
-- method: persist_event_scheduled
-- batch: persist_events_scheduled(scheduled)
-- Persist the schedule of an event; its time is cut to the second: at most a second early, never late.
-- param event_id: identifier
-- param scheduled: datetime (cut to the second)
-- takes: scheduled: ScheduledEvent
-- returns: changed (always True)
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
FROM event_scheduled
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
