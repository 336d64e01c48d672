-- Edits that parse and run, and do something else than the package's: other rows, other changes, more work.

-- case: end of a range left out
-- check finds: event.read_by_domain_and_pid_between_timestamps: the package's gives
-- query: event.read_by_domain_and_pid_between_timestamps
- WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
+ WHERE domain = :domain AND pid = :pid AND timestamp >= :start AND timestamp < :end

-- case: start of a range left out
-- check finds: event.read_by_domain_and_pid_between_timestamps: the package's gives
-- query: event.read_by_domain_and_pid_between_timestamps
- WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
+ WHERE domain = :domain AND pid = :pid AND timestamp > :start AND timestamp <= :end

-- case: range by days
-- check finds: event.read_by_domain_and_pid_between_timestamps: the package's gives
-- query: event.read_by_domain_and_pid_between_timestamps
- WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND :end
+ WHERE domain = :domain AND pid = :pid AND timestamp BETWEEN :start AND DATE(:end) + INTERVAL 1 DAY

-- case: page that gives its position again
-- check finds: event.read_page_by_domain_and_pid: the package's gives
-- query: event.read_page_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp = :timestamp AND id > :id))
+ WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp = :timestamp AND id >= :id))

-- case: page that skips what is of the same time
-- check finds: event.read_page_by_domain_and_pid: promised:
-- query: event.read_page_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp = :timestamp AND id > :id))
+ WHERE domain = :domain AND pid = :pid AND (timestamp > :timestamp OR (timestamp > :timestamp AND id > :id))

-- case: page from its position on
-- check finds: event.read_page_by_eid: the package's gives
-- query: event.read_page_by_eid
- WHERE event_eid.eid = :eid AND event_eid.event_id > :after
+ WHERE event_eid.eid = :eid AND event_eid.event_id >= :after

-- case: page of another domain too
-- check finds: event.read_page_by_domain_and_eid: the package's gives
-- query: event.read_page_by_domain_and_eid
- WHERE event_eid.eid = :eid AND event_eid.event_id > :after AND event.domain = :domain
+ WHERE event_eid.eid = :eid AND event_eid.event_id > :after AND event.domain LIKE :domain

-- case: page without associations of the event's domain
-- check finds: event.read_page_by_domain_and_cpid: the package's gives
-- query: event.read_page_by_domain_and_cpid
-             event_cpid.domain = '' AND event_cpid.cpid = :cpid AND event_cpid.event_id > :after
+             event_cpid.domain IS NULL AND event_cpid.cpid = :cpid AND event_cpid.event_id > :after

-- case: page by the owner's domain
-- check finds: event.read_page_by_domain_and_cpid: the package's gives
-- query: event.read_page_by_domain_and_cpid
-             AND owner.domain = :domain
+             AND owner.domain <> ''

-- case: case does not matter
-- check finds: event.read_by_domain_and_pid: promised:
-- query: event.read_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid
+ WHERE domain = :domain AND pid COLLATE ascii_general_ci = :pid

-- case: pattern for a name
-- check finds: event.read_by_domain_and_pid: sorts, which the package's does not
-- query: event.read_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid
+ WHERE domain LIKE :domain AND pid = :pid

-- case: either and not both
-- check finds: event.read_by_domain_and_pid: promised:
-- query: event.read_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid
+ WHERE domain = :domain OR pid = :pid

-- case: newest first
-- load raises: must keep ORDER BY timestamp, id at its end, as the package's does
-- query: event.read_by_domain_and_pid
- ORDER BY timestamp, id
+ ORDER BY timestamp DESC, id

-- case: by id before time
-- load raises: must keep ORDER BY timestamp, id at its end, as the package's does
-- query: event.read_by_domain_and_pid
- ORDER BY timestamp, id
+ ORDER BY id, timestamp

-- case: no order among the same time
-- load raises: must keep ORDER BY timestamp, id at its end, as the package's does
-- query: event.read_by_domain_and_pid
- ORDER BY timestamp, id
+ ORDER BY timestamp

-- case: limit moved inside
-- load raises: declares limit and does not use it: write :limit outside quotes and comments
-- query: event.read_by_eid
-     LIMIT :limit
+     LIMIT 18446744073709551615
  ) AS found

