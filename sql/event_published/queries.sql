-- name: persist(event_id, publisher)!
-- method: persist_event_published
-- batch: persist_events_published(published)
-- Persist the publication of an event.
-- Its domain lets it be claimed at once; a publication without one is filled in by the next claim.
-- param event_id: identifier
-- param publisher: identifier
-- takes: published: PublishedEvent
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_PERSIST could not persist published event
-- index: none
-- idempotent: when identical to event_published.read
INSERT INTO event_published (event_id, publisher, domain)
VALUES (:event_id, :publisher, (SELECT event.domain FROM event WHERE event.id = :event_id));

-- name: read(event_id)^
-- method: read_event_published
-- Read the publication of an event, with the event's domain, pid and name.
-- param event_id: identifier
-- returns: PublishedEvent
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_READ could not read published event
-- not_found: E_EVENTFLOW_DB_EVENT_PUBLISHED_NOT_FOUND published event not found
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
SELECT
    event_published.event_id, event_published.published, event_published.publisher, event_published.consumer,
    event_published.hub, event_published.consumed_hub, event_published.consumed_spoke, event_published.success,
    event_published.failed, event_published.orphan, event.domain, event.pid, event.name, event_published.available,
    event_published.attempts, event_published.error
FROM event_published
INNER JOIN event ON event.id = event_published.event_id
WHERE event_published.event_id = :event_id;

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

