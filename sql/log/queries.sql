-- name: persist(agent, message, error)!
-- A log line, at the server's clock.
-- param agent: identifier
-- param message: text
-- param error: json (or an exception)
-- takes: log: Log (optional: error)
-- returns: affected
-- error: E_EVENTFLOW_DB_LOG_PERSIST could not persist log
-- index: none
-- idempotent: no
INSERT INTO log (agent, message, error)
VALUES (:agent, :message, :error);

-- name: read_partitions()
-- The names of the table's partitions, in their order.
-- returns: str*
-- error: E_EVENTFLOW_DB_LOG_ARCHIVE could not archive log
-- scan: information_schema has no indexes
-- idempotent: yes
SELECT partition_name AS name
FROM information_schema.partitions
WHERE table_schema = DATABASE() AND table_name = 'log' AND partition_name IS NOT NULL
ORDER BY partition_ordinal_position;

-- name: archive(partition, date)!
-- Split everything before a day off the hot partition.
-- param partition: partition
-- param date: date
-- returns: affected
-- error: E_EVENTFLOW_DB_LOG_ARCHIVE could not archive log
-- index: none
-- idempotent: no
-- timeout: ddl
ALTER TABLE log REORGANIZE PARTITION p_hot INTO (
    PARTITION :partition VALUES LESS THAN (TO_DAYS(:date)),
    PARTITION p_hot VALUES LESS THAN MAXVALUE
);

-- name: read_last_partition()$
-- The name of the last cold partition; NULL where there is none.
-- returns: str?
-- error: E_EVENTFLOW_DB_LOG_PREPARE_PARTITIONS could not prepare log partitions
-- scan: information_schema has no indexes
-- idempotent: yes
SELECT MAX(partition_name) AS name
FROM information_schema.partitions
WHERE table_schema = DATABASE() AND table_name = 'log' AND partition_name REGEXP '^p_cold_[0-9]{8}$';

-- name: prepare(partition, date)!
-- Split a coming day off the hot partition while it has no rows to move.
-- param partition: partition
-- param date: date
-- returns: affected
-- error: E_EVENTFLOW_DB_LOG_PREPARE_PARTITIONS could not prepare log partitions
-- index: none
-- idempotent: no
-- timeout: ddl
ALTER TABLE log REORGANIZE PARTITION p_hot INTO (
    PARTITION :partition VALUES LESS THAN (TO_DAYS(:date)),
    PARTITION p_hot VALUES LESS THAN MAXVALUE
);

-- name: read_partitions_before(date)
-- The cold partitions, by their bounds, that hold nothing from a day on; oldest first.
-- The table itself is named so that it is missed where it is not there.
-- param date: date
-- returns: str*
-- error: E_EVENTFLOW_DB_LOG_PRUNE could not prune log
-- scan: information_schema has no indexes
-- idempotent: yes
SELECT partition_name AS name
FROM information_schema.partitions
WHERE
    table_schema = DATABASE() AND table_name = 'log' AND partition_name REGEXP '^p_cold_[0-9]{8}$'
    AND CAST(partition_description AS UNSIGNED) <= TO_DAYS(:date)
    AND NOT EXISTS (SELECT 1 FROM log WHERE 1 = 0)
ORDER BY partition_ordinal_position;

-- name: drop_partition(partition)!
-- One cold partition with every row in it.
-- param partition: partition
-- returns: affected
-- error: E_EVENTFLOW_DB_LOG_PRUNE could not prune log
-- index: none
-- idempotent: no
-- timeout: ddl
ALTER TABLE log DROP PARTITION :partition;

-- name: read_list(start, end, after, limit)
-- Log lines behind a position, in the order in which they were written.
-- param start: datetime(3)?
-- param end: datetime(3)?
-- param after: number?=0
-- param limit: batch?=100
-- returns: Log*
-- error: E_EVENTFLOW_DB_LOG_READ could not read logs
-- index: log.PRIMARY (seq)
-- idempotent: yes
SELECT seq, timestamp, agent, message, error
FROM log FORCE INDEX (PRIMARY)
WHERE
    seq > :after
    AND timestamp >= COALESCE(:start, '1000-01-01') AND timestamp <= COALESCE(:end, '9999-12-31 23:59:59.999')
ORDER BY seq
LIMIT :limit;

-- name: read_by_agent(agent, start, end, after, limit)
-- The same of one agent.
-- param agent: identifier
-- param start: datetime(3)?
-- param end: datetime(3)?
-- param after: number?=0
-- param limit: batch?=100
-- returns: Log*
-- error: E_EVENTFLOW_DB_LOG_READ could not read logs
-- index: log.idx_agent (agent)
-- idempotent: yes
SELECT seq, timestamp, agent, message, error
FROM log FORCE INDEX (idx_agent)
WHERE
    agent = :agent AND seq > :after
    AND timestamp >= COALESCE(:start, '1000-01-01') AND timestamp <= COALESCE(:end, '9999-12-31 23:59:59.999')
ORDER BY seq
LIMIT :limit;