-- case: limit before the order
-- check finds: event.read_by_eid: the package's gives
-- query: event.read_by_eid
-     ORDER BY event.timestamp, event.id
+     ORDER BY event_eid.event_id
      LIMIT :limit

-- case: latest limited instead of first
-- check finds: event.read_by_eid: the package's gives
-- query: event.read_by_eid
-     ORDER BY event.timestamp, event.id
+     ORDER BY event.timestamp DESC, event.id
      LIMIT :limit

-- case: twice for two associations
-- check finds: event.read_by_domain_and_eid: the package's gives
-- query: event.read_by_domain_and_eid
-     WHERE event_eid.eid = :eid AND event.domain = :domain
+     WHERE event_eid.eid LIKE :eid AND event.domain = :domain

-- case: domain of the event alone
-- check finds: event.read_by_domain_and_cpid: the package's gives
-- query: event.read_by_domain_and_cpid
-         AND (event_cpid.domain = :domain OR event.domain = :domain) AND own.event_id IS NULL
+         AND event.domain = :domain AND own.event_id IS NULL

-- case: domain of the association alone
-- check finds: event.read_by_domain_and_cpid: the package's gives
-- query: event.read_by_domain_and_cpid
-         event_cpid.domain IN (:domain, '') AND event_cpid.cpid = :cpid
+         event_cpid.domain = :domain AND event_cpid.cpid = :cpid

-- case: event twice where it is associated twice
-- check finds: event.read_by_domain_and_cpid: the package's gives
-- query: event.read_by_domain_and_cpid
-         AND (event_cpid.domain = :domain OR event.domain = :domain) AND own.event_id IS NULL
+         AND (event_cpid.domain = :domain OR event.domain = :domain) AND COALESCE(own.event_id, '') <> '-'

-- case: names but one
-- check finds: event.read_by_domain_and_pid_and_names: the package's gives
-- query: event.read_by_domain_and_pid_and_names
- WHERE domain = :domain AND pid = :pid AND name IN :names
+ WHERE domain = :domain AND pid = :pid AND name NOT IN :names

-- case: names by case
-- check finds: event.read_by_domain_and_pid_and_names: the package's gives
-- query: event.read_by_domain_and_pid_and_names
- WHERE domain = :domain AND pid = :pid AND name IN :names
+ WHERE domain = :domain AND pid = :pid AND LOWER(name) IN :names

-- case: processes of recent events
-- check finds: event.read_distinct_pid_by_domain: the package's gives
-- query: event.read_distinct_pid_by_domain
- WHERE domain = :domain
+ WHERE domain = :domain AND timestamp > CURRENT_TIMESTAMP() - INTERVAL 1 DAY

-- case: processes without regard to case
-- check finds: event.read_distinct_pid_by_domain: the server says
-- query: event.read_distinct_pid_by_domain
- GROUP BY domain, pid
+ GROUP BY domain, LOWER(pid)

-- case: columns swapped
-- check finds: event.read: the package's gives
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, name AS pid, pid AS name, data

-- case: value for NULL
-- check finds: event.read: the package's gives
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, COALESCE(rid, id) AS rid, pid, name, data

-- case: data of JSON null as empty
-- check finds: event.read: the package's gives
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, timestamp, domain, rid, pid, name, IF(JSON_TYPE(data) = 'NULL', JSON_EXTRACT('{}', '$'), data) AS data

-- case: time to the second
-- check finds: event.read: the package's gives
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT id, CAST(CAST(timestamp AS DATETIME) AS DATETIME(3)) AS timestamp, domain, rid, pid, name, data

-- case: first instead of latest
-- check finds: event.read_latest_by_domain_and_pid: the package's gives
-- query: event.read_latest_by_domain_and_pid
- ORDER BY timestamp DESC, id DESC
+ ORDER BY timestamp, id

-- case: latest by id
-- check finds: event.read_latest_by_domain_and_pid: sorts, which the package's does not
-- query: event.read_latest_by_domain_and_pid
- ORDER BY timestamp DESC, id DESC
+ ORDER BY id DESC

