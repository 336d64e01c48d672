-- Only a server can say these: names that it does not know, and result columns other than the record promises.

-- case: syntax error
-- check finds: event.read_by_eid: (1064)
-- query: event.read_by_eid
-     WHERE event_eid.eid = :eid
+     WERE event_eid.eid = :eid

-- case: unknown table
-- check finds: event.read: events' doesn't exist (1146)
-- query: event.read
- FROM event
+ FROM events

-- case: unknown column
-- check finds: event.read: Unknown column 'piid'…(1054)
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, piid AS pid, name, data

-- case: unknown column in where
-- check finds: event_published.update_to_consumed_by_hub: Unknown column 'consumed_by'
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE event_id = :event_id AND consumed_hub IS NULL AND consumed_by IS NULL;

-- case: unknown index
-- check finds: event.read_by_domain_and_pid: idx_pid…(1176)
-- query: event.read_by_domain_and_pid
- FROM event FORCE INDEX (idx_domain_pid)
+ FROM event FORCE INDEX (idx_pid)

-- case: result column renamed
-- check finds: event.read: rid, process, name…promised… rid, pid, name
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, pid AS process, name, data

-- case: result column dropped
-- check finds: event.read: pid, name; promised: …name, data
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, pid, name

-- case: result column added
-- check finds: event.read: data, extra; promised
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, pid, name, data, 1 AS extra

-- case: result columns reordered
-- check finds: event.read: domain, pid, rid…promised…domain, rid, pid
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, pid, rid, name, data

-- case: result column retyped
-- check finds: event.read: timestamp is varchar(30); promised: datetime(3)
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, CAST(timestamp AS CHAR(30)) AS timestamp, domain, rid, pid, name, data

-- case: result column of less precision
-- Milliseconds would be lost.
-- check finds: event.read: timestamp is datetime; promised: datetime(3)
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, CAST(timestamp AS DATETIME) AS timestamp, domain, rid, pid, name, data

-- case: result column may be null
-- check finds: event_scheduled.read: result column domain may be NULL; ScheduledEvent promises that it is not
-- query: event_scheduled.read
- INNER JOIN event ON event.id = event_scheduled.event_id
+ LEFT JOIN event ON event.id = event_scheduled.event_id

-- case: scalar of another column
-- check finds: event_eid.read_by_event_id: event_id; promised: eid
-- query: event_eid.read_by_event_id
- SELECT eid
+ SELECT event_id
