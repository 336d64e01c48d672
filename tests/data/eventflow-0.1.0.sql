-- The tables of release 0.1.0 of this library.
CREATE TABLE IF NOT EXISTS certificate (
    created DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    version INT UNSIGNED NOT NULL DEFAULT 0,
    id VARCHAR(64) NOT NULL,
    cert TEXT NOT NULL,
    `key` BLOB NOT NULL,
    key_iv VARBINARY(16) NOT NULL,
    key_salt VARBINARY(16) NOT NULL,
    key_tag VARBINARY(16) NOT NULL,
    pass BLOB NOT NULL,
    pass_iv VARBINARY(16) NOT NULL,
    pass_salt VARBINARY(16) NOT NULL,
    pass_tag VARBINARY(16) NOT NULL,
    validity DATETIME NOT NULL,
    revoked DATETIME NULL,
    PRIMARY KEY (version, id),
    INDEX idx_id (id)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
PARTITION BY RANGE (version) (
    PARTITION p_hot VALUES LESS THAN (1),
    PARTITION p_cold VALUES LESS THAN MAXVALUE
);
CREATE TABLE IF NOT EXISTS hub (
    id VARCHAR(64) NOT NULL,
    timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),
    external_ip VARCHAR(16) NOT NULL,
    external_port SMALLINT UNSIGNED NOT NULL,
    internal_ip VARCHAR(16) NOT NULL,
    internal_port SMALLINT UNSIGNED NOT NULL,
    quit DATETIME NULL,
    PRIMARY KEY (id),
    INDEX idx_timestamp (timestamp),
    INDEX idx_external_ip_port (external_ip, external_port),
    INDEX idx_internal_ip_port (internal_ip, internal_port),
    INDEX idx_quit_timestamp (quit, timestamp)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
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
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS event_cpid (
    event_id VARCHAR(64) NOT NULL,
    cpid VARCHAR(64) NOT NULL,
    PRIMARY KEY (event_id, cpid),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_cpid (cpid)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS event_eid (
    event_id VARCHAR(64) NOT NULL,
    eid VARCHAR(64) NOT NULL,
    PRIMARY KEY (event_id, eid),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_eid (eid)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
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
    PRIMARY KEY (event_id),
    FOREIGN KEY (hub) REFERENCES hub (id),
    FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
    INDEX idx_published (published),
    INDEX idx_consumed_hub (consumed_hub),
    INDEX idx_consumed_spoke (consumed_spoke)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
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
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS log (
    timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    agent VARCHAR(64) NOT NULL,
    message TEXT NOT NULL,
    error JSON NOT NULL,
    seq BIGINT UNSIGNED AUTO_INCREMENT INVISIBLE,
    PRIMARY KEY (seq, timestamp),
    INDEX idx_timestamp (timestamp),
    INDEX idx_agent (agent)
)
ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
PARTITION BY RANGE (TO_DAYS(timestamp)) (
    PARTITION p_hot VALUES LESS THAN MAXVALUE
);