-- case: latest of the same time
-- check finds: event.read_latest_by_domain_and_pid: sorts, which the package's does not
-- query: event.read_latest_by_domain_and_pid
- ORDER BY timestamp DESC, id DESC
+ ORDER BY timestamp DESC, id

-- case: answers of answers
-- check finds: event.read_by_rid: promised:
-- query: event.read_by_rid
-     WHERE rid = :rid
+     WHERE rid = :rid OR id = :rid

-- case: domains without those of one letter case
-- check finds: event.read_domains: the server says
-- query: event.read_domains
- GROUP BY domain
+ GROUP BY LOWER(domain)

-- case: purgeable though it is dead since
-- check finds: event.read_purgeable: the package's gives
-- query: event.read_purgeable
-         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
+         AND (COALESCE(event_published.success, event_published.orphan) < :before) IS NOT TRUE

-- case: purgeable though it is open
-- check finds: event.read_purgeable: the package's gives
-- query: event.read_purgeable
-         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
+         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan, '1000-01-01') < :before) IS NOT TRUE

-- case: purgeable though it is scheduled
-- check finds: event.read_purgeable: the package's gives
-- query: event.read_purgeable
-     AND event_published.event_id IS NULL AND event_scheduled.event_id IS NULL
+     AND event_published.event_id IS NULL

-- case: purgeable of the moment itself
-- check finds: event.read_purgeable: the package's gives
-- query: event.read_purgeable
-     event.domain = :domain AND event.timestamp < :before
+     event.domain = :domain AND event.timestamp <= :before

-- case: purge of what is open
-- check finds: event.purge: the package's changes
-- query: event.purge
-         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
+         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan, '1000-01-01') < :before) IS NOT TRUE

-- case: purge of what has just ended
-- check finds: event.purge: the package's changes
-- query: event.purge
-         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) < :before) IS NOT TRUE
+         AND (COALESCE(event_published.success, event_published.failed, event_published.orphan) <= :before) IS NOT TRUE

-- case: lock of others
-- check finds: event.lock_list: promised:
-- query: event.lock_list
- WHERE id IN :ids
+ WHERE id IN :ids OR rid IN :ids

-- case: only ids that sort first
-- load raises: must keep ORDER BY id at its end, as the package's does
-- query: event.read_domains_of
- ORDER BY id;
+ ORDER BY domain, id;

-- case: empty data
-- check finds: event.persist: the package's leaves
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, :timestamp, LOWER(:domain), :rid, :pid, :name, :data);

-- case: name for pid
-- check finds: event.persist: the package's leaves
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, :timestamp, :domain, :rid, CONCAT(:pid, ''), CONCAT(:name, LEFT(:pid, 0), ' '), :data);

-- case: no reference
-- check finds: event.persist: the package's
-- query: event.persist
- VALUES (:id, :timestamp, :domain, :rid, :pid, :name, :data);
+ VALUES (:id, :timestamp, :domain, IF(:rid = :id, NULL, NULL), :pid, :name, :data);

-- case: delete more
-- load raises: must keep id = :id in its WHERE, joined by AND
-- query: event.delete
- WHERE id = :id;
+ WHERE id = :id OR rid = :id;

-- case: delete less
-- check finds: event.delete_by_domain_and_pid: the package's changes
-- query: event.delete_by_domain_and_pid
- WHERE domain = :domain AND pid = :pid;
+ WHERE domain = :domain AND pid = :pid AND rid IS NULL;

-- case: association of another domain
-- load raises: must write domain from :domain, :event_id, as the package's does
-- query: event_cpid.persist
- VALUES (:event_id, :cpid, COALESCE(:domain, (SELECT event.domain FROM event WHERE event.id = :event_id), ''));
+ VALUES (:event_id, :cpid, COALESCE(:domain, ''));

-- case: association by default
-- check finds: event_cpid.persist_in_domain: the package's leaves
-- query: event_cpid.persist_in_domain
- VALUES (:event_id, :cpid, COALESCE(:domain, ''));
+ VALUES (:event_id, :cpid, COALESCE(NULLIF(:domain, 'shop'), ''));

