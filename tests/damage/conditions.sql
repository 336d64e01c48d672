-- The conditions that pick the row, and those that guard a claim or a version, stay in the WHERE of the query.

-- case: range for equality
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- WHERE id = :id;
+ WHERE id >= :id;

-- case: like for equality
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- WHERE id = :id;
+ WHERE id LIKE :id;

-- case: leading wildcard
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- WHERE id = :id;
+ WHERE id LIKE CONCAT('%', :id);

-- case: or beside equality
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- WHERE id = :id;
+ WHERE id = :id OR TRUE;

-- case: equality negated
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- WHERE id = :id;
+ WHERE NOT (id = :id);

-- case: equality of a joined table
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- DELETE FROM event
- WHERE id = :id;
+ DELETE event FROM event INNER JOIN hub ON TRUE
+ WHERE hub.id = :id;

-- case: equality of the same table again
-- The condition picks rows of the second mention, and rows of the first are deleted.
-- load raises: must keep id = :id in its WHERE
-- query: event.delete
- DELETE FROM event
- WHERE id = :id;
+ DELETE event FROM event INNER JOIN event AS e ON TRUE
+ WHERE e.id = :id;

-- case: parameters swapped
-- load raises: must keep event_id = :event_id
-- query: event_eid.delete
- WHERE event_id = :event_id AND eid = :eid;
+ WHERE event_id = :eid AND eid = :event_id;

-- case: delete by part of the key
-- load raises: must keep event_id = :event_id
-- query: event_eid.delete
- WHERE event_id = :event_id AND eid = :eid;
+ WHERE CONCAT(event_id, '') = :event_id AND eid = :eid;

-- case: guard of a claim lost
-- Two callers would both win the claim.
-- load raises: must keep consumed_hub IS NULL in its WHERE
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE event_id = :event_id;

-- case: guard of another column
-- load raises: must keep consumed_hub IS NULL
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE event_id = :event_id AND consumed_spoke IS NULL;

-- case: guard of the version lost
-- Every version would be revoked again.
-- load raises: must keep version = 0
-- query: certificate.revoke
- WHERE version = 0 AND id = :id;
+ WHERE id = :id;

-- case: guard of the validity lost
-- Valid certificates would be revoked.
-- load raises: must keep validity < CURRENT_TIMESTAMP()
-- query: certificate.revoke_past_validity_period
- WHERE version = 0 AND validity < CURRENT_TIMESTAMP();
+ WHERE version = 0;

-- case: range for equality of a row
-- load raises: must keep id = :id in its WHERE
-- query: event.read
- WHERE id = :id;
+ WHERE id >= :id LIMIT 1;

-- case: function on the key of a row
-- load raises: must keep id = :id
-- query: event.read
- WHERE id = :id;
+ WHERE LOWER(id) = :id;

-- case: collation of the key of a row
-- Another collation takes A and a for one.
-- load raises: must keep id = :id
-- query: event.read
- WHERE id = :id;
+ WHERE id COLLATE utf8mb4_general_ci = :id;

-- case: or beside the key of a row
-- load raises: must keep event_id = :event_id
-- query: event_published.read
- WHERE event_published.event_id = :event_id;
+ WHERE (event_published.event_id = :event_id OR event_published.publisher = :event_id);

-- case: union of a row
-- load raises: must keep id = :id
-- query: event.read
- WHERE id = :id;
+ WHERE id = :id UNION SELECT id, timestamp, domain, rid, pid, name, data FROM event;
