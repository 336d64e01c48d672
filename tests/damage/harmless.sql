-- Edits that a DBA may make: the copy loads, and check has no problem and no doubt.

-- case: comment with an apostrophe
-- check passes
-- query: event.read
- FROM event
+ FROM event -- it's the DBA's: see :ticket

-- case: comment with a hash
-- check passes
-- query: event.read
- FROM event
+ FROM event # don't ask for :that

-- case: comment before the SQL
-- check passes
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ /* why: it's asked for all the time */ SELECT id, timestamp, domain, rid, pid, name, data

-- case: comment in a session statement
-- check passes
-- query: session.begin
- START TRANSACTION;
+ start /* ours */ transaction;

-- case: comment in an alteration
-- check passes
-- query: log.drop_partition
- ALTER TABLE log DROP PARTITION :partition;
+ alter table `log` -- ours
+  DROP PARTITION :partition;

-- case: index added to a table
-- check passes
-- query: hub.create_table
-     PRIMARY KEY (id),
+     PRIMARY KEY (id), INDEX idx_ours (quit, id),

-- case: function called replace
-- REPLACE is also a statement that writes.
-- check passes
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND REPLACE(name, 'a', 'b') <> '';

-- case: write with another predicate
-- check passes
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE (consumed_hub IS NULL) AND publisher <> '' AND :event_id = `EVENT_ID`;

-- case: write by an alias
-- check passes
-- query: event_published.update_to_consumed_by_hub
- UPDATE event_published FORCE INDEX (PRIMARY)
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ UPDATE event_published AS p FORCE INDEX (PRIMARY)
+ SET p.hub = :hub, p.consumed_hub = NOW()
+ WHERE p.event_id = :event_id AND consumed_hub IS NULL;

-- case: write of a joined table
-- check passes
-- query: event.delete
- DELETE FROM event
- WHERE id = :id;
+ DELETE event FROM event STRAIGHT_JOIN (SELECT 1) AS one
+ WHERE event.id = :id;

-- case: write with a hint
-- check passes
-- query: event.delete
- DELETE FROM event
+ DELETE /*+ NO_ICP(event) */ FROM event

-- case: white space
-- check passes
-- query: event.read
- FROM event
- WHERE id = :id;
+   FROM	event
+
+   WHERE id=:id  ;

-- case: reordered predicates
-- check passes
-- query: event.read_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid
+ WHERE pid = :pid AND domain = :domain

-- case: extra hint
-- check passes
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT /*+ NO_ICP(event) */ id, timestamp, domain, rid, pid, name, data

-- case: equivalent join
-- check passes
-- query: event_scheduled.read
- INNER JOIN event ON event.id = event_scheduled.event_id
+ STRAIGHT_JOIN event ON event_scheduled.event_id = event.id

-- case: lower case
-- check passes
-- query: event_eid.persist
- INSERT INTO event_eid (event_id, eid)
- VALUES (:event_id, :eid);
+ insert into event_eid (event_id, eid)
+ values(:event_id, :eid);

-- case: backticks
-- check passes
-- query: event.read
- FROM event
- WHERE id = :id;
+ FROM `event`
+ WHERE `id` = :id;

-- case: alias
-- check passes
-- query: event.read
- FROM event
- WHERE id = :id;
+ FROM event AS e
+ WHERE e.id = :id;

-- case: raw percent
-- PyMySQL would take it for a placeholder.
-- check passes
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND name LIKE '%' AND 7 % 4 = 3;

-- case: quote behind a backslash
-- check passes
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND name <> 'it\'s :not one';

-- case: colon in a string
-- check passes
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND name <> "12:30 :x" AND name <> 'a'':b';

-- case: question mark in a string
-- check passes
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id AND name <> 'what?';

-- case: another purpose
-- check passes
-- query: event.read
- -- Read an event.
+ -- Read an event: the one asked for.

-- case: parameters in another order
-- check passes
-- query: event.read_by_domain_and_pid
- -- name: read_by_domain_and_pid(domain, pid, limit)
+ -- name: read_by_domain_and_pid(limit, pid, domain)

-- case: between spelled out
-- check passes
-- query: event.read_by_domain_and_pid_between_timestamps
- WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
+ WHERE domain = :domain AND pid = :pid AND timestamp >= :start AND timestamp <= :end
