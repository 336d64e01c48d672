"""Edits that break a query are named by query and reason; edits that do not break it pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflow_db import Settings
from eventflow_db.check.diff import diff
from eventflow_db.query import load_specs

from .damage import Edit, check_findings, edited_copy, load_refusal

EVENT = "event/queries.sql"
READ = ("event/queries.sql", "read")
BY_EID = ("event/queries.sql", "read_by_eid")
BY_PID = ("event/queries.sql", "read_by_domain_and_pid")
NAMES = ("event/queries.sql", "read_by_domain_and_pid_and_names")
DELETE = ("event/queries.sql", "delete")
PUBLISHED = ("event_published/queries.sql", "read")
CLAIM = ("event_published/queries.sql", "update_to_consumed_by_hub")
LOG = ("log/queries.sql", "drop_partition")
CREATE_LOG = ("log/schema.sql", "create")
CERTIFICATES = ("certificate/queries.sql", "revoke_past_validity_period")

REFUSED = {
    "name_twice": (
        Edit(EVENT, "read_by_domain_and_cpid", "name: read_by_domain_and_cpid(", "name: read_by_domain_and_eid("),
        "event.read_by_domain_and_eid: is defined at",
    ),
    "no_name": (Edit(*DELETE, "-- name: delete(id)!\n", ""), "an annotation stands behind the SQL"),
    "malformed_name": (Edit(*DELETE, "-- name: delete(id)!", "-- name: delete id !"), "must be of the form"),
    "unknown_query": (Edit(*DELETE, "name: delete(", "name: remove("), "event.remove: replaces no query"),
    "python_keyword": (Edit(*READ, "read(id)^", "read(class)^"), "class is a word of Python: write class_"),
    "two_statements": (Edit(*READ, "id = :id;", "id = :id;\nDELETE FROM event;"), "is two statements"),
    "ddl_in_a_query": (Edit(*DELETE, "DELETE FROM event\nWHERE id = :id", "DROP TABLE event /* */\n# :id"), "declares id"),
    "ddl_of_the_same_parameters": (
        Edit("log/queries.sql", "persist", "INSERT INTO log (agent, message, error)\nVALUES (:agent, :message, :error)",
             "ALTER TABLE log COMMENT :agent, COMMENT :message, COMMENT :error"),
        "log.persist: its kind breaks the contract (sql/contract.json): ddl instead of write",
    ),
    "call_of_a_procedure": (Edit(*READ, "SELECT id", "CALL p; SELECT id"), "begins with CALL"),
    "delete_without_where": (Edit(*DELETE, "WHERE id = :id", "ORDER BY id = :id LIMIT 1"), "is DELETE without WHERE"),
    "update_without_where": (
        Edit(*CERTIFICATES, "WHERE version = 0 AND validity < CURRENT_TIMESTAMP();", ";"), "is UPDATE without WHERE",
    ),
    "update_of_a_wrong_table": (
        Edit(*CLAIM, "UPDATE event_published", "UPDATE event_scheduled"),
        "writes to event_scheduled, the contract says event_published",
    ),
    "select_star": (Edit(*READ, "SELECT id, timestamp, domain, rid, pid, name, data", "SELECT *"), "name the columns"),
    "insert_ignore": (Edit(EVENT, "persist", "INSERT INTO", "INSERT IGNORE INTO"), "IGNORE hides rows"),
    "on_duplicate_key": (
        Edit(EVENT, "persist", ":data);", ":data) ON DUPLICATE KEY UPDATE name = name;"), "DUPLICATE hides rows",
    ),
    "insert_select": (
        Edit("event_cpid/queries.sql", "persist", "VALUES (:event_id, :cpid)", "SELECT :event_id, :cpid"),
        "must be INSERT INTO table (columns) VALUES (one group)",
    ),
    "parameter_renamed": (
        Edit("hub/queries.sql", "has_quit", "has_quit(id)$\n-- Whether a hub has quit.\n-- param id:",
             "has_quit(hub)$\n-- Whether a hub has quit.\n-- param hub:"),
        "hub.has_quit: uses :id, which is not in the list behind its name: (hub)",
    ),
    "parameter_renamed_in_the_sql": (Edit(*READ, "id = :id", "id = :key"), "uses :key, which is not in the list"),
    "parameter_added": (
        Edit(*READ, "read(id)^\n-- One event.", "read(id, pid)^\n-- One event.\n-- param pid: identifier"),
        "declares pid and does not use it",
    ),
    "parameter_lost": (Edit(*READ, "WHERE id = :id", "WHERE id = 'x'"), "declares id and does not use it"),
    "parameter_not_listed": (Edit(*READ, "-- param id", "-- param pid: identifier\n-- param id"), "param pid is not in the list"),
    "parameter_retyped": (
        Edit(*READ, "param id: identifier", "param id: text"),
        "event.read: its parameters breaks the contract (sql/contract.json): (id: text) instead of (id: identifier)",
    ),
    "parameter_of_unknown_type": (Edit(*READ, "param id: identifier", "param id: uuid"), "the unknown type uuid"),
    "parameter_in_a_string": (Edit(*READ, "WHERE id = :id", "WHERE id = ':id'"), "declares id and does not use it"),
    "placeholder_of_a_driver": (Edit(*READ, "WHERE id = :id", "WHERE id = :id AND pid = %s"), "are written :name"),
    "question_mark": (Edit(*READ, "WHERE id = :id", "WHERE id = :id AND pid = ?"), "are written :name"),
    "list_in_brackets": (Edit(*NAMES, "IN :names", "IN (:names)"), "write IN :names"),
    "list_without_in": (Edit(*NAMES, "name IN :names", "name = :names"), "write IN :names"),
    "value_as_a_list": (Edit(*NAMES, "pid = :pid", "pid IN :pid"), "write = :pid"),
    "unknown_annotation": (Edit(*READ, "-- idempotent: yes", "-- idempotent: yes\n-- cached: no"), "unknown annotation cached"),
    "annotation_missing": (Edit(*READ, "-- idempotent: yes\n", ""), "lacks the annotation -- idempotent"),
    "annotation_twice": (Edit(*READ, "-- idempotent: yes", "-- idempotent: yes\n-- idempotent: no"), "is there twice"),
    "annotation_behind_the_sql": (Edit(*READ, "FROM event", "-- index: event.idx_rid\nFROM event"), "stands behind the SQL"),
    "purpose_missing": (Edit(*READ, "-- One event.\n", ""), "lacks a line that says its purpose"),
    "code_with_two_meanings": (
        Edit(*BY_PID, "could not read events by domain and pid", "could not read"), "one code means one thing",
    ),
    "another_code": (Edit(*READ, "DB_EVENT_READ could", "DB_HUB_READ could"), "its error breaks the contract"),
    "suffix_against_returns": (Edit(*READ, "read(id)^", "read(id)!"), "needs the suffix ^"),
    "returns_of_another_record": (
        Edit(*READ, "returns: Event?", "returns: Hub?"), "its returns breaks the contract (sql/contract.json): Hub? instead of Event?",
    ),
    "returns_rows_of_a_write": (Edit(*DELETE, "(id)!\n", "(id)^\n"), "needs the suffix !"),
    "claim_called_idempotent": (Edit(*CLAIM, "idempotent: no", "idempotent: yes"), "its idempotent breaks the contract"),
    "executable_comment": (Edit(*READ, "SELECT id", "SELECT /*!80000 SQL_NO_CACHE */ id"), "/*! … */ hides SQL"),
    "quote_not_closed": (Edit(*READ, "WHERE id = :id", "WHERE name <> 'it and id = :id"), "may not be closed"),
    "comment_not_closed": (Edit(*READ, "FROM event", "FROM event /* all of them"), "may not be closed"),
}  # fmt: skip

NOT_KEPT = {
    "drop_of_another_table": (Edit(*LOG, "ALTER TABLE log DROP PARTITION :partition", "DROP TABLE IF EXISTS event, :partition"), "may differ from the package's in nothing but comments"),
    "truncated_partition": (Edit(*LOG, "DROP PARTITION", "TRUNCATE PARTITION"), "in nothing but comments"),
    "drop_of_one_more_partition": (Edit(*LOG, "PARTITION :partition", "PARTITION :partition, p_hot"), "in nothing but comments"),
    "reorganized_other_partition": (Edit("log/queries.sql", "archive", "REORGANIZE PARTITION p_hot", "REORGANIZE PARTITION p_warm"), "in nothing but comments"),
    "create_or_replace": (Edit(*CREATE_LOG, "CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE TABLE"), "must begin with CREATE TABLE IF NOT EXISTS LOG ("),
    "create_that_fails_when_it_is_there": (Edit(*CREATE_LOG, "IF NOT EXISTS ", ""), "must begin with CREATE TABLE IF NOT EXISTS LOG ("),
    "create_temporary": (Edit(*CREATE_LOG, "CREATE TABLE", "CREATE TEMPORARY TABLE"), "must begin with CREATE TABLE"),
    "create_of_another_table": (Edit(*CREATE_LOG, "EXISTS log", "EXISTS logs"), "must begin with CREATE TABLE IF NOT EXISTS LOG ("),
    "create_like_another_table": (Edit("hub/schema.sql", "create", "EXISTS hub (", "EXISTS hub (LIKE log) -- "), "must spell out its columns"),
    "create_from_a_select": (Edit(*CREATE_LOG, "ENGINE = InnoDB", "SELECT 1 AS n -- "), "must spell out its columns"),
    "create_referring_to_another_table": (
        Edit("event_eid/schema.sql", "create", "REFERENCES event (id)", "REFERENCES hub (id)"), "names the tables event_eid, hub, the package's event, event_eid",
    ),
    "with_delete": (Edit(*READ, "SELECT id, timestamp, domain, rid, pid, name, data\nFROM event", "WITH x AS (SELECT 1) DELETE FROM event"), "is a read, and DELETE writes"),
    "with_update_that_sqlglot_does_not_parse": (
        Edit(*BY_EID, "SELECT event.id", "WITH x AS (SELECT 1) UPDATE LOW_PRIORITY event SET name = 1 -- "), "is a read, and UPDATE writes",
    ),
    "select_into_a_file": (Edit(*READ, "FROM event", "INTO OUTFILE '/tmp/x' FROM event"), "is a read, and INTO writes"),
    "another_session_statement": (Edit("session/queries.sql", "begin", "START TRANSACTION", "START TRANSACTION READ ONLY"), "nothing but comments: START TRANSACTION"),
    "rollback_of_everything": (Edit("session/queries.sql", "rollback_to_savepoint", "ROLLBACK TO SAVEPOINT eventflow_batch", "ROLLBACK"), "nothing but comments: ROLLBACK TO SAVEPOINT"),
    "commit_for_rollback": (Edit("session/queries.sql", "rollback", "ROLLBACK", "COMMIT"), "nothing but comments: ROLLBACK"),
    "update_of_a_joined_table": (
        Edit(*CLAIM, "event_published FORCE INDEX (PRIMARY)\nSET hub = :hub,", "event_published INNER JOIN hub ON TRUE\nSET hub.quit = :hub, event_published."),
        "writes to hub, the contract says event_published",
    ),
    "update_of_a_joined_table_by_its_alias": (
        Edit(*CLAIM, "event_published FORCE INDEX (PRIMARY)\nSET hub = :hub,", "event_published, hub AS event\nSET event.quit = :hub, event_published."),
        "writes to hub, the contract says event_published",
    ),
    "update_of_a_column_of_either_table": (
        Edit(*CLAIM, "event_published FORCE INDEX (PRIMARY)\nSET hub", "event_published INNER JOIN hub ON TRUE\nSET quit"), "write table.column",
    ),
    "delete_from_two_tables": (Edit(*DELETE, "DELETE FROM event", "DELETE event, hub FROM event INNER JOIN hub ON TRUE"), "writes to hub, the contract says event"),
    "delete_from_two_tables_using": (Edit(*DELETE, "DELETE FROM event", "DELETE FROM event, hub USING event INNER JOIN hub"), "writes to hub, the contract says event"),
    "index_given_up": (Edit(*READ, "index: event.PRIMARY (id)", "index: none"), "reads by no index (none), the contract says event.PRIMARY (id)"),
    "index_turned_into_a_scan": (Edit(*READ, "index: event.PRIMARY (id)", "scan: it is small"), "reads by no index (scan: it is small), the contract"),
    "range_for_equality": (Edit(*DELETE, "id = :id", "id >= :id"), "must keep id = :id in its WHERE"),
    "like_for_equality": (Edit(*DELETE, "id = :id", "id LIKE :id"), "must keep id = :id in its WHERE"),
    "leading_wildcard": (Edit(*DELETE, "id = :id", "id LIKE CONCAT('%', :id)"), "must keep id = :id in its WHERE"),
    "or_beside_equality": (Edit(*DELETE, "id = :id", "id = :id OR TRUE"), "must keep id = :id in its WHERE"),
    "equality_negated": (Edit(*DELETE, "id = :id", "NOT (id = :id)"), "must keep id = :id in its WHERE"),
    "equality_of_a_joined_table": (
        Edit(*DELETE, "DELETE FROM event\nWHERE id", "DELETE event FROM event INNER JOIN hub ON TRUE\nWHERE hub.id"), "must keep id = :id in its WHERE",
    ),
    "equality_of_the_same_table_again": (
        Edit(*DELETE, "DELETE FROM event\nWHERE id", "DELETE event FROM event INNER JOIN event AS e ON TRUE\nWHERE e.id"), "must keep id = :id in its WHERE",
    ),
    "parameters_swapped": (
        Edit("event_cpid/queries.sql", "delete", "event_id = :event_id AND cpid = :cpid", "event_id = :cpid AND cpid = :event_id"), "must keep event_id = :event_id",
    ),
    "delete_by_part_of_the_key": (
        Edit("event_cpid/queries.sql", "delete", "event_id = :event_id AND", "CONCAT(event_id, '') = :event_id AND"), "must keep event_id = :event_id",
    ),
    "guard_of_a_claim_lost": (Edit(*CLAIM, " AND consumed_hub IS NULL", ""), "must keep consumed_hub IS NULL in its WHERE"),
    "guard_of_another_column": (Edit(*CLAIM, "consumed_hub IS NULL", "consumed_spoke IS NULL"), "must keep consumed_hub IS NULL"),
    "guard_of_the_version_lost": (Edit("certificate/queries.sql", "revoke", "WHERE version = 0 AND id = :id;", "WHERE id = :id;"), "must keep version = 0"),
    "guard_of_the_validity_lost": (Edit(*CERTIFICATES, "WHERE version = 0 AND validity < CURRENT_TIMESTAMP();", "WHERE version = 0;"), "must keep validity < CURRENT_TIMESTAMP()"),
    "range_for_equality_of_a_row": (Edit(*READ, "id = :id", "id >= :id LIMIT 1"), "must keep id = :id in its WHERE"),
    "function_on_the_key_of_a_row": (Edit(*READ, "WHERE id = ", "WHERE LOWER(id) = "), "must keep id = :id"),
    "collation_of_the_key_of_a_row": (Edit(*READ, "WHERE id = ", "WHERE id COLLATE utf8mb4_general_ci = "), "must keep id = :id"),
    "or_beside_the_key_of_a_row": (Edit(*PUBLISHED, "event_id = :event_id", "(event_id = :event_id OR publisher = :event_id)"), "must keep event_id = :event_id"),
    "union_of_a_row": (Edit(*READ, "WHERE id = :id;", "WHERE id = :id UNION SELECT id, timestamp, domain, rid, pid, name, data FROM event;"), "must keep id = :id"),
    "update_for_a_delete": (Edit(*DELETE, "DELETE FROM event", "UPDATE event SET name = 'gone'"), "is UPDATE, the package's DELETE"),
    "values_swapped": (Edit("event_cpid/queries.sql", "persist", "(:event_id, :cpid)", "(:cpid, :event_id)"), "must write event_id from :event_id"),
    "default_of_an_inner_row": (Edit(EVENT, "persist", "VALUES (:id, :timestamp, :domain", "VALUES (:id, NOW(3), (SELECT d.a FROM (VALUES ROW(:domain, :timestamp)) AS d (a, b))"), "must have :timestamp alone"),
    "default_inside_an_expression": (Edit(EVENT, "persist", "VALUES (:id, :timestamp,", "VALUES (:id, COALESCE(:timestamp, NOW(3)),"), "must have :timestamp alone as the value of its column"),
    "column_not_set": (Edit(*CLAIM, "SET hub = :hub, consumed_hub =", "SET hub = :hub, consumed_spoke ="), "must write consumed_hub, as the package's does"),
    "column_set_from_another_parameter": (Edit(*CLAIM, "SET hub = :hub,", "SET hub = :event_id, consumer = :hub,"), "must write hub from :hub"),
    "write_that_is_not_understood": (Edit(*DELETE, "WHERE id", "WERE id"), "write it more plainly"),
}  # fmt: skip
"""Edits that would do something else than the package's query does."""

