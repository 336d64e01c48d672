-- name: create_table()#
-- method: create_table_event
-- Create the table event where it is missing.
-- Events, the facts that everything else refers to.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_EVENT could not create table event
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS event (
    id VARCHAR(64) NOT NULL,
    timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    domain VARCHAR(64) NOT NULL,
    rid VARCHAR(64) NULL,
    pid VARCHAR(64) NOT NULL,
    name VARCHAR(64) NOT NULL,
    data JSON NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (rid) REFERENCES event (id) ON DELETE SET NULL,
    INDEX idx_rid (rid),
    INDEX idx_name (name, timestamp),
    INDEX idx_domain (domain, timestamp),
    INDEX idx_domain_pid (domain, pid, timestamp)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
