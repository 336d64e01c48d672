-- name: persist(agent, message, error)!
-- One log line.
-- param agent: identifier
-- param message: text
-- param error: json
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
