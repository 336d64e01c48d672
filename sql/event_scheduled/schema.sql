-- name: create_table()#
-- method: create_table_event_scheduled
-- Create the table event_scheduled where it is missing.
-- Schedules: when an event is due, when it was executed and how that ended.
-- idx_executed_scheduled is an addition to upstream: due rows are found without passing the executed ones.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_EVENT_SCHEDULED could not create table event_scheduled
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS event_scheduled (
    event_id VARCHAR(64) NOT NULL,
    timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),
    scheduled DATETIME NOT NULL,
    executed DATETIME NULL,
    success DATETIME NULL,
    failed DATETIME NULL,
    PRIMARY KEY (event_id),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_timestamp (timestamp),
    INDEX idx_scheduled (scheduled),
    INDEX idx_executed (executed),
    INDEX idx_success (success),
    INDEX idx_failed (failed),
    INDEX idx_executed_scheduled (executed, scheduled)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