-- name: update_to_success(event_id, consumer)!
-- method: update_event_published_to_success
-- Mark a publication as having succeeded, now; with a consumer, only where that one has it.
-- What has ended otherwise is no consumer's any more.
-- param event_id: identifier
-- param consumer: identifier?
-- returns: changed (False: there is none, or it is not that consumer's any more)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_SUCCESS could not update published event to success
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET success = CURRENT_TIMESTAMP()
WHERE
    event_id = :event_id
    AND (:consumer IS NULL OR (consumer = :consumer AND failed IS NULL AND orphan IS NULL));

-- name: update_to_failed(event_id, consumer, error)!
-- A publication has failed, now, and is not tried again: it is dead until it is requeued.
-- With a consumer, only where that one has it and it has not ended otherwise.
-- param event_id: identifier
-- param consumer: identifier?
-- param error: json?
-- returns: changed (False: there is none, or it is not that consumer's any more)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED could not update published event to failed
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published
SET failed = CURRENT_TIMESTAMP(), error = :error
WHERE
    event_id = :event_id
    AND (:consumer IS NULL OR (consumer = :consumer AND success IS NULL AND orphan IS NULL));

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

-- name: retry(event_id, consumer, error, retry_in)!
-- A publication has failed, and may be claimed again after some seconds.
-- What was claimed with a lease keeps its consumed_spoke, so that no spoke of Node's takes it in between.
-- param event_id: identifier
-- param consumer: identifier?
-- param error: json?
-- param retry_in: seconds
-- returns: changed (False: it has ended, is unknown, or is not that consumer's any more)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_UPDATE_FAILED could not update published event to failed
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    consumer = NULL, consumed_spoke = IF(attempts = 0, NULL, consumed_spoke), error = :error,
    available = CURRENT_TIMESTAMP() + INTERVAL :retry_in SECOND
WHERE
    event_id = :event_id AND success IS NULL AND failed IS NULL AND orphan IS NULL
    AND (:consumer IS NULL OR consumer = :consumer);

-- name: read_without_domain()
-- Publications that Node has made, whose domain is not filled in yet.
-- Rows that others have locked are left to their next claim.
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.idx_claim (domain, success, failed, orphan)
-- idempotent: yes
SELECT event_id
FROM event_published FORCE INDEX (idx_claim)
WHERE domain IS NULL AND success IS NULL AND failed IS NULL AND orphan IS NULL
ORDER BY available, event_id
LIMIT 1000
FOR UPDATE SKIP LOCKED;

-- name: fill_in_domain(event_ids)!
-- Publications that Node has made get the domain of their event, and a time from which they may be claimed.
-- That is in two seconds, or when their schedule is due: Node writes a schedule right behind its publication, and
-- `available` by its own time zone.
-- param event_ids: identifier*
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    domain = (SELECT event.domain FROM event WHERE event.id = event_published.event_id),
    available = GREATEST(
        CURRENT_TIMESTAMP() + INTERVAL 2 SECOND,
        COALESCE(
            (
                SELECT event_scheduled.scheduled FROM event_scheduled
                WHERE event_scheduled.event_id = event_published.event_id AND event_scheduled.executed IS NULL
            ),
            CURRENT_TIMESTAMP()
        )
    )
WHERE event_id IN :event_ids AND domain IS NULL;

-- name: read_available(domain, limit)
-- The publications of a domain that come next, longest available first, as they are once they are claimed.
-- Attempts are 0, and there is no data, where none may be: what a spoke of Node's has consumed, and anything before its
-- schedule is executed. Tables in brackets are read without locks, so that those who write events and schedules do not
-- wait for claims; servers merge them, and read by key.
-- param domain: identifier
-- param limit: batch
-- returns: ClaimedEvent*
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.idx_claim (domain, success, failed, orphan, available)
-- idempotent: yes
SELECT
    event.id, event.timestamp, event.domain, event.rid, event.pid, event.name,
    IF(
        waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts > 0),
        event.data, JSON_EXTRACT('null', '$')
    ) AS data,
    event_published.publisher, event_published.published,
    CAST(
        IF(
            waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts > 0),
            LEAST(event_published.attempts + 1, 65535), 0
        ) AS UNSIGNED
    ) AS attempts
FROM event_published FORCE INDEX (idx_claim)
STRAIGHT_JOIN (SELECT id, timestamp, domain, rid, pid, name, data FROM event FORCE INDEX (PRIMARY)) AS event
    ON event.id = event_published.event_id
LEFT JOIN (SELECT event_id FROM event_scheduled FORCE INDEX (PRIMARY) WHERE executed IS NULL) AS waiting
    ON waiting.event_id = event_published.event_id
WHERE
    event_published.domain = :domain AND event_published.success IS NULL AND event_published.failed IS NULL
    AND event_published.orphan IS NULL AND event_published.available <= CURRENT_TIMESTAMP()
ORDER BY event_published.available, event_published.event_id
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- name: read_available_by_names(domain, names, limit)
-- The same of events that have one of the names.
-- param domain: identifier
-- param names: identifier*
-- param limit: batch
-- returns: ClaimedEvent*
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.idx_claim (domain, success, failed, orphan, available)
-- idempotent: yes
SELECT
    event.id, event.timestamp, event.domain, event.rid, event.pid, event.name,
    IF(
        waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts > 0),
        event.data, JSON_EXTRACT('null', '$')
    ) AS data,
    event_published.publisher, event_published.published,
    CAST(
        IF(
            waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts > 0),
            LEAST(event_published.attempts + 1, 65535), 0
        ) AS UNSIGNED
    ) AS attempts
FROM event_published FORCE INDEX (idx_claim)
STRAIGHT_JOIN (SELECT id, timestamp, domain, rid, pid, name, data FROM event FORCE INDEX (PRIMARY)) AS event
    ON event.id = event_published.event_id
LEFT JOIN (SELECT event_id FROM event_scheduled FORCE INDEX (PRIMARY) WHERE executed IS NULL) AS waiting
    ON waiting.event_id = event_published.event_id
WHERE
    event_published.domain = :domain AND event_published.success IS NULL AND event_published.failed IS NULL
    AND event_published.orphan IS NULL AND event_published.available <= CURRENT_TIMESTAMP()
    AND event.name IN :names