UNPROVEN = {
    "syntax_error": (Edit(*BY_EID, "WHERE event", "WERE event"), r"\(1064\)"),
    "unknown_table": (Edit(*READ, "FROM event", "FROM events"), r"events' doesn't exist \(1146\)"),
    "unknown_column": (Edit(*READ, "rid, pid", "rid, piid AS pid"), r"Unknown column 'piid'.*\(1054\)"),
    "unknown_column_in_where": (Edit(*CLAIM, "consumed_hub IS NULL", "consumed_hub IS NULL AND consumed_by IS NULL"), "Unknown column 'consumed_by'"),
    "unknown_index": (Edit(*BY_PID, "FORCE INDEX (idx_domain_pid)", "FORCE INDEX (idx_pid)"), r"idx_pid.*\(1176\)"),
    "result_column_renamed": (Edit(*READ, "rid, pid", "rid, pid AS process"), "rid, process, name.*promised.* rid, pid, name"),
    "result_column_dropped": (Edit(*READ, ", data\n", "\n"), "pid, name; promised: .*name, data"),
    "result_column_added": (Edit(*READ, ", data\n", ", data, 1 AS extra\n"), "data, extra; promised"),
    "result_columns_reordered": (Edit(*READ, "rid, pid", "pid, rid"), "domain, pid, rid.*promised.*domain, rid, pid"),
    "result_column_retyped": (
        Edit(*READ, "id, timestamp,", "id, CAST(timestamp AS CHAR(30)) AS timestamp,"), r"timestamp is varchar\(30\); promised: datetime\(3\)",
    ),
    "result_column_of_less_precision": (
        Edit(*READ, "id, timestamp,", "id, CAST(timestamp AS DATETIME) AS timestamp,"), r"timestamp is datetime; promised: datetime\(3\)",
    ),
    "result_column_may_be_null": (
        Edit("event_scheduled/queries.sql", "read", "FROM event_scheduled\nINNER JOIN event ON event.id = event_scheduled.event_id",
             "FROM event_scheduled\nLEFT JOIN event ON event.id = event_scheduled.event_id"),
        "result column domain may be NULL; ScheduledEvent promises that it is not",
    ),
    "scalar_of_another_column": (Edit("event_cpid/queries.sql", "read_by_event_id", "SELECT cpid", "SELECT event_id"), "event_id; promised: cpid"),
    "function_on_the_second_column": (
        Edit(*BY_PID, "pid = :pid", "LOWER(pid) = :pid"), r"event.idx_domain_pid \(domain\); promised: event.idx_domain_pid \(domain, pid\)",
    ),
    "function_on_the_column": (Edit(*BY_EID, "event_eid.eid = ", "LOWER(event_eid.eid) = "), "scans event_eid"),
    "leading_wildcard": (Edit(*BY_EID, "event_eid.eid = :eid", "event_eid.eid LIKE CONCAT('%', :eid)"), "scans event_eid"),
    "wrong_collation": (Edit(*BY_EID, "event_eid.eid = ", "event_eid.eid COLLATE utf8mb4_general_ci = "), "scans event_eid"),
    "or_without_an_index": (Edit("hub/queries.sql", "read_online", "quit IS NULL", "(quit IS NULL OR external_port = 1)"), "scans hub"),
    "calculation_on_the_column": (Edit("hub/queries.sql", "read_online", "quit IS NULL", "COALESCE(quit, '1000-01-01') = '1000-01-01'"), "scans hub"),
    "hint_lost": (Edit(*BY_PID, " FORCE INDEX (idx_domain_pid)", ""), "promised: event.idx_domain_pid"),
    "index_ignored": (Edit(*BY_PID, "FORCE INDEX", "IGNORE INDEX"), "promised: event.idx_domain_pid"),
    "join_turned_round": (
        Edit(EVENT, "read_by_eid", "FROM event_eid\nSTRAIGHT_JOIN event ON", "FROM event\nSTRAIGHT_JOIN event_eid ON"), "scans event",
    ),
    "annotation_of_another_index": (Edit(*READ, "index: event.PRIMARY (id)", "index: event.idx_rid"), "plan: event.PRIMARY.*promised: event.idx_rid"),
    "table_of_no_index": (Edit("lock/queries.sql", "release", "AS released", "AS released FROM hub WHERE id = 'hub-1'"), "plan: hub.PRIMARY.*promised: none"),
}  # fmt: skip

