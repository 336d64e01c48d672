-- A write reaches the table that the contract names, and writes each column from the value meant for it.

-- case: delete without where
-- load raises: is DELETE without WHERE
-- query: event.delete
- WHERE id = :id;
+ ORDER BY id = :id LIMIT 1;

-- case: update without where
-- load raises: is UPDATE without WHERE
-- query: certificate.revoke_past_validity_period
- WHERE version = 0 AND validity < CURRENT_TIMESTAMP();
+ ;

-- case: update of a wrong table
-- load raises: writes to event_scheduled, the contract says event_published
-- query: event_published.update_to_consumed_by_hub
- UPDATE event_published FORCE INDEX (PRIMARY)
+ UPDATE event_scheduled FORCE INDEX (PRIMARY)

-- case: update of a joined table
-- load raises: writes to hub, the contract says event_published
-- query: event_published.update_to_consumed_by_hub
- UPDATE event_published FORCE INDEX (PRIMARY)
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ UPDATE event_published INNER JOIN hub ON TRUE
+ SET hub.quit = :hub, event_published.consumed_hub = CURRENT_TIMESTAMP()

-- case: update of a joined table by its alias
-- The alias has the name of a table; what counts is the table behind it.
-- load raises: writes to hub, the contract says event_published
-- query: event_published.update_to_consumed_by_hub
- UPDATE event_published FORCE INDEX (PRIMARY)
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ UPDATE event_published, hub AS event
+ SET event.quit = :hub, event_published.consumed_hub = CURRENT_TIMESTAMP()

-- case: update of a column of either table
-- Without the table's name the column may be that of either table.
-- load raises: write table.column
-- query: event_published.update_to_consumed_by_hub
- UPDATE event_published FORCE INDEX (PRIMARY)
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ UPDATE event_published INNER JOIN hub ON TRUE
+ SET quit = :hub, consumed_hub = CURRENT_TIMESTAMP()

-- case: delete from two tables
-- load raises: writes to hub, the contract says event
-- query: event.delete
- DELETE FROM event
+ DELETE event, hub FROM event INNER JOIN hub ON TRUE

-- case: delete from two tables using
-- load raises: writes to hub, the contract says event
-- query: event.delete
- DELETE FROM event
+ DELETE FROM event, hub USING event INNER JOIN hub

-- case: insert ignore
-- A duplicate and a missing event would go unnoticed.
-- load raises: IGNORE hides rows
-- query: event.persist
- INSERT INTO event (id, timestamp, domain, rid, pid, name, data)
+ INSERT IGNORE INTO event (id, timestamp, domain, rid, pid, name, data)

-- case: on duplicate key
-- A duplicate would overwrite what is there.
-- load raises: DUPLICATE hides rows
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data) ON DUPLICATE KEY UPDATE name = name;

-- case: insert select
-- Batches repeat the group of VALUES.
-- load raises: must be INSERT INTO table (columns) VALUES (one group)
-- query: event_eid.persist
- VALUES (:event_id, :eid);
+ SELECT :event_id, :eid;

-- case: values swapped
-- load raises: must write event_id from :event_id
-- query: event_eid.persist
- VALUES (:event_id, :eid);
+ VALUES (:eid, :event_id);

-- case: default of an inner row
-- Where no time is given the parameter becomes DEFAULT, which is valid only as the value of the column itself.
-- load raises: must have :timestamp alone
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, NOW(3), (SELECT d.a FROM (VALUES ROW(:domain, :timestamp)) AS d (a, b)), :rid, :pid, :name, :data);

-- case: default inside an expression
-- Where no time is given the parameter becomes DEFAULT, which is valid only as the value of the column itself.
-- load raises: must have :timestamp alone as the value of its column
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, COALESCE(:timestamp, NOW(3)), :domain, :rid, :pid, :name, :data);

-- case: column not set
-- load raises: must write consumed_hub, as the package's does
-- query: event_published.update_to_consumed_by_hub
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ SET hub = :hub, consumed_spoke = CURRENT_TIMESTAMP()

-- case: column set from another parameter
-- load raises: must write hub from :hub
-- query: event_published.update_to_consumed_by_hub
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ SET hub = :event_id, consumer = :hub, consumed_hub = CURRENT_TIMESTAMP()