ORDER BY event_published.available, event_published.event_id
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- name: postpone(event_ids)!
-- Publications that may not be claimed get out of the way of those that may.
-- They do until their schedule is due, for 10 minutes at the most where it is overdue, for Node may execute it, and for
-- as long again where a spoke of Node's has them.
-- param event_ids: identifier*
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    available = CURRENT_TIMESTAMP() + INTERVAL GREATEST(
        2,
        COALESCE(
            (
                SELECT
                    IF(
                        event_scheduled.scheduled > CURRENT_TIMESTAMP(),
                        TIMESTAMPDIFF(SECOND, CURRENT_TIMESTAMP(), event_scheduled.scheduled),
                        LEAST(600, TIMESTAMPDIFF(SECOND, event_scheduled.scheduled, CURRENT_TIMESTAMP()))
                    )
                FROM event_scheduled
                WHERE event_scheduled.event_id = event_published.event_id AND event_scheduled.executed IS NULL
            ),
            TIMESTAMPDIFF(SECOND, consumed_spoke, CURRENT_TIMESTAMP())
        )
    ) SECOND
WHERE event_id IN :event_ids;

-- name: claim(event_ids, consumer, lease)!
-- Publications get a consumer until its lease ends, which is rounded up to the second.
-- That consumed_spoke is set keeps spokes of Node's away; that there are attempts says that the claim is not theirs.
-- param event_ids: identifier*
-- param consumer: identifier
-- param lease: lease
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_CLAIM could not claim published events
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    consumer = :consumer, consumed_spoke = CURRENT_TIMESTAMP(), attempts = LEAST(attempts + 1, 65535),
    available = CURRENT_TIMESTAMP() + INTERVAL (:lease + 1) SECOND
WHERE event_id IN :event_ids;

