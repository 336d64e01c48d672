-- Edits of CREATE TABLE that services would notice, each told of an overlay before it ships.

-- case: name narrower
-- check finds: event.read: promised:
-- query: event.create_table
-     name VARCHAR(64) NOT NULL,
+     name VARCHAR(32) NOT NULL,

-- case: message narrower
-- check finds: log.read_list: promised:
-- query: log.create_table
-     message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
+     message VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,

-- case: certificate narrower
-- check finds: certificate.read: promised:
-- query: certificate.create_table
-     cert TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
+     cert VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,

-- case: key narrower
-- check finds: certificate.read: promised:
-- query: certificate.create_table
-     `key` BLOB NOT NULL,
+     `key` TINYBLOB NOT NULL,

-- case: port signed
-- check finds: hub.persist: the tables refuse it
-- query: hub.create_table
-     external_port SMALLINT UNSIGNED NOT NULL,
+     external_port SMALLINT NOT NULL,

-- case: address as in 4.1
-- check finds: hub.read: promised:
-- query: hub.create_table
-     external_ip VARCHAR(45) NOT NULL,
+     external_ip VARCHAR(15) NOT NULL,

-- case: attempts smaller
-- check finds: event_published.create_table: refuses rows
-- query: event_published.create_table
-     attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE,
+     attempts TINYINT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE,

-- case: time without milliseconds
-- check finds: log.read_list: promised:
-- query: log.create_table
-     timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
+     timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),

-- case: other default
-- check finds: event_published.create_table: the package's
-- query: event_published.create_table
-     attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE,
+     attempts SMALLINT UNSIGNED NOT NULL DEFAULT 1 INVISIBLE,

-- case: default in the past
-- check finds: event_published.create_table: the package's
-- query: event_published.create_table
-     available DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP() INVISIBLE,
+     available DATETIME NOT NULL DEFAULT '1970-01-02' INVISIBLE,

-- case: version by default
-- check finds: certificate.create_table: the package's
-- query: certificate.create_table
-     version INT UNSIGNED NOT NULL DEFAULT 0,
+     version INT UNSIGNED NOT NULL DEFAULT 1,

-- case: updated no more
-- check finds: certificate.create_table: the package's
-- query: certificate.create_table
-     updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
+     updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

-- case: timestamp set at each update
-- check finds: event.create_table: the package's
-- query: event.create_table
-     timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
+     timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),

-- case: deletes answers
-- check finds: event.create_table: the package's
-- query: event.create_table
-     FOREIGN KEY (rid) REFERENCES event (id) ON DELETE SET NULL,
+     FOREIGN KEY (rid) REFERENCES event (id) ON DELETE CASCADE,

-- case: deletes no associations
-- check finds: event_eid.create_table: the package's
-- query: event_eid.create_table
-     FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
+     FOREIGN KEY (event_id) REFERENCES event (id),

-- case: no reference to events
-- load raises: names the tables event_scheduled, the package's event, event_scheduled
-- query: event_scheduled.create_table
-     FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
      INDEX idx_timestamp (timestamp),

-- case: no reference to hubs
-- load raises: names the tables event, event_published, the package's event, event_published, hub
-- query: event_published.create_table
-     FOREIGN KEY (hub) REFERENCES hub (id),
      FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,

-- case: reference to hubs that deletes
-- check finds: event_published.create_table: the package's
-- query: event_published.create_table
-     FOREIGN KEY (hub) REFERENCES hub (id),
+     FOREIGN KEY (hub) REFERENCES hub (id) ON DELETE CASCADE,

-- case: consumer has to be a hub
-- check finds: event_published.create_table: the package's
-- query: event_published.create_table
-     FOREIGN KEY (hub) REFERENCES hub (id),
+     FOREIGN KEY (hub) REFERENCES hub (id), FOREIGN KEY (consumer) REFERENCES hub (id),

-- case: case does not matter
-- check finds: event_cpid.create_table: the server says
-- query: event.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
+ ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_general_ci;

-- case: another character set
-- check finds: event_eid.create_table: the server says
-- query: event_eid.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
+ ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- case: agent in any case
-- check finds: log.create_table: the package's
-- query: log.create_table
-     agent VARCHAR(64) NOT NULL,
+     agent VARCHAR(64) COLLATE ascii_general_ci NOT NULL,

-- case: message in ascii
-- check finds: log.persist: the tables refuse it
-- query: log.create_table
-     message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
+     message TEXT NOT NULL,

-- case: one name once
-- check finds: event.create_table: refuses rows
-- query: event.create_table
-     INDEX idx_name (name, timestamp),
+     INDEX idx_name (name, timestamp), UNIQUE idx_once (domain, pid, timestamp),

-- case: key of fewer columns
-- check finds: event_cpid.create_table: refuses rows
-- query: event_cpid.create_table
-     PRIMARY KEY (event_id, domain, cpid),
+     PRIMARY KEY (event_id, cpid),

-- case: one address for one hub
-- check finds: hub.create_table: refuses rows
-- query: hub.create_table
-     INDEX idx_external_ip_port (external_ip, external_port),
+     UNIQUE idx_external_ip_port (external_ip, external_port),

-- case: column required
-- check finds: event_scheduled.persist: gets no value
-- query: event_scheduled.create_table
-     scheduled DATETIME NOT NULL,
+     scheduled DATETIME NOT NULL, note VARCHAR(64) NOT NULL,

-- case: engine without transactions
-- check finds: event_published.create_table: the server says
-- query: hub.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
+ ENGINE = MyISAM CHARACTER SET ascii COLLATE ascii_bin;

-- case: no partitions
-- check finds: certificate.create_table: the package's
-- query: certificate.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin
- PARTITION BY RANGE (version) (
-     PARTITION p_hot VALUES LESS THAN (1),
-     PARTITION p_cold VALUES LESS THAN MAXVALUE
- );
+ ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;

-- case: partitions by month
-- check finds: log.create_table: the package's
-- query: log.create_table
- PARTITION BY RANGE (TO_DAYS(timestamp)) (
+ PARTITION BY RANGE (YEAR(timestamp) * 12 + MONTH(timestamp)) (

-- case: index without its time
-- check finds: event.read_purgeable: promised:
-- query: event.create_table
-     INDEX idx_domain (domain, timestamp),
+     INDEX idx_domain (domain),

-- case: index of claims in another order
-- check finds: event_published.read_without_domain: promised:
-- query: event_published.create_table
-     INDEX idx_claim (domain, success, failed, orphan, available)
+     INDEX idx_claim (domain, available, success, failed, orphan)

-- case: index invisible on MySQL
-- check finds: event_scheduled.create_table: the package's
-- query: event_scheduled.create_table
-     INDEX idx_scheduled (scheduled),
      INDEX idx_executed (executed),

-- case: check of a port
-- check finds: hub.create_table: refuses rows
-- query: hub.create_table
-     PRIMARY KEY (id),
+     PRIMARY KEY (id), CHECK (external_port > 0),

-- case: check of an address
-- check finds: hub.create_table: refuses rows
-- query: hub.create_table
-     PRIMARY KEY (id),
+     PRIMARY KEY (id), CHECK (external_ip LIKE '%.%'),

-- case: consumer never NULL
-- check finds: event_published.create_table: refuses rows
-- query: event_published.create_table
-     consumer VARCHAR(64) NULL,
+     consumer VARCHAR(64) NOT NULL DEFAULT '',
