-- name: create_table()#
-- method: create_table_hub
-- Create the table hub where it is missing.
-- Hubs, their addresses, and when they quit.
-- idx_quit_timestamp is an addition to upstream: online hubs are found without passing those that quit.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_HUB could not create table hub
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS hub (
    id VARCHAR(64) NOT NULL,
    timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),
    external_ip VARCHAR(45) NOT NULL,
    external_port SMALLINT UNSIGNED NOT NULL,
    internal_ip VARCHAR(45) NOT NULL,
    internal_port SMALLINT UNSIGNED NOT NULL,
    quit DATETIME NULL,
    PRIMARY KEY (id),
    INDEX idx_timestamp (timestamp),
    INDEX idx_external_ip_port (external_ip, external_port),
    INDEX idx_internal_ip_port (internal_ip, internal_port),
    INDEX idx_quit_timestamp (quit, timestamp)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