-- case: delete in every domain
-- load raises: must keep COALESCE(:domain, domain) = COALESCE(NULLIF(domain, ''), domain) in its WHERE, joined by A
-- query: event_cpid.delete
-     AND COALESCE(NULLIF(event_cpid.domain, ''), event.domain) = COALESCE(:domain, event.domain);
+     AND COALESCE(:domain, event.domain) <> '';

-- case: delete of the event's own alone
-- load raises: must keep COALESCE(:domain, domain) = COALESCE(NULLIF(domain, ''), domain) in its WHERE, joined by A
-- query: event_cpid.delete
-     AND COALESCE(NULLIF(event_cpid.domain, ''), event.domain) = COALESCE(:domain, event.domain);
+     AND COALESCE(event_cpid.domain, event.domain) = COALESCE(:domain, event.domain);

-- case: associations twice
-- check finds: event_cpid.read_by_event_id: the package's gives
-- query: event_cpid.read_by_event_id
- SELECT DISTINCT cpid
+ SELECT cpid

-- case: associations without a domain
-- load raises: must keep ORDER BY coalesce(nullif(event_cpid.domain, ''), event.domain), cpid at its end, as the pa
-- query: event_cpid.read_by_event_id_with_domain
- SELECT DISTINCT COALESCE(NULLIF(event_cpid.domain, ''), event.domain) AS domain, event_cpid.cpid
+ SELECT DISTINCT event_cpid.domain, event_cpid.cpid

-- case: association in lower case
-- check finds: event_eid.persist: the package's leaves
-- query: event_eid.persist
- VALUES (:event_id, :eid);
+ VALUES (:event_id, LOWER(:eid));

-- case: delete of a pattern
-- load raises: must keep eid = :eid in its WHERE, joined by AND
-- query: event_eid.delete
- WHERE event_id = :event_id AND eid = :eid;
+ WHERE event_id = :event_id AND eid LIKE :eid;

-- case: publication without a domain
-- load raises: must write domain from :event_id, as the package's does
-- query: event_published.persist
- VALUES (:event_id, :publisher, (SELECT event.domain FROM event WHERE event.id = :event_id));
+ VALUES (:event_id, :publisher, (SELECT event.domain FROM event WHERE event.id = :publisher));

-- case: claim of a hub that leaves NULL
-- load raises: must set consumed_hub to a time, as the package's does
-- query: event_published.update_to_consumed_by_hub
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ SET hub = :hub, consumed_hub = NULL

-- case: claim of what another hub has
-- load raises: must keep consumed_hub IS NULL in its WHERE, joined by AND
-- query: event_published.update_to_consumed_by_hub
- WHERE event_id = :event_id AND consumed_hub IS NULL;
+ WHERE event_id = :event_id AND (consumed_hub IS NULL OR hub = :hub);

-- case: claim in another time
-- check finds: event_published.update_to_consumed_by_hub: the package's leaves
-- query: event_published.update_to_consumed_by_hub
- SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()
+ SET hub = :hub, consumed_hub = CURRENT_TIMESTAMP() + INTERVAL 2 HOUR

-- case: claim by a spoke of what has ended
-- check finds: event_published.update_to_consumed_by_spoke: the package's changes
-- query: event_published.update_to_consumed_by_spoke
- WHERE event_id = :event_id AND consumed_spoke IS NULL;
+ WHERE event_id = :event_id AND consumed_spoke IS NULL AND success IS NULL;

-- case: success of another consumer's
-- load raises: must keep :consumer IS NULL OR (consumer = :consumer AND failed IS NULL AND orphan IS NULL) in its W
-- query: event_published.update_to_success
-     AND (:consumer IS NULL OR (consumer = :consumer AND failed IS NULL AND orphan IS NULL));
+     AND (:consumer IS NULL OR (consumer <> '' AND failed IS NULL AND orphan IS NULL));

-- case: success after failure
-- load raises: must keep :consumer IS NULL OR (consumer = :consumer AND failed IS NULL AND orphan IS NULL) in its W
-- query: event_published.update_to_success
-     AND (:consumer IS NULL OR (consumer = :consumer AND failed IS NULL AND orphan IS NULL));
+     AND (:consumer IS NULL OR (consumer = :consumer AND orphan IS NULL));

