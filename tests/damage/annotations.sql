-- The annotation says what a query is; an edit may not leave it incomplete, or change what callers rely on.

-- case: name twice
-- Two queries would share one name.
-- load raises: event.read_by_domain_and_eid: is defined at
-- query: event.read_by_domain_and_cpid
- -- name: read_by_domain_and_cpid(domain, cpid, limit)
+ -- name: read_by_domain_and_eid(domain, cpid, limit)

-- case: no name
-- Without its name the annotation counts as comments at the end of the query above.
-- load raises: an annotation stands behind the SQL
-- query: event.delete
- -- name: delete(id)!

-- case: malformed name
-- A list of parameters belongs behind the name.
-- load raises: must be of the form
-- query: event.delete
- -- name: delete(id)!
+ -- name: delete id !

-- case: unknown query
-- Nothing calls a query by a new name, and the one that is called would be lost.
-- load raises: event.remove: replaces no query
-- query: event.delete
- -- name: delete(id)!
+ -- name: remove(id)!

-- case: python keyword
-- A parameter becomes an argument of a Python function.
-- load raises: class is a word of Python: write class_
-- query: event.read
- -- name: read(id)^
+ -- name: read(class)^

-- case: unknown annotation
-- It would have no effect.
-- load raises: unknown annotation cached
-- query: event.read
  -- idempotent: yes
+ -- cached: no

-- case: annotation missing
-- Whether a query may run again is never guessed.
-- load raises: lacks the annotation -- idempotent
-- query: event.read
- -- idempotent: yes

-- case: annotation twice
-- Which of the two counts?
-- load raises: is there twice
-- query: event.read
  -- idempotent: yes
+ -- idempotent: no

-- case: annotation behind the SQL
-- The database server would take it as a comment, and the loader would not see it.
-- load raises: stands behind the SQL
-- query: event.read
  SELECT id, timestamp, domain, rid, pid, name, data
+ -- index: event.idx_rid

-- case: purpose missing
-- The purpose is the documentation of the method.
-- load raises: lacks a line that says its purpose
-- query: event.read
- -- Read an event.

-- case: code with two meanings
-- Queries that share an error code share its message.
-- load raises: one code means one thing
-- query: event.read_by_domain_and_pid
- -- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read events by domain and pid
+ -- error: E_EVENTFLOW_DB_EVENT_READ_BY_PID could not read

-- case: another code
-- Callers compare the code.
-- load raises: its error breaks the contract
-- query: event.read
- -- error: E_EVENTFLOW_DB_EVENT_READ could not read event
+ -- error: E_EVENTFLOW_DB_HUB_READ could not read event

-- case: suffix against returns
-- The sign behind the name and the annotation must agree.
-- load raises: needs the suffix ^
-- query: event.read
- -- name: read(id)^
+ -- name: read(id)!

-- case: returns of another record
-- Callers would get other fields.
-- load raises: its returns breaks the contract (sql/contract.json): Hub instead of Event
-- query: event.read
- -- returns: Event
+ -- returns: Hub

-- case: returns rows of a write
-- A DELETE has no rows.
-- load raises: needs the suffix !
-- query: event.delete
- -- name: delete(id)!
+ -- name: delete(id)^

-- case: claim called idempotent
-- A claim that runs again after a lost reply would take an event twice.
-- load raises: its idempotent breaks the contract
-- query: event_published.update_to_consumed_by_hub
- -- idempotent: no
+ -- idempotent: yes

-- case: index given up
-- The proof would no longer look for the index.
-- load raises: reads by no index (none), the contract says event.PRIMARY (id)
-- query: event.read
- -- index: event.PRIMARY (id)
+ -- index: none

-- case: index turned into a scan
-- The proof would no longer look for the index.
-- load raises: reads by no index (scan: it is small), the contract
-- query: event.read
- -- index: event.PRIMARY (id)
+ -- scan: it is small
