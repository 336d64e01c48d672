-- name: create_table()#
-- method: create_table_event_cpid
-- Create the table event_cpid where it is missing.
-- The correlated processes (cpid) that an event belongs to, each of a domain; '' is the event's own.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_EVENT_CPID could not create table event_cpid
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS event_cpid (
    event_id VARCHAR(64) NOT NULL,
    domain VARCHAR(64) NOT NULL DEFAULT '',
    cpid VARCHAR(64) NOT NULL,
    PRIMARY KEY (event_id, domain, cpid),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_cpid (cpid),
    INDEX idx_domain_cpid (domain, cpid)
)
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