-- name: extend(event_id, consumer, lease)!
-- method: extend_event_published
-- Have the lease of a claim end so many seconds from now, rounded up.
-- param event_id: identifier
-- param consumer: identifier
-- param lease: lease?=60
-- returns: changed (False: it is not that consumer's any more, or has no lease)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_EXTEND could not extend claim of published event
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published FORCE INDEX (PRIMARY)
SET available = CURRENT_TIMESTAMP() + INTERVAL (:lease + 1) SECOND
WHERE
    event_id = :event_id AND consumer = :consumer AND attempts > 0
    AND success IS NULL AND failed IS NULL AND orphan IS NULL;

-- name: release_list(event_ids, consumer)!
-- method: release_events_published
-- Have publications that have not ended be claimed anew, by spokes and hubs; with a consumer, only what that one has.
-- param event_ids: identifier*
-- param consumer: identifier?
-- returns: affected (gives how many were claimed)
-- error: E_EVENTFLOW_DB_EVENT_PUBLISHED_RELEASE could not release published events
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    consumer = NULL, hub = NULL, consumed_hub = NULL, consumed_spoke = NULL, attempts = 0,
    available = CURRENT_TIMESTAMP()
WHERE
    event_id IN :event_ids AND success IS NULL AND failed IS NULL AND orphan IS NULL
    AND (consumer IS NOT NULL OR consumed_hub IS NOT NULL OR consumed_spoke IS NOT NULL)
    AND (:consumer IS NULL OR consumer = :consumer);

-- name: read_domains()
-- The domains that publications have, each once, sorted; what Node has made and nobody has claimed has none yet.
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENTS_PUBLISHED_READ could not read published events
-- index: event_published.idx_claim (domain)
-- idempotent: yes
SELECT domain
FROM event_published FORCE INDEX (idx_claim)
WHERE domain > ''
GROUP BY domain
ORDER BY domain;

-- name: read_list(queue, domain, state, before, limit)
-- The publications of one state, longest in it first: of those that have the domain `queue` filled in, or none.
-- The conditions on :state are constants for the server: what is left is one range of the index, in its order.
-- param queue: identifier?
-- param domain: identifier?
-- param state: state
-- param before: datetime?
-- param limit: limit
-- returns: PublishedEvent*
-- error: E_EVENTFLOW_DB_EVENTS_PUBLISHED_READ could not read published events
-- index: event_published.idx_claim (domain)
-- idempotent: yes
SELECT
    event_published.event_id, event_published.published, event_published.publisher, event_published.consumer,
    event_published.hub, event_published.consumed_hub, event_published.consumed_spoke, event_published.success,
    event_published.failed, event_published.orphan, event.domain, event.pid, event.name, event_published.available,
    event_published.attempts, event_published.error
FROM event_published FORCE INDEX (idx_claim)
STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = event_published.event_id
WHERE
    event_published.domain <=> :queue AND (:domain IS NULL OR event.domain = :domain)
    AND (
        (
            :state = 'success' AND event_published.success IS NOT NULL
            AND (:before IS NULL OR event_published.success < :before)
        )
        OR (
            :state = 'failed' AND event_published.success IS NULL AND event_published.failed IS NOT NULL
            AND (:before IS NULL OR event_published.failed < :before)
        )
        OR (
            :state = 'orphan' AND event_published.success IS NULL AND event_published.failed IS NULL
            AND event_published.orphan IS NOT NULL AND (:before IS NULL OR event_published.orphan < :before)
        )
        OR (
            :state IN ('published', 'consumed_hub', 'consumed_spoke', 'expired')
            AND event_published.success IS NULL AND event_published.failed IS NULL AND event_published.orphan IS NULL
            AND :state = CASE
                WHEN event_published.consumer IS NULL
                    THEN IF(
                        event_published.attempts = 0 AND event_published.consumed_hub IS NOT NULL,
                        'consumed_hub', 'published'
                    )
                WHEN event_published.attempts > 0 AND event_published.available <= CURRENT_TIMESTAMP() THEN 'expired'
                ELSE 'consumed_spoke'
            END
            AND (
                :before IS NULL
                OR CASE :state
                    WHEN 'published' THEN event_published.published
                    WHEN 'consumed_hub' THEN event_published.consumed_hub
                    WHEN 'consumed_spoke' THEN event_published.consumed_spoke
                    ELSE event_published.available
                END < :before
            )
            AND (
                :state <> 'published' OR COALESCE(
                    (
                        SELECT event_scheduled.executed IS NOT NULL FROM event_scheduled
                        WHERE event_scheduled.event_id = event_published.event_id
                    ),
                    TRUE
                )
            )
        )
    )
ORDER BY
    event_published.success, event_published.failed, event_published.orphan, event_published.available,
    event_published.event_id
LIMIT :limit;

-- name: requeue(event_ids, state)!
-- Those of some publications that still are in a state begin anew: as they were when they were published.
-- param event_ids: identifier*
-- param state: state
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENTS_PUBLISHED_REQUEUE could not requeue published events
-- index: event_published.PRIMARY (event_id)
-- idempotent: no
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    consumer = NULL, hub = NULL, consumed_hub = NULL, consumed_spoke = NULL, success = NULL, failed = NULL,
    orphan = NULL, attempts = 0, error = NULL, available = CURRENT_TIMESTAMP()
WHERE
    event_id IN :event_ids
    AND :state = CASE
        WHEN success IS NOT NULL THEN 'success'
        WHEN failed IS NOT NULL THEN 'failed'
        WHEN orphan IS NOT NULL THEN 'orphan'
        WHEN consumer IS NULL THEN IF(attempts = 0 AND consumed_hub IS NOT NULL, 'consumed_hub', 'published')
        WHEN attempts > 0 AND available <= CURRENT_TIMESTAMP() THEN 'expired'
        ELSE 'consumed_spoke'
    END;

-- name: publish_due(event_ids)!
-- The publications of schedules that are executed may be claimed now.
-- param event_ids: identifier*
-- returns: affected
-- error: E_EVENTFLOW_DB_EVENTS_DUE_PUBLISH could not publish events that are due
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
UPDATE event_published FORCE INDEX (PRIMARY)
SET
    domain = (SELECT event.domain FROM event WHERE event.id = event_published.event_id),
    available = CURRENT_TIMESTAMP()
WHERE event_id IN :event_ids AND consumer IS NULL;

-- name: read_published(event_ids)
-- Those of some events that are published.
-- param event_ids: identifier*
-- returns: str*
-- error: E_EVENTFLOW_DB_EVENTS_DUE_PUBLISH could not publish events that are due
-- index: event_published.PRIMARY (event_id)
-- idempotent: yes
SELECT event_id
FROM event_published FORCE INDEX (PRIMARY)
WHERE event_id IN :event_ids
ORDER BY event_id;

-- name: count(queue)
-- How many publications are in each state, of those that have the domain `queue` filled in, or none.
-- 10,000 of each kind of end are counted, and of those that are open: the longest available.
-- param queue: identifier?
-- returns: PublicationCount*
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: event_published.idx_claim (domain)
-- idempotent: yes
SELECT found.domain, found.state, COUNT(*) AS count, MIN(found.since) AS oldest
FROM (
    (
        SELECT
            COALESCE(p.domain, (SELECT event.domain FROM event WHERE event.id = p.event_id)) AS domain,
            CASE
                WHEN p.consumer IS NOT NULL AND p.attempts > 0 AND p.available <= CURRENT_TIMESTAMP() THEN 'expired'
                WHEN p.consumer IS NOT NULL THEN 'consumed_spoke'
                WHEN p.attempts = 0 AND p.consumed_hub IS NOT NULL THEN 'consumed_hub'
                WHEN
                    COALESCE(
                        (
                            SELECT event_scheduled.executed IS NOT NULL FROM event_scheduled
                            WHERE event_scheduled.event_id = p.event_id
                        ),
                        TRUE
                    )
                    THEN 'published'
                ELSE 'scheduled'
            END AS state,
            CASE
                WHEN p.consumer IS NOT NULL AND p.attempts > 0 AND p.available <= CURRENT_TIMESTAMP()
                    THEN p.available
                WHEN p.consumer IS NOT NULL THEN IF(p.attempts = 0, p.consumed_spoke, NULL)
                WHEN p.attempts = 0 AND p.consumed_hub IS NOT NULL THEN p.consumed_hub
                ELSE p.published
            END AS since
        FROM event_published AS p FORCE INDEX (idx_claim)
        WHERE p.domain <=> :queue AND p.success IS NULL AND p.failed IS NULL AND p.orphan IS NULL
        ORDER BY p.available, p.event_id
        LIMIT 10000
    )
    UNION ALL
    (
        SELECT
            COALESCE(p.domain, (SELECT event.domain FROM event WHERE event.id = p.event_id)) AS domain,
            'failed' AS state, p.failed AS since
        FROM event_published AS p FORCE INDEX (idx_claim)
        WHERE p.domain <=> :queue AND p.success IS NULL AND p.failed IS NOT NULL
        ORDER BY p.failed, p.orphan, p.available, p.event_id
        LIMIT 10000
    )
    UNION ALL
    (
        SELECT
            COALESCE(p.domain, (SELECT event.domain FROM event WHERE event.id = p.event_id)) AS domain,
            'orphan' AS state, p.orphan AS since
        FROM event_published AS p FORCE INDEX (idx_claim)
        WHERE p.domain <=> :queue AND p.success IS NULL AND p.failed IS NULL AND p.orphan IS NOT NULL
        ORDER BY p.orphan, p.available, p.event_id
        LIMIT 10000
    )
    UNION ALL
    (
        SELECT
            COALESCE(p.domain, (SELECT event.domain FROM event WHERE event.id = p.event_id)) AS domain,
            'success' AS state, p.success AS since
        FROM event_published AS p FORCE INDEX (idx_claim)
        WHERE p.domain <=> :queue AND p.success IS NOT NULL
        ORDER BY p.success, p.failed, p.orphan, p.available, p.event_id
        LIMIT 10000
    )
) AS found
GROUP BY found.domain, found.state
ORDER BY found.state, found.domain;

-- name: count_lately()$
-- How many events were published between an hour and a minute ago, at most 10.
-- returns: int
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: event_published.idx_published (published)
-- idempotent: yes
SELECT COUNT(*) AS count
FROM (
    SELECT 1 AS one FROM event_published FORCE INDEX (idx_published)
    WHERE
        published BETWEEN CURRENT_TIMESTAMP() - INTERVAL 1 HOUR AND CURRENT_TIMESTAMP() - INTERVAL 1 MINUTE
    ORDER BY published, event_id
    LIMIT 10
) AS found;
