-- More edits that a DBA may make: reformatted, equivalent, with hints, indexes and columns of their own.

-- case: formatted otherwise
-- check passes
-- query: event.read_by_domain_and_pid
- SELECT id, timestamp, domain, rid, pid, name, data
- FROM event FORCE INDEX (idx_domain_pid)
- WHERE domain = :domain AND pid = :pid
- ORDER BY timestamp, id
- LIMIT :limit;
+ select
+   id,
+   timestamp,
+   domain, rid, pid, name, data
+ from event force index (idx_domain_pid)
+ where (domain = :domain)
+   and (pid = :pid)
+ order by timestamp asc, id asc
+ limit :limit;

-- case: alias of a table
-- check passes
-- query: event.read_by_domain_and_pid
- SELECT id, timestamp, domain, rid, pid, name, data
- FROM event FORCE INDEX (idx_domain_pid)
- WHERE domain = :domain AND pid = :pid
- ORDER BY timestamp, id
+ SELECT e.id, e.timestamp, e.domain, e.rid, e.pid, e.name, e.data
+ FROM event AS e FORCE INDEX (idx_domain_pid)
+ WHERE e.domain = :domain AND e.pid = :pid
+ ORDER BY e.timestamp, e.id

-- case: time limit of five seconds
-- check passes
-- query: event.read_by_domain_and_pid
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT /*+ MAX_EXECUTION_TIME(5000) */ id, timestamp, domain, rid, pid, name, data

-- case: read by a CTE
-- check passes
-- query: event.read
+ WITH one AS (SELECT id, timestamp, domain, rid, pid, name, data FROM event WHERE id = :id)
  SELECT id, timestamp, domain, rid, pid, name, data
- FROM event
- WHERE id = :id;
+ FROM one;

-- case: list by a CTE
-- check passes
-- query: event.read_by_eid
  FROM (
+     WITH some AS (SELECT event_id FROM event_eid FORCE INDEX (idx_eid) WHERE eid = :eid)
      SELECT event.id, event.timestamp
-     FROM event_eid
-     STRAIGHT_JOIN event ON event.id = event_eid.event_id
-     WHERE event_eid.eid = :eid
+     FROM some
+     STRAIGHT_JOIN event ON event.id = some.event_id
      ORDER BY event.timestamp, event.id
      LIMIT :limit
  ) AS found

-- case: subquery for a join
-- check passes
-- query: event.read_page_by_domain_and_eid
- WHERE event_eid.eid = :eid AND event_eid.event_id > :after AND event.domain = :domain
+ WHERE
+     event_eid.eid = :eid AND event_eid.event_id > :after
+     AND (SELECT same.domain FROM event AS same WHERE same.id = event_eid.event_id) = :domain

-- case: range by two comparisons
-- check passes
-- query: event.read_by_domain_and_pid_between_timestamps
- WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
+ WHERE domain = :domain AND pid = :pid AND timestamp >= :start AND timestamp <= :end

-- case: partition named
-- check passes
-- query: certificate.read
- FROM certificate
+ FROM certificate PARTITION (p_hot)
  WHERE version = 0 AND id = :id;

-- case: time as NOW
-- check passes
-- query: event_published.update_to_consumed_by_hub
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ SET hub = :hub, consumed_hub = NOW()

-- case: null-safe equality
-- check passes
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE event_id = :event_id AND consumed_hub <=> NULL;

-- case: brackets around conditions
-- check passes
-- query: event_published.update_to_consumed_by_spoke
- WHERE event_id = :event_id AND consumed_spoke IS NULL;
+ WHERE (((event_id = :event_id)) AND (consumed_spoke IS NULL));

-- case: comment behind the end of an insert
-- check passes
-- query: event_eid.persist
- VALUES (:event_id, :eid);
+ VALUES (:event_id, :eid); -- ours; :eid

