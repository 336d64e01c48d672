-- name: create_table()#
-- method: create_table_event_published
-- Create the table event_published where it is missing.
-- Publications: who published an event, which hub and spoke took it, and how it ended.
-- The invisible columns and idx_claim are additions to upstream, for claims with a lease.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_EVENT_PUBLISHED could not create table event_published
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS event_published (
    event_id VARCHAR(64) NOT NULL,
    published DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),
    publisher VARCHAR(64) NOT NULL,
    consumer VARCHAR(64) NULL,
    hub VARCHAR(64) NULL,
    consumed_hub DATETIME NULL,
    consumed_spoke DATETIME NULL,
    success DATETIME NULL,
    failed DATETIME NULL,
    orphan DATETIME NULL,
    domain VARCHAR(64) NULL INVISIBLE,
    available DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP() INVISIBLE,
    attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE,
    error JSON NULL INVISIBLE,
    PRIMARY KEY (event_id),
    FOREIGN KEY (hub) REFERENCES hub (id),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_published (published),
    INDEX idx_consumed_hub (consumed_hub),
    INDEX idx_consumed_spoke (consumed_spoke),
    INDEX idx_claim (domain, success, failed, orphan, available)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
