-- name: create_table()#
-- method: create_table_lease
-- Create the table lease where it is missing.
-- Locks of a cluster, whose GET_LOCK counts for one server alone: a lock is had until its lease ends.
-- The table is an addition to upstream. A reference is text in UTF-8, compared byte by byte.
-- A row stays when its lock is given back, so that the fence counts on.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_LEASE could not create table lease
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS lease (
    reference VARBINARY(192) NOT NULL,
    holder VARCHAR(64) NOT NULL,
    fence BIGINT UNSIGNED NOT NULL DEFAULT 1,
    until DATETIME(3) NOT NULL,
    PRIMARY KEY (reference)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