SCHEMAS = {
    "partition_renamed": (
        Edit("log/schema.sql", "create", "PARTITION p_hot", "PARTITION p_warm"), {"log.archive": "the server says"}, None,
    ),
    "index_dropped": (
        Edit("event_eid/schema.sql", "create", ",\n    INDEX idx_eid (eid)", ""),
        {"event.read_page_by_eid": "idx_eid", "event.read_by_eid": r"promised: event_eid.idx_eid \(eid\)"},
        ("index idx_eid", None, "(eid)"),
    ),
    "index_of_fewer_columns": (
        Edit("event/schema.sql", "create", "(domain, pid, timestamp)", "(domain)"),
        {"event.read_by_domain_and_pid": r"idx_domain_pid \(domain\); promised: event.idx_domain_pid \(domain, pid\)"},
        ("index idx_domain_pid", "(domain)", "(domain, pid, timestamp)"),
    ),
    "column_retyped": (
        Edit("event/schema.sql", "create", "timestamp DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)", "timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP()"),
        {"event.read": r"timestamp is datetime; promised: datetime\(3\)"},
        ("column timestamp", "datetime NOT NULL DEFAULT CURRENT_TIMESTAMP", "datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)"),
    ),
    "column_may_be_null": (
        Edit("hub/schema.sql", "create", "external_ip VARCHAR(16) NOT NULL", "external_ip VARCHAR(16) NULL"),
        {"hub.read": "external_ip may be NULL", "hub.read_online": "external_ip may be NULL"},
        ("column external_ip", "varchar(16) NULL COLLATE utf8mb4_bin", "varchar(16) NOT NULL COLLATE utf8mb4_bin"),
    ),
    "column_added": (
        Edit("event_cpid/schema.sql", "create", "    cpid VARCHAR(64) NOT NULL,\n", "    cpid VARCHAR(64) NOT NULL,\n    note VARCHAR(64) NOT NULL,\n"),
        {},
        ("column note", "varchar(64) NOT NULL COLLATE utf8mb4_bin", None),
    ),
    "schema_syntax_error": (
        Edit("event/schema.sql", "create", "data JSON NOT NULL", "data JSON NOT NUL"), {"event.create": r"\(1064\)"}, None,
    ),
}  # fmt: skip

