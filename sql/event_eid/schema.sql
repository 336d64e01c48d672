-- name: create_table()#
-- method: create_table_event_eid
-- Create the table event_eid where it is missing.
-- The entities (eid) that an event is about.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_EVENT_EID could not create table event_eid
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS event_eid (
    event_id VARCHAR(64) NOT NULL,
    eid VARCHAR(64) NOT NULL,
    PRIMARY KEY (event_id, eid),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_eid (eid)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
