-- Edits of CREATE TABLE: what they break in the queries, and how the tables of a live database differ from them.

-- case: partition renamed
-- check finds: log.archive: the server says
-- query: log.create_table
-     PARTITION p_hot VALUES LESS THAN MAXVALUE
+     PARTITION p_warm VALUES LESS THAN MAXVALUE

-- case: index dropped
-- check finds: event.read_page_by_eid: idx_eid
-- check finds: event.read_by_eid: promised: event_eid.idx_eid (eid)
-- diff finds: index idx_eid: ours none; live (eid)
-- query: event_eid.create_table
-     FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
-     INDEX idx_eid (eid)
+     FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE

-- case: index of fewer columns
-- check finds: event.read_by_domain_and_pid: idx_domain_pid (domain); promised: event.idx_domain_pid (domain, pid)
-- diff finds: index idx_domain_pid: ours (domain); live (domain, pid, timestamp)
-- query: event.create_table
-     INDEX idx_domain_pid (domain, pid, timestamp)
+     INDEX idx_domain_pid (domain)

-- case: column retyped
-- check finds: event.read: timestamp is datetime; promised: datetime(3)
-- diff finds: column timestamp: ours datetime NOT NULL DEFAULT CURRENT_TIMESTAMP; live datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
-- query: event.create_table
-     timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
+     timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP(),

-- case: column may be null
-- check finds: hub.read: external_ip may be NULL
-- check finds: hub.read_online: external_ip may be NULL
-- diff finds: column external_ip: ours varchar(45) NULL; live varchar(45) NOT NULL
-- query: hub.create_table
-     external_ip VARCHAR(45) NOT NULL,
+     external_ip VARCHAR(45) NULL,

-- case: column added
-- check finds: event_cpid.persist: event_cpid.note is NOT NULL without a default there, and gets no value (1364)
-- check finds: event_cpid.persist_in_domain: gets no value (1364)
-- diff finds: column note: ours varchar(64) NOT NULL COLLATE ascii_bin; live none
-- query: event_cpid.create_table
      cpid VARCHAR(64) NOT NULL,
+     note VARCHAR(64) NOT NULL,

-- case: schema syntax error
-- check finds: event.create_table: (1064)
-- query: event.create_table
-     data JSON NOT NULL,
+     data JSON NOT NUL,
