-- name: persist(event_id, publisher)!
-- method: persist_event_published
-- batch: persist_events_published(published)
-- Persist the publication of an event.
-- param event_id: identifier
-- param publisher: identifier
-- takes: published: PublishedEvent
-- returns: changed (always True)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST could not persist published event
-- index: none
-- idempotent: when identical to event_published.read
INSERT INTO event_published (event_id, publisher)
VALUES (:event_id, :publisher);

-- name: read(event_id)^
-- method: read_event_published
-- Read the publication of an event.
-- param event_id: identifier
-- returns: PublishedEvent
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_READ could not read published event
-- not_found: E_EVENTFLOW_DB_EVENT_PUBLISHED_NOT_FOUND published event not found
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
SELECT event_id, published, publisher, consumer, hub, consumed_hub, consumed_spoke, success, failed, orphan
FROM event_published
WHERE event_id = :event_id;

-- name: update_to_consumed_by_hub(event_id, hub)!
-- method: update_event_published_to_consumed_by_hub
-- Claim a publication for a hub: True for exactly one caller, ever.
-- param event_id: identifier
-- param hub: identifier
-- returns: changed (False: another hub has it, or it is unknown)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE could not update published event to consumed
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
WHERE event_id = :event_id AND consumed_hub IS NULL;

-- name: update_to_consumed_by_spoke(event_id, spoke)!
-- method: update_event_published_to_consumed_by_spoke
-- Claim a publication for a spoke, its consumer: True for exactly one caller, ever.
-- param event_id: identifier
-- param spoke: identifier
-- returns: changed (False: another spoke has it, or it is unknown)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE could not update published event to consumed
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET consumer = :spoke, consumed_spoke = CURRENT_TIMESTAMP()
WHERE event_id = :event_id AND consumed_spoke IS NULL;

-- name: update_to_success(event_id)!
-- method: update_event_published_to_success
-- Mark a publication as having succeeded, now.
-- param event_id: identifier
-- returns: changed (False: there is none)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_SUCCESS could not update published event to success
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET success = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: update_to_failed(event_id)!
-- method: update_event_published_to_failed
-- Mark a publication as having failed, now.
-- param event_id: identifier
-- returns: changed (False: there is none)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED could not update published event to failed
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET failed = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;

-- name: update_to_orphan(event_id)!
-- method: update_event_published_to_orphan
-- Mark a publication as having found no consumer, now.
-- param event_id: identifier
-- returns: changed (False: there is none)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_ORPHAN could not update published event to orphan
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET orphan = CURRENT_TIMESTAMP()
WHERE event_id = :event_id;
