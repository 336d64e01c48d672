-- Alterations of tables and statements of the session: comments and white space apart they stay as they are;
-- a CREATE TABLE makes its own table, and only where there is none.

-- case: drop of another table
-- load raises: may differ from the package's in nothing but comments
-- query: log.drop_partition
- ALTER TABLE log DROP PARTITION :partition;
+ DROP TABLE IF EXISTS event, :partition;

-- case: truncated partition
-- load raises: in nothing but comments
-- query: log.drop_partition
- ALTER TABLE log DROP PARTITION :partition;
+ ALTER TABLE log TRUNCATE PARTITION :partition;

-- case: drop of one more partition
-- load raises: in nothing but comments
-- query: log.drop_partition
- ALTER TABLE log DROP PARTITION :partition;
+ ALTER TABLE log DROP PARTITION :partition, p_hot;

-- case: reorganized other partition
-- load raises: in nothing but comments
-- query: log.archive
- ALTER TABLE log REORGANIZE PARTITION p_hot INTO (
+ ALTER TABLE log REORGANIZE PARTITION p_warm INTO (

-- case: create or replace
-- The table and its rows would be dropped first.
-- load raises: must begin with CREATE TABLE IF NOT EXISTS LOG (
-- query: log.create_table
- CREATE TABLE IF NOT EXISTS log (
+ CREATE OR REPLACE TABLE log (

-- case: create that fails when it is there
-- Setting the tables up a second time would fail.
-- load raises: must begin with CREATE TABLE IF NOT EXISTS LOG (
-- query: log.create_table
- CREATE TABLE IF NOT EXISTS log (
+ CREATE TABLE log (

-- case: create temporary
-- The table would be gone with the connection.
-- load raises: must begin with CREATE TABLE
-- query: log.create_table
- CREATE TABLE IF NOT EXISTS log (
+ CREATE TEMPORARY TABLE IF NOT EXISTS log (

-- case: create of another table
-- load raises: must begin with CREATE TABLE IF NOT EXISTS LOG (
-- query: log.create_table
- CREATE TABLE IF NOT EXISTS log (
+ CREATE TABLE IF NOT EXISTS logs (

-- case: create like another table
-- load raises: must spell out its columns
-- query: hub.create_table
- CREATE TABLE IF NOT EXISTS hub (
+ CREATE TABLE IF NOT EXISTS hub (LIKE log) -- no columns

-- case: create from a select
-- load raises: must spell out its columns
-- query: log.create_table
- ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin
+ SELECT 1 AS n --  CHARACTER SET ascii COLLATE ascii_bin

-- case: create referring to another table
-- load raises: names the tables event_eid, hub, the package's event, event_eid
-- query: event_eid.create_table
-     FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,
+     FOREIGN KEY (event_id) REFERENCES hub (id) ON UPDATE CASCADE ON DELETE CASCADE,

-- case: another session statement
-- load raises: nothing but comments: START TRANSACTION
-- query: session.begin
- START TRANSACTION;
+ START TRANSACTION READ ONLY;

-- case: rollback of everything
-- What came before the nested transaction would be lost too.
-- load raises: declares savepoint and does not use it
-- query: session.rollback_to_savepoint
- ROLLBACK TO SAVEPOINT :savepoint;
+ ROLLBACK;

-- case: release for rollback
-- What the nested transaction has written would stay.
-- load raises: nothing but comments: ROLLBACK TO SAVEPOINT
-- query: session.rollback_to_savepoint
- ROLLBACK TO SAVEPOINT :savepoint;
+ RELEASE SAVEPOINT :savepoint;

-- case: commit for rollback
-- load raises: nothing but comments: ROLLBACK
-- query: session.rollback
- ROLLBACK;
+ COMMIT;
