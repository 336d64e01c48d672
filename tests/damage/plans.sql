-- The server's plan uses the index that the annotation promises, with all of its columns.

-- case: function on the second column
-- Only the first column of the index is used.
-- check finds: event.read_by_domain_and_pid: event.idx_domain_pid (domain); promised: event.idx_domain_pid (domain, pid)
-- query: event.read_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid
+ WHERE domain = :domain AND LOWER(pid) = :pid

-- case: position of a page by its time alone
-- Every page would begin at the first of the events that have one timestamp.
-- check finds: event.read_page_by_domain_and_pid: promised: event.idx_domain_pid (domain, pid, timestamp, id)
-- query: event.read_page_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp = :timestamp AND id > :id))
+ WHERE domain = :domain AND pid = :pid AND timestamp >= :timestamp AND (timestamp > :timestamp OR id > :id)

-- case: function on the column
-- check finds: event.read_by_eid: scans event_eid
-- query: event.read_by_eid
-     WHERE event_eid.eid = :eid
+     WHERE LOWER(event_eid.eid) = :eid

-- case: leading wildcard
-- check finds: event.read_by_eid: scans event_eid
-- query: event.read_by_eid
-     WHERE event_eid.eid = :eid
+     WHERE event_eid.eid LIKE CONCAT('%', :eid)

-- case: wrong collation
-- check finds: event.read_by_eid: scans event_eid
-- query: event.read_by_eid
-     WHERE event_eid.eid = :eid
+     WHERE event_eid.eid COLLATE ascii_general_ci = :eid

-- case: or without an index
-- check finds: hub.read_online: scans hub
-- query: hub.read_online
- WHERE quit IS NULL
+ WHERE (quit IS NULL OR external_port = 1)

-- case: calculation on the column
-- check finds: hub.read_online: scans hub
-- query: hub.read_online
- WHERE quit IS NULL
+ WHERE COALESCE(quit, '1000-01-01') = '1000-01-01'

-- case: hint lost
-- check finds: event.read_by_domain_and_pid: promised: event.idx_domain_pid
-- query: event.read_by_domain_and_pid
- FROM event FORCE INDEX (idx_domain_pid)
+ FROM event

-- case: index ignored
-- check finds: event.read_by_domain_and_pid: promised: event.idx_domain_pid
-- query: event.read_by_domain_and_pid
- FROM event FORCE INDEX (idx_domain_pid)
+ FROM event IGNORE INDEX (idx_domain_pid)

-- case: join turned round
-- The join reads the wrong table first.
-- check finds: event.read_by_eid: scans event
-- query: event.read_by_eid
-     FROM event_eid
-     STRAIGHT_JOIN event ON event.id = event_eid.event_id
+     FROM event
+     STRAIGHT_JOIN event_eid ON event.id = event_eid.event_id

-- case: annotation of another index
-- check finds: event.read: plan: event.PRIMARY…promised: event.idx_rid
-- query: event.read
- -- index: event.PRIMARY (id)
+ -- index: event.idx_rid

-- case: table of no index
-- The query promises that it reads no table; the id is one that `check` fills its tables with.
-- check finds: lock.release: plan: hub.PRIMARY…promised: none
-- query: lock.release
- SELECT RELEASE_LOCK(:reference) AS released;
+ SELECT RELEASE_LOCK(:reference) AS released FROM hub WHERE id = '000000001-hub';