-- case: columns of an insert in another order
-- check passes
-- query: hub.persist
- INSERT INTO hub (id, external_ip, external_port, internal_ip, internal_port)
- VALUES (:id, :external_ip, :external_port, :internal_ip, :internal_port);
+ INSERT INTO hub (internal_port, internal_ip, external_port, external_ip, id)
+ VALUES (:internal_port, :internal_ip, :external_port, :external_ip, :id);

-- case: DISTINCT for GROUP BY
-- check passes
-- query: event.read_domains
- SELECT domain
+ SELECT DISTINCT domain
  FROM event FORCE INDEX (idx_domain)
  WHERE domain > ''
- GROUP BY domain

-- case: number for a name in the order
-- check passes
-- query: event.read_distinct_pid_by_domain
- ORDER BY pid
+ ORDER BY 1

-- case: equal condition turned round
-- check passes
-- query: event_scheduled.update_executed
- WHERE event_id = :event_id AND executed IS NULL;
+ WHERE executed IS NULL AND :event_id = event_id;

-- case: equality for a list of one
-- check passes
-- query: event_cpid.read_by_event_id
- WHERE event_id = :event_id
+ WHERE event_id IN (:event_id, :event_id)

-- case: join of reschedule formatted otherwise
-- check passes
-- query: event_scheduled.reschedule_event
- SET event_scheduled.scheduled = :scheduled, event_published.available = :scheduled
+ SET event_published.available = :scheduled, event_scheduled.scheduled = :scheduled

-- case: index hint left out
-- check passes
-- query: event.read_by_rid
-     FROM event FORCE INDEX (idx_rid)
+     FROM event USE INDEX (idx_rid)

-- case: nullable column added
-- check passes
-- query: event.create_table
-     data JSON NOT NULL,
+     data JSON NOT NULL, tenant VARCHAR(64) NULL,

-- case: comment and row format of a table
-- check passes
-- query: event.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
+ ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin ROW_FORMAT = DYNAMIC COMMENT = 'ours';

-- case: generated column added
-- check passes
-- query: event.create_table
-     data JSON NOT NULL,
+     data JSON NOT NULL, total INT GENERATED ALWAYS AS (JSON_VALUE(data, '$.total')) VIRTUAL,

-- case: statistics and comment of a column
-- check passes
-- query: hub.create_table
-     internal_port SMALLINT UNSIGNED NOT NULL,
+     internal_port SMALLINT UNSIGNED NOT NULL COMMENT 'of the hub',

-- case: partitions ahead
-- check passes
-- query: log.create_table
+     PARTITION p_cold_20300101 VALUES LESS THAN (TO_DAYS('2030-01-01')),
      PARTITION p_hot VALUES LESS THAN MAXVALUE

-- case: comment of a partition
-- check passes
-- query: certificate.create_table
-     PARTITION p_hot VALUES LESS THAN (1),
+     PARTITION p_hot VALUES LESS THAN (1) COMMENT = 'ours',

-- case: covering index with its hint
-- check passes
-- query: event_cpid.create_table
-     INDEX idx_domain_cpid (domain, cpid)
+     INDEX idx_domain_cpid (domain, cpid), INDEX idx_ours (cpid, domain, event_id)

-- case: checksum of a table
-- check passes
-- query: event_cpid.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;
+ CHECKSUM = 1 ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;

-- case: limit at the end rather than in a derived table
-- check passes
-- query: event.read_by_eid
- SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
- FROM (
-     SELECT event.id, event.timestamp
-     FROM event_eid
-     STRAIGHT_JOIN event ON event.id = event_eid.event_id
-     WHERE event_eid.eid = :eid
-     ORDER BY event.timestamp, event.id
-     LIMIT :limit
- ) AS found
- STRAIGHT_JOIN event FORCE INDEX (PRIMARY) ON event.id = found.id
- ORDER BY found.timestamp, found.id;
+ SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
+ FROM event_eid FORCE INDEX (idx_eid)
+ STRAIGHT_JOIN event ON event.id = event_eid.event_id
+ WHERE event_eid.eid = :eid
+ ORDER BY event.timestamp, event.id
+ LIMIT :limit;