HARMLESS = {
    "comment_with_an_apostrophe": Edit(*READ, "FROM event", "FROM event -- it's the DBA's: see :ticket"),
    "comment_with_a_hash": Edit(*READ, "FROM event", "FROM event # don't ask for :that"),
    "comment_before_the_sql": Edit(*READ, "SELECT id", "/* why: it's asked for all the time */ SELECT id"),
    "comment_in_a_session_statement": Edit("session/queries.sql", "begin", "START TRANSACTION", "start /* ours */ transaction"),
    "comment_in_an_alteration": Edit(*LOG, "ALTER TABLE log", "alter table `log` -- ours\n"),
    "index_added_to_a_table": Edit("hub/schema.sql", "create", "PRIMARY KEY (id),", "PRIMARY KEY (id), INDEX idx_ours (quit, id),"),
    "locking_read": Edit(*READ, "WHERE id = :id", "WHERE id = :id FOR UPDATE"),
    "function_called_replace": Edit(*READ, "WHERE id = :id", "WHERE id = :id AND REPLACE(name, 'a', 'b') <> ''"),
    "write_with_another_predicate": Edit(*CLAIM, "event_id = :event_id AND consumed_hub IS NULL", "(consumed_hub IS NULL) AND publisher <> '' AND :event_id = `EVENT_ID`"),
    "write_of_another_value": Edit("event_cpid/queries.sql", "persist", "(event_id, cpid)\nVALUES (:event_id, :cpid)", "(cpid, event_id)\nVALUES (LOWER(:cpid), :event_id)"),
    "write_by_an_alias": Edit(*CLAIM, "event_published FORCE INDEX (PRIMARY)\nSET hub = :hub, consumed_hub = CURRENT_TIMESTAMP()\nWHERE event_id", "event_published AS p FORCE INDEX (PRIMARY)\nSET p.hub = :hub, p.consumed_hub = NOW()\nWHERE p.event_id"),
    "write_of_a_joined_table": Edit(*DELETE, "DELETE FROM event\nWHERE id", "DELETE event FROM event STRAIGHT_JOIN (SELECT 1) AS one\nWHERE event.id"),
    "write_with_a_hint": Edit(*DELETE, "DELETE FROM", "DELETE /*+ NO_ICP(event) */ FROM"),
    "white_space": Edit(*READ, "FROM event\nWHERE id = :id", "  FROM\tevent\n\n  WHERE id=:id  "),
    "reordered_predicates": Edit(*BY_PID, "domain = :domain AND pid = :pid", "pid = :pid AND domain = :domain"),
    "extra_hint": Edit(*READ, "SELECT id", "SELECT /*+ NO_ICP(event) */ id"),
    "equivalent_join": Edit(
        "event_scheduled/queries.sql", "read", "INNER JOIN event ON event.id = event_scheduled.event_id", "STRAIGHT_JOIN event ON event_scheduled.event_id = event.id"
    ),
    "lower_case": Edit("event_cpid/queries.sql", "persist", "INSERT INTO event_cpid (event_id, cpid)\nVALUES (", "insert into event_cpid (event_id, cpid)\nvalues("),
    "backticks": Edit(*READ, "FROM event\nWHERE id", "FROM `event`\nWHERE `id`"),
    "alias": Edit(*READ, "FROM event\nWHERE id", "FROM event AS e\nWHERE e.id"),
    "raw_percent": Edit(*READ, "id = :id", "id = :id AND name NOT LIKE '%s%' AND 7 % 4 = 3"),
    "quote_behind_a_backslash": Edit(*READ, "id = :id", "id = :id AND name <> 'it\\'s :not one'"),
    "colon_in_a_string": Edit(*READ, "id = :id", 'id = :id AND name <> "12:30 :x" AND name <> \'a\'\':b\''),
    "question_mark_in_a_string": Edit(*READ, "id = :id", "id = :id AND name <> 'what?'"),
    "another_purpose": Edit(*READ, "-- One event.", "-- One event: the one asked for."),
    "parameters_in_another_order": Edit(*BY_PID, "(domain, pid, limit)", "(limit, pid, domain)"),
    "between_spelled_out": Edit(
        EVENT, "read_by_domain_and_pid_between_timestamps", "timestamp BETWEEN :start AND :end", "timestamp >= :start AND timestamp <= :end"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, *NOT_KEPT])
