-- name: persist(id, external_ip, external_port, internal_ip, internal_port)!
-- method: persist_hub
-- Persist a hub, online from now on.
-- param id: identifier
-- param external_ip: address
-- param external_port: port
-- param internal_ip: address
-- param internal_port: port
-- takes: hub: Hub
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_HUB_PERSIST could not persist hub
-- index: none
-- idempotent: when identical to hub.read
INSERT INTO hub (id, external_ip, external_port, internal_ip, internal_port)
VALUES (:id, :external_ip, :external_port, :internal_ip, :internal_port);

-- name: read(id)^
-- method: read_hub
-- Read a hub, online or not.
-- param id: identifier
-- returns: Hub
-- error: E_EVENTFLOW_DB_HUB_READ could not read hub
-- not_found: E_EVENTFLOW_DB_HUB_NOT_FOUND hub not found
-- index: hub.PRIMARY (id)
-- idempotent: yes
SELECT id, timestamp, external_ip, external_port, internal_ip, internal_port, quit
FROM hub
WHERE id = :id;

-- name: read_online(limit)
-- method: read_online_hubs
-- Read the hubs that have not quit, longest online first.
-- param limit: limit
-- returns: Hub*
-- error: E_EVENTFLOW_DB_HUBS_READ could not read online hubs
-- index: hub.idx_quit_timestamp (quit)
-- idempotent: yes
SELECT id, timestamp, external_ip, external_port, internal_ip, internal_port, quit
FROM hub
WHERE quit IS NULL
ORDER BY timestamp, id
LIMIT :limit;

-- name: update_to_quit(id)!
-- method: update_hub_to_quit
-- Mark a hub as quit, now: True once.
-- param id: identifier
-- returns: changed (False: it had quit already, or is unknown)
-- error: E_EVENTFLOW_DB_HUB_UPDATE_TO_QUIT could not update hub to quit
-- index: hub.PRIMARY (id)
-- idempotent: no
UPDATE hub FORCE INDEX (PRIMARY)
SET quit = CURRENT_TIMESTAMP()
WHERE id = :id AND quit IS NULL;

-- name: has_quit(id)$
-- method: has_hub_quit
-- Whether a hub has quit.
-- param id: identifier
-- returns: bool? (False: it is online, or unknown)
-- error: E_EVENTFLOW_DB_HUB_HAS_QUIT could not read whether hub has quit
-- index: hub.PRIMARY (id)
-- idempotent: yes
SELECT quit IS NOT NULL AS has_quit
FROM hub
WHERE id = :id;

-- name: purge_list(before, limit)!
-- method: purge_hubs
-- Delete hubs that quit before a time and that no publication names, longest ago first.
-- param before: datetime
-- param limit: batch?=1000
-- returns: affected (gives how many)
-- error: E_EVENTFLOW_DB_HUBS_PURGE could not purge hubs
-- index: hub.idx_quit_timestamp (quit)
-- idempotent: no
-- conflict: 1451
DELETE FROM hub
WHERE quit < :before AND NOT EXISTS (SELECT 1 FROM event_published WHERE event_published.hub = hub.id)
ORDER BY quit, timestamp, id
LIMIT :limit;

-- name: read_heard(limit)
-- The hubs that are online, and when each took the latest event that it has taken.
-- By the index of the foreign key, whose name servers choose: MySQL would rather read all events backwards.
-- param limit: limit
-- returns: OnlineHub*
-- error: E_EVENTFLOW_DB_STATUS could not read status
-- index: hub.idx_quit_timestamp (quit)
-- idempotent: yes
SELECT
    id, timestamp,
    (
        SELECT event_published.consumed_hub
        FROM event_published IGNORE INDEX (PRIMARY)
        WHERE event_published.hub = hub.id
        ORDER BY event_published.event_id DESC
        LIMIT 1
    ) AS consumed
FROM hub
WHERE quit IS NULL
ORDER BY timestamp, id
LIMIT :limit;
