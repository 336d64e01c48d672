-- A query is one statement of the kind that its name and its annotation promise.

-- case: two statements
-- load raises: is two statements
-- query: event.read
  WHERE id = :id;
+ DELETE FROM event;

-- case: DDL in a query
-- load raises: declares id
-- query: event.delete
- DELETE FROM event
- WHERE id = :id;
+ DROP TABLE event /* */
+ # :id;

-- case: DDL of the same parameters
-- All parameters are used, yet a write has become an alteration of the table.
-- load raises: log.persist: its kind breaks the contract (sql/contract.json): ddl instead of write
-- query: log.persist
- INSERT INTO log (agent, message, error)
- VALUES (:agent, :message, :error);
+ ALTER TABLE log COMMENT :agent, COMMENT :message, COMMENT :error;

-- case: call of a procedure
-- load raises: begins with CALL
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ CALL p; SELECT id, timestamp, domain, rid, pid, name, data

-- case: select star
-- A column added to the table would change the rows.
-- load raises: name the columns
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT *

-- case: executable comment
-- The server runs what looks like a comment.
-- load raises: /*! … */ hides SQL
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
+ SELECT /*!80000 SQL_NO_CACHE */ id, timestamp, domain, rid, pid, name, data

-- case: quote not closed
-- load raises: may not be closed
-- query: event.read
- WHERE id = :id;
+ WHERE name <> 'it and id = :id;

-- case: comment not closed
-- load raises: may not be closed
-- query: event.read
- FROM event
+ FROM event /* all of them

-- case: with delete
-- A read that deletes.
-- load raises: is a read, and DELETE writes
-- query: event.read
- SELECT id, timestamp, domain, rid, pid, name, data
- FROM event
+ WITH x AS (SELECT 1) DELETE FROM event

-- case: with update that SQLglot does not parse
-- A read that updates, in a form that the parser does not know.
-- load raises: is a read, and UPDATE writes
-- query: event.read_by_eid
- SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data
+ WITH x AS (SELECT 1) UPDATE LOW_PRIORITY event SET name = 1 -- , event.timestamp, event.domain, event.rid, event.pid, event.name, event.data

-- case: select into a file
-- A read that writes a file on the server.
-- load raises: is a read, and INTO writes
-- query: event.read
- FROM event
+ INTO OUTFILE '/tmp/x' FROM event

-- case: update for a delete
-- load raises: is UPDATE, the package's DELETE
-- query: event.delete
- DELETE FROM event
+ UPDATE event SET name = 'gone'

-- case: write that is not understood
-- What cannot be parsed cannot be compared with the package's query.
-- load raises: write it more plainly
-- query: event.delete
- WHERE id = :id;
+ WERE id = :id;