def test_load_refuses(tmp_path: Path, name: str) -> None:
    edit, reason = (REFUSED | NOT_KEPT)[name]
    copy = edited_copy(tmp_path, edit)
    refusal = load_refusal(copy)
    assert refusal is not None
    assert reason in refusal
    assert re.search(rf"{copy}/{edit.file}:\d+: query ", refusal)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNPROVEN)
def test_check_names_the_query_and_the_reason(tmp_path: Path, check_settings: Settings, name: str) -> None:
    edit, reason = UNPROVEN[name]
    copy = edited_copy(tmp_path, edit)
    (finding,) = check_findings(check_settings, copy, edit.name)
    assert finding.query == edit.name
    assert re.search(reason, "; ".join(finding.problems)), finding
    assert finding.path == str(copy / edit.file)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_check_and_diff_of_a_schema(tmp_path: Path, settings: Settings, check_settings: Settings, name: str) -> None:
    edit, reasons, expected = SCHEMAS[name]
    copy = edited_copy(tmp_path, edit)
    found = {finding.query: finding for finding in check_findings(check_settings, copy, keep=False, rows=2_000)}
    for query, reason in reasons.items():
        assert re.search(reason, "; ".join(found[query].problems)), found[query]
    if expected is not None:
        (difference,) = diff(settings, load_specs(str(copy)))
        assert (difference.item, difference.ours, difference.live) == expected
        assert difference.path == str(copy / edit.file)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_edit_passes(tmp_path: Path, check_settings: Settings, name: str) -> None:
    edit = HARMLESS[name]
    copy = edited_copy(tmp_path, edit)
    assert load_refusal(copy) is None
    (finding,) = check_findings(check_settings, copy, edit.name)
    assert finding.problems == []
    assert finding.doubts == []


def test_undamaged_copy_passes(tmp_path: Path, check_settings: Settings) -> None:
    findings = check_findings(check_settings, edited_copy(tmp_path))
    assert [finding for finding in findings if finding.problems or finding.doubts] == []