-- case: success that clears
-- check finds: event_published.update_to_success: the package's leaves
-- query: event_published.update_to_success
- SET success = CURRENT_TIMESTAMP()
+ SET success = CURRENT_TIMESTAMP(), failed = NULL

-- case: failure that loses its error
-- check finds: event_published.update_to_failed: the package's leaves
-- query: event_published.update_to_failed
- SET failed = CURRENT_TIMESTAMP(), error = :error
+ SET failed = CURRENT_TIMESTAMP(), error = COALESCE(error, :error)

-- case: retry of what is dead
-- load raises: must keep failed IS NULL in its WHERE, joined by AND
-- query: event_published.retry
-     event_id = :event_id AND success IS NULL AND failed IS NULL AND orphan IS NULL
+     event_id = :event_id AND success IS NULL AND orphan IS NULL

-- case: retry in minutes
-- check finds: event_published.retry: the package's leaves
-- query: event_published.retry
-     available = CURRENT_TIMESTAMP() + INTERVAL :retry_in SECOND
+     available = CURRENT_TIMESTAMP() + INTERVAL :retry_in MINUTE

-- case: retry that counts anew
-- load raises: must set consumed_spoke to a value, as the package's does
-- query: event_published.retry
-     consumer = NULL, consumed_spoke = IF(attempts = 0, NULL, consumed_spoke), error = :error,
+     consumer = NULL, consumed_spoke = NULL, error = :error,

-- case: claim without counting
-- check finds: event_published.claim: the package's leaves
-- query: event_published.claim
-     consumer = :consumer, consumed_spoke = CURRENT_TIMESTAMP(), attempts = LEAST(attempts + 1, 65535),
+     consumer = :consumer, consumed_spoke = CURRENT_TIMESTAMP(), attempts = LEAST(GREATEST(attempts, 1), 65535),

-- case: lease a second short
-- check finds: event_published.claim: the package's leaves
-- query: event_published.claim
-     available = CURRENT_TIMESTAMP() + INTERVAL (:lease + 1) SECOND
+     available = CURRENT_TIMESTAMP() + INTERVAL :lease SECOND

-- case: lease of another's claim
-- load raises: must keep consumer = :consumer in its WHERE, joined by AND
-- query: event_published.extend
-     event_id = :event_id AND consumer = :consumer AND attempts > 0
+     event_id = :event_id AND consumer LIKE :consumer AND attempts > 0

-- case: lease of a claim of Node's
-- load raises: must keep attempts > 0 in its WHERE, joined by AND
-- query: event_published.extend
-     event_id = :event_id AND consumer = :consumer AND attempts > 0
+     event_id = :event_id AND consumer = :consumer AND attempts >= 0

-- case: available before its time
-- check finds: event_published.read_available: the package's gives
-- query: event_published.read_available
-     AND event_published.orphan IS NULL AND event_published.available <= CURRENT_TIMESTAMP()
+     AND event_published.orphan IS NULL AND event_published.available <= CURRENT_TIMESTAMP() + INTERVAL 5 SECOND

-- case: claimable though Node has it
-- check finds: event_published.read_available: the package's gives
-- query: event_published.read_available
-         waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts > 0),
+         waiting.event_id IS NULL AND (event_published.consumed_spoke IS NULL OR event_published.attempts >= 0),
          event.data, JSON_EXTRACT('null', '$')

-- case: names passed over
-- check finds: event_published.read_available_by_names: the package's gives
-- query: event_published.read_available_by_names
-     AND event.name IN :names
+     AND event.name NOT IN :names

-- case: release of what has ended
-- load raises: must keep failed IS NULL in its WHERE, joined by AND
-- query: event_published.release_list
-     event_id IN :event_ids AND success IS NULL AND failed IS NULL AND orphan IS NULL
+     event_id IN :event_ids AND success IS NULL AND orphan IS NULL

-- case: release that keeps the hub
-- load raises: must set hub to NULL, as the package's does
-- query: event_published.release_list
-     consumer = NULL, hub = NULL, consumed_hub = NULL, consumed_spoke = NULL, attempts = 0,
+     consumer = NULL, hub = hub, consumed_hub = NULL, consumed_spoke = NULL, attempts = 0,

