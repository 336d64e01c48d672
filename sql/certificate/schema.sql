-- name: create_table()#
-- method: create_table_certificate
-- Create the table certificate where it is missing.
-- Certificates: version 0 is the active one of its id, higher versions are revoked ones, kept apart in p_cold.
-- idx_id is an addition to upstream: revoking finds the newest version of an id without reading the archive.
-- returns: none
-- error: E_EVENTFLOW_DB_CREATE_TABLE_CERTIFICATE could not create table certificate
-- index: none
-- idempotent: yes
-- timeout: ddl
CREATE TABLE IF NOT EXISTS certificate (
    created DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    version INT UNSIGNED NOT NULL DEFAULT 0,
    id VARCHAR(64) NOT NULL,
    cert TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
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
ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin
PARTITION BY RANGE (version) (
    PARTITION p_hot VALUES LESS THAN (1),
    PARTITION p_cold VALUES LESS THAN MAXVALUE
);
