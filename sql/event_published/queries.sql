-- name: persist(event_id, publisher)!
-- The publication of an event.
-- param event_id: identifier
-- param publisher: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST could not persist published event
-- index: none
-- idempotent: when identical to event_published.read
INSERT INTO event_published (event_id, publisher)
VALUES (:event_id, :publisher);

-- name: read(event_id)^
-- The publication of an event.
-- param event_id: identifier
-- returns: PublishedEvent?
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_READ could not read published event
-- not_found: E_EVENTFLOW_DB_EVENT_PUBLISHED_NOT_FOUND published event not found
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
SELECT event_id, published, publisher, consumer, hub, consumed_hub, consumed_spoke, success, failed, orphan
FROM event_published
WHERE event_id = :event_id;

-- name: update_to_consumed_by_hub(event_id, hub)!
-- Claim a publication for a hub: no row once any hub has it.
-- param event_id: identifier
-- param hub: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE could not update published event to consumed
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
WHERE event_id = :event_id AND consumed_hub IS NULL;

-- name: update_to_consumed_by_spoke(event_id, spoke)!
-- Claim a publication for a spoke: no row once any spoke has it.
-- param event_id: identifier
-- param spoke: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE could not update published event to consumed
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET consumer = :spoke, consumed_spoke = CURRENT_TIMESTAMP()
WHERE event_id = :event_id AND consumed_spoke IS NULL;

-- name: update_to_success(event_id)!
-- Mark a publication as having succeeded.
-- param event_id: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_SUCCESS could not update published event to success
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET success = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: update_to_failed(event_id)!
-- Mark a publication as having failed.
-- param event_id: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED could not update published event to failed
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET failed = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: update_to_orphan(event_id)!
-- Mark a publication as having found no consumer.
-- param event_id: identifier
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_ORPHAN could not update published event to orphan
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET orphan = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;