-- case: requeue of dead and orphaned
-- load raises: must keep CASE WHEN NOT success IS NULL THEN 'success' WHEN NOT failed IS NULL THEN 'failed' WHEN NO
-- query: event_published.requeue
-         WHEN orphan IS NOT NULL THEN 'orphan'
+         WHEN orphan IS NOT NULL THEN 'failed'

-- case: requeue that keeps the error
-- load raises: must set error to NULL, as the package's does
-- query: event_published.requeue
-     orphan = NULL, attempts = 0, error = NULL, available = CURRENT_TIMESTAMP()
+     orphan = NULL, attempts = 0, error = error, available = CURRENT_TIMESTAMP()

-- case: publications of a state and younger
-- check finds: event_published.read_list: the package's gives
-- query: event_published.read_list
              :state = 'failed' AND event_published.success IS NULL AND event_published.failed IS NOT NULL
-             AND (:before IS NULL OR event_published.failed < :before)
+             AND (:before IS NULL OR event_published.failed > :before)

-- case: expired before the lease ends
-- check finds: event_published.read_list: the package's gives
-- query: event_published.read_list
-                 WHEN event_published.attempts > 0 AND event_published.available <= CURRENT_TIMESTAMP() THEN 'expired'
+                 WHEN event_published.attempts > 0 AND event_published.available > CURRENT_TIMESTAMP() THEN 'expired'

-- case: count of all domains
-- check finds: event_published.count: the package's gives
-- query: event_published.count
-         WHERE p.domain <=> :queue AND p.success IS NOT NULL
+         WHERE (p.domain <=> :queue OR :queue IS NULL) AND p.success IS NOT NULL

-- case: domain filled in from a schedule
-- load raises: must keep domain IS NULL in its WHERE, joined by AND
-- query: event_published.fill_in_domain
- WHERE event_id IN :event_ids AND domain IS NULL;
+ WHERE event_id IN :event_ids;

-- case: due publication of a consumer
-- load raises: must keep consumer IS NULL in its WHERE, joined by AND
-- query: event_published.publish_due
- WHERE event_id IN :event_ids AND consumer IS NULL;
+ WHERE event_id IN :event_ids;

-- case: due a minute early
-- check finds: event_scheduled.read_due: the package's gives
-- query: event_scheduled.read_due
- WHERE event_scheduled.executed IS NULL AND event_scheduled.scheduled <= CURRENT_TIMESTAMP()
+ WHERE event_scheduled.executed IS NULL AND event_scheduled.scheduled <= CURRENT_TIMESTAMP() + INTERVAL 1 MINUTE

-- case: due at the next second
-- check finds: event_scheduled.lock_due: the package's gives
-- query: event_scheduled.lock_due
- WHERE executed IS NULL AND scheduled <= CURRENT_TIMESTAMP()
+ WHERE executed IS NULL AND scheduled < CURRENT_TIMESTAMP()

-- case: executed list
-- check finds: event_scheduled.read_list: the package's gives
-- query: event_scheduled.read_list
- WHERE event_scheduled.executed IS NULL
+ WHERE event_scheduled.executed IS NOT NULL

-- case: executed again
-- load raises: must keep executed IS NULL in its WHERE, joined by AND
-- query: event_scheduled.update_executed
- WHERE event_id = :event_id AND executed IS NULL;
+ WHERE event_id = :event_id AND (executed IS NULL OR success IS NULL);

-- case: executed without success
-- load raises: must set success to a time, as the package's does
-- query: event_scheduled.execute
- SET executed = CURRENT_TIMESTAMP(), success = CURRENT_TIMESTAMP()
+ SET executed = CURRENT_TIMESTAMP(), success = NULL

-- case: rescheduled though executed
-- load raises: must keep executed IS NULL in its WHERE, joined by AND
-- query: event_scheduled.reschedule_event
- WHERE event_scheduled.event_id = :event_id AND event_scheduled.executed IS NULL;
+ WHERE event_scheduled.event_id = :event_id AND (event_scheduled.executed IS NULL OR TRUE);

