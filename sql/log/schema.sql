-- name: create_table()#
-- method: create_table_log
-- Create the table log where it is missing.
-- Logs, partitioned by day so that old ones can be archived.
-- seq is an addition to upstream: without a primary key Group Replication refuses every insert.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_LOG could not create table log
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS log (
    timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    agent VARCHAR(64) NOT NULL,
    message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    error JSON NOT NULL,
    seq BIGINT UNSIGNED AUTO_INCREMENT INVISIBLE,
    PRIMARY KEY (seq, timestamp),
    INDEX idx_timestamp (timestamp),
    INDEX idx_agent (agent)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin
PARTITION BY RANGE (TO_DAYS(timestamp)) (
    PARTITION p_hot VALUES LESS THAN MAXVALUE
);