-- case: rescheduled under a consumer
-- check finds: event_scheduled.reschedule_event: the package's changes
-- query: event_scheduled.reschedule_event
-     ON event_published.event_id = event_scheduled.event_id AND event_published.consumer IS NULL
+     ON event_published.event_id = event_scheduled.event_id

-- case: cancelled with what is claimed
-- check finds: event_scheduled.cancel: the package's changes
-- query: event_scheduled.cancel
-         event_published.event_id = event_scheduled.event_id AND event_published.consumed_spoke IS NULL
+         event_published.event_id = event_scheduled.event_id

-- case: scheduled an hour later
-- check finds: event_scheduled.persist: the package's leaves
-- query: event_scheduled.persist
- VALUES (:event_id, :scheduled);
+ VALUES (:event_id, :scheduled + INTERVAL 1 HOUR);

-- case: quit again
-- load raises: must keep quit IS NULL in its WHERE, joined by AND
-- query: hub.update_to_quit
- WHERE id = :id AND quit IS NULL;
+ WHERE id = :id AND (quit IS NULL OR external_ip = '');

-- case: online for a day
-- check finds: hub.read_online: the package's gives
-- query: hub.read_online
- WHERE quit IS NULL
+ WHERE quit IS NULL AND timestamp > CURRENT_TIMESTAMP() - INTERVAL 1 DAY

-- case: online and just quit
-- check finds: hub.read_online: promised:
-- query: hub.read_online
- WHERE quit IS NULL
+ WHERE quit IS NULL OR quit >= CURRENT_TIMESTAMP()

-- case: quit turned round
-- check finds: hub.has_quit: the package's gives
-- query: hub.has_quit
- SELECT quit IS NOT NULL AS has_quit
+ SELECT quit IS NULL AS has_quit

-- case: hub in use purged
-- load raises: must keep NOT EXISTS(SELECT 1 FROM event_published WHERE hub = id) in its WHERE, joined by AND
-- query: hub.purge_list
- WHERE quit < :before AND NOT EXISTS (SELECT 1 FROM event_published WHERE event_published.hub = hub.id)
+ WHERE quit < :before AND NOT EXISTS (SELECT 1 FROM event_published WHERE event_published.consumer = hub.id)

-- case: address of the inside
-- check finds: hub.read: the package's gives
-- query: hub.read
- SELECT id, timestamp, external_ip, external_port, internal_ip, internal_port, quit
+ SELECT id, timestamp, internal_ip AS external_ip, external_port, internal_ip, internal_port, quit

-- case: ports swapped
-- check finds: hub.persist: the package's is refused
-- query: hub.persist
- VALUES (:id, :external_ip, :external_port, :internal_ip, :internal_port);
+ VALUES (:id, :external_ip, :external_port + 0 * :internal_port, :internal_ip, :internal_port + :external_port - :external_port + 1);

-- case: any version
-- check finds: certificate.read: promised:
-- query: certificate.read
- WHERE version = 0 AND id = :id;
+ WHERE version = 0 AND id = :id AND revoked IS NULL AND validity > CURRENT_TIMESTAMP();

-- case: revoked to the same version
-- check finds: certificate.revoke: the package's leaves
-- query: certificate.revoke
-         FROM (SELECT MAX(version) + 1 AS version FROM certificate WHERE id = :id) AS newest
+         FROM (SELECT COUNT(*) + 1 AS version FROM certificate WHERE id = :id) AS newest

-- case: revoked all that are old
-- load raises: must keep validity < CURRENT_TIMESTAMP() in its WHERE, joined by AND
-- query: certificate.revoke_past_validity_period
- WHERE version = 0 AND validity < CURRENT_TIMESTAMP();
+ WHERE version = 0 AND validity < CURRENT_TIMESTAMP() + INTERVAL 0 DAY AND revoked IS NULL AND id <> 'hub-2';

-- case: expiring at the moment
-- check finds: certificate.read_expiring: the package's gives
-- query: certificate.read_expiring
- WHERE version = 0 AND validity < :before
+ WHERE version = 0 AND validity <= :before

-- case: days rounded
-- check finds: certificate.read_days_left: the package's gives
-- query: certificate.read_days_left
- SELECT id, CAST(FLOOR(TIMESTAMPDIFF(SECOND, CURRENT_TIMESTAMP(), validity) / 86400e0) AS SIGNED) AS days
+ SELECT id, CAST(ROUND(TIMESTAMPDIFF(SECOND, CURRENT_TIMESTAMP(), validity) / 86400e0) AS SIGNED) AS days

-- case: active purged
-- load raises: must keep version > 0 in its WHERE, joined by AND
-- query: certificate.purge_list
- WHERE version > 0 AND revoked < :before
+ WHERE version >= 0 AND revoked < :before

-- case: key for pass
-- check finds: certificate.read: the package's gives
-- query: certificate.read
-     created, updated, version, id, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, pass_salt, pass_tag,
+     created, updated, version, id, cert, `key`, key_iv, key_salt, key_tag, pass, pass_iv, key_salt AS pass_salt, pass_tag,

-- case: log in lower case
-- check finds: log.persist: the package's leaves
-- query: log.persist
- VALUES (:agent, :message, :error);
+ VALUES (LOWER(:agent), :message, :error);

-- case: log of an agent in any case
-- check finds: log.read_by_agent: promised:
-- query: log.read_by_agent
-     agent = :agent AND seq > :after
+     agent COLLATE ascii_general_ci = :agent AND seq > :after

-- case: log without its end
-- check finds: log.read_list: the package's gives
-- query: log.read_list
-     AND timestamp >= COALESCE(:start, '1000-01-01') AND timestamp <= COALESCE(:end, '9999-12-31 23:59:59.999')
+     AND timestamp >= COALESCE(:start, '1000-01-01') AND timestamp < COALESCE(:end, '9999-12-31 23:59:59.999')

-- case: future's partitions dropped
-- load raises: may differ from the package's in nothing but comments: SELECT PARTITION_NAME AS NAME FROM INFORMATIO
-- query: log.read_partitions_before
-     AND CAST(partition_description AS UNSIGNED) <= TO_DAYS(:date)
+     AND CAST(partition_description AS UNSIGNED) > TO_DAYS(:date)

-- case: partitions of every database
-- load raises: may differ from the package's in nothing but comments: SELECT PARTITION_NAME AS NAME FROM INFORMATIO
-- query: log.read_partitions
- WHERE table_schema = DATABASE() AND table_name = 'log' AND partition_name IS NOT NULL
+ WHERE table_name = 'log' AND partition_name IS NOT NULL

-- case: lower promise and scan
-- check finds: event.read_by_rid: promised:
-- query: event.read_by_rid
-     FROM event FORCE INDEX (idx_rid)
+     FROM event IGNORE INDEX (idx_rid)

-- case: sorts what the index gives
-- check finds: event.read_by_domain_and_pid: promised:
-- query: event.read_by_domain_and_pid
- FROM event FORCE INDEX (idx_domain_pid)
+ FROM event FORCE INDEX (idx_domain)

-- case: sorts by an expression
-- load raises: must keep ORDER BY scheduled, event_id at its end, as the package's does
-- query: event_scheduled.read_due
- ORDER BY event_scheduled.scheduled, event_scheduled.event_id
+ ORDER BY event_scheduled.scheduled + INTERVAL 0 SECOND, event_scheduled.event_id

-- case: locks what it reads
-- check finds: event.read_by_domain_and_pid: locks what it reads
-- query: event.read_by_domain_and_pid
- LIMIT :limit;
+ LIMIT :limit FOR UPDATE;

-- case: locks for others
-- check finds: hub.read_online: locks what it reads
-- query: hub.read_online
- LIMIT :limit;
+ LIMIT :limit LOCK IN SHARE MODE;

-- case: ends too early
-- check finds: event.read_by_domain_and_pid: ends after
-- query: event.read_by_domain_and_pid
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT /*+ MAX_EXECUTION_TIME(50) */ id, timestamp, domain, rid, pid, name, data

-- case: sets a variable
-- check finds: event.read_by_domain_and_pid: sets a variable
-- query: event.read_by_domain_and_pid
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT /*+ SET_VAR(sort_buffer_size = 32768) */ id, timestamp, domain, rid, pid, name, data
