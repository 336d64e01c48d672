# Generated from sql/ by scripts/generate; do not edit.
"""The queries as the wrapper sees them: their parameters, and what comes back."""

from collections.abc import Generator, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from .query.rows import Result
from .query.statement import Statement
from .records import Certificate, Event, Hub, PublishedEvent, ScheduledEvent, SessionVariables

T = TypeVar("T")

class Outcome(Result):
    """A result, or an awaitable of one, as the connection has it."""

    def __await__(self) -> Generator[Any, None, Result]: ...

class Affected(Outcome):
    """How many rows were written."""

class Rows(Outcome, Generic[T]):
    """Any number of rows."""

class Row(Outcome, Generic[T]):
    """One row; where the type has None, none is no error."""

class Query:
    """What every query has."""

    sql: Statement

class CertificatePersist(Query):
    def __call__(
        self,
        connection: Any,
        /,
        *,
        id: str,
        validity: datetime,
        cert: str,
        key: bytes,
        key_iv: bytes,
        key_salt: bytes,
        key_tag: bytes,
        pass_: bytes,
        pass_iv: bytes,
        pass_salt: bytes,
        pass_tag: bytes,
    ) -> Affected: ...

class CertificateRead(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Row[Certificate]: ...

class CertificateRevoke(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Affected: ...

class CertificateRevokePastValidity(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class CertificateCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class EventPersist(Query):
    def __call__(
        self,
        connection: Any,
        /,
        *,
        id: str,
        timestamp: datetime | None = ...,
        domain: str,
        rid: str | None = ...,
        pid: str,
        name: str,
        data: Any,
    ) -> Affected: ...

class EventRead(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Row[Event]: ...

class EventDelete(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Affected: ...

class EventReadByDomainAndPid(Query):
    def __call__(self, connection: Any, /, *, domain: str, pid: str, limit: int | None) -> Rows[Event]: ...

class EventReadPageByDomainAndPid(Query):
    def __call__(
        self, connection: Any, /, *, domain: str, pid: str, timestamp: datetime, id: str, page: int
    ) -> Rows[Event]: ...

class EventReadByDomainAndPidBetweenTimestamps(Query):
    def __call__(
        self, connection: Any, /, *, domain: str, pid: str, start: datetime, end: datetime, limit: int | None
    ) -> Rows[Event]: ...

class EventReadByDomainAndPidAndNames(Query):
    def __call__(
        self, connection: Any, /, *, domain: str, pid: str, names: Sequence[str], limit: int | None
    ) -> Rows[Event]: ...

class EventReadDistinctPidByDomain(Query):
    def __call__(self, connection: Any, /, *, domain: str, limit: int | None) -> Rows[str]: ...

class EventDeleteByDomainAndPid(Query):
    def __call__(self, connection: Any, /, *, domain: str, pid: str) -> Affected: ...

class EventReadByDomainAndCpid(Query):
    def __call__(self, connection: Any, /, *, domain: str, cpid: str, limit: int | None) -> Rows[Event]: ...

class EventReadByEid(Query):
    def __call__(self, connection: Any, /, *, eid: str, limit: int | None) -> Rows[Event]: ...

class EventReadByDomainAndEid(Query):
    def __call__(self, connection: Any, /, *, domain: str, eid: str, limit: int | None) -> Rows[Event]: ...

class EventReadPageByDomainAndCpid(Query):
    def __call__(self, connection: Any, /, *, domain: str, cpid: str, after: str, page: int) -> Rows[Event]: ...

class EventReadPageByEid(Query):
    def __call__(self, connection: Any, /, *, eid: str, after: str, page: int) -> Rows[Event]: ...

class EventReadPageByDomainAndEid(Query):
    def __call__(self, connection: Any, /, *, domain: str, eid: str, after: str, page: int) -> Rows[Event]: ...

class EventCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class EventCpidPersist(Query):
    def __call__(self, connection: Any, /, *, event_id: str, cpid: str) -> Affected: ...

class EventCpidDelete(Query):
    def __call__(self, connection: Any, /, *, event_id: str, cpid: str) -> Affected: ...

class EventCpidReadByEventId(Query):
    def __call__(self, connection: Any, /, *, event_id: str, limit: int | None) -> Rows[str]: ...

class EventCpidCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class EventEidPersist(Query):
    def __call__(self, connection: Any, /, *, event_id: str, eid: str) -> Affected: ...

class EventEidDelete(Query):
    def __call__(self, connection: Any, /, *, event_id: str, eid: str) -> Affected: ...

class EventEidReadByEventId(Query):
    def __call__(self, connection: Any, /, *, event_id: str, limit: int | None) -> Rows[str]: ...

class EventEidCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class EventPublishedPersist(Query):
    def __call__(self, connection: Any, /, *, event_id: str, publisher: str) -> Affected: ...

class EventPublishedRead(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Row[PublishedEvent]: ...

class EventPublishedUpdateToConsumedByHub(Query):
    def __call__(self, connection: Any, /, *, event_id: str, hub: str) -> Affected: ...

class EventPublishedUpdateToConsumedBySpoke(Query):
    def __call__(self, connection: Any, /, *, event_id: str, spoke: str) -> Affected: ...

class EventPublishedUpdateToSuccess(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventPublishedUpdateToFailed(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventPublishedUpdateToOrphan(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventPublishedCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class EventScheduledPersist(Query):
    def __call__(self, connection: Any, /, *, event_id: str, scheduled: datetime) -> Affected: ...

class EventScheduledRead(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Row[ScheduledEvent]: ...

class EventScheduledReadNotExecuted(Query):
    def __call__(self, connection: Any, /, *, limit: int | None) -> Rows[ScheduledEvent]: ...

class EventScheduledUpdateExecuted(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventScheduledUpdateSuccess(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventScheduledUpdateFailed(Query):
    def __call__(self, connection: Any, /, *, event_id: str) -> Affected: ...

class EventScheduledCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class HubPersist(Query):
    def __call__(
        self, connection: Any, /, *, id: str, external_ip: str, external_port: int, internal_ip: str, internal_port: int
    ) -> Affected: ...

class HubRead(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Row[Hub]: ...

class HubReadOnline(Query):
    def __call__(self, connection: Any, /, *, limit: int | None) -> Rows[Hub]: ...

class HubUpdateToQuit(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Affected: ...

class HubHasQuit(Query):
    def __call__(self, connection: Any, /, *, id: str) -> Row[bool | None]: ...

class HubCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class LockAcquire(Query):
    def __call__(self, connection: Any, /, *, reference: str, timeout: int) -> Row[int | None]: ...

class LockRelease(Query):
    def __call__(self, connection: Any, /, *, reference: str) -> Row[int | None]: ...

class LogPersist(Query):
    def __call__(self, connection: Any, /, *, agent: str, message: str, error: Any) -> Affected: ...

class LogReadPartitions(Query):
    def __call__(self, connection: Any, /) -> Rows[str]: ...

class LogArchive(Query):
    def __call__(self, connection: Any, /, *, partition: date, date: date) -> Affected: ...

class LogReadLastPartition(Query):
    def __call__(self, connection: Any, /) -> Row[str | None]: ...

class LogPrepare(Query):
    def __call__(self, connection: Any, /, *, partition: date, date: date) -> Affected: ...

class LogReadPartitionsBefore(Query):
    def __call__(self, connection: Any, /, *, date: date) -> Rows[str]: ...

class LogDropPartition(Query):
    def __call__(self, connection: Any, /, *, partition: date) -> Affected: ...

class LogCreate(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionPing(Query):
    def __call__(self, connection: Any, /) -> Row[int]: ...

class SessionReadVariables(Query):
    def __call__(self, connection: Any, /) -> Row[SessionVariables | None]: ...

class SessionBegin(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionCommit(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionRollback(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionSavepoint(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionRollbackToSavepoint(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class SessionReleaseSavepoint(Query):
    def __call__(self, connection: Any, /) -> Affected: ...

class CertificateQueries:
    persist: CertificatePersist
    read: CertificateRead
    revoke: CertificateRevoke
    revoke_past_validity: CertificateRevokePastValidity
    create: CertificateCreate

class EventQueries:
    persist: EventPersist
    read: EventRead
    delete: EventDelete
    read_by_domain_and_pid: EventReadByDomainAndPid
    read_page_by_domain_and_pid: EventReadPageByDomainAndPid
    read_by_domain_and_pid_between_timestamps: EventReadByDomainAndPidBetweenTimestamps
    read_by_domain_and_pid_and_names: EventReadByDomainAndPidAndNames
    read_distinct_pid_by_domain: EventReadDistinctPidByDomain
    delete_by_domain_and_pid: EventDeleteByDomainAndPid
    read_by_domain_and_cpid: EventReadByDomainAndCpid
    read_by_eid: EventReadByEid
    read_by_domain_and_eid: EventReadByDomainAndEid
    read_page_by_domain_and_cpid: EventReadPageByDomainAndCpid
    read_page_by_eid: EventReadPageByEid
    read_page_by_domain_and_eid: EventReadPageByDomainAndEid
    create: EventCreate

class EventCpidQueries:
    persist: EventCpidPersist
    delete: EventCpidDelete
    read_by_event_id: EventCpidReadByEventId
    create: EventCpidCreate

class EventEidQueries:
    persist: EventEidPersist
    delete: EventEidDelete
    read_by_event_id: EventEidReadByEventId
    create: EventEidCreate

class EventPublishedQueries:
    persist: EventPublishedPersist
    read: EventPublishedRead
    update_to_consumed_by_hub: EventPublishedUpdateToConsumedByHub
    update_to_consumed_by_spoke: EventPublishedUpdateToConsumedBySpoke
    update_to_success: EventPublishedUpdateToSuccess
    update_to_failed: EventPublishedUpdateToFailed
    update_to_orphan: EventPublishedUpdateToOrphan
    create: EventPublishedCreate

class EventScheduledQueries:
    persist: EventScheduledPersist
    read: EventScheduledRead
    read_not_executed: EventScheduledReadNotExecuted
    update_executed: EventScheduledUpdateExecuted
    update_success: EventScheduledUpdateSuccess
    update_failed: EventScheduledUpdateFailed
    create: EventScheduledCreate

class HubQueries:
    persist: HubPersist
    read: HubRead
    read_online: HubReadOnline
    update_to_quit: HubUpdateToQuit
    has_quit: HubHasQuit
    create: HubCreate

class LockQueries:
    acquire: LockAcquire
    release: LockRelease

class LogQueries:
    persist: LogPersist
    read_partitions: LogReadPartitions
    archive: LogArchive
    read_last_partition: LogReadLastPartition
    prepare: LogPrepare
    read_partitions_before: LogReadPartitionsBefore
    drop_partition: LogDropPartition
    create: LogCreate

class SessionQueries:
    ping: SessionPing
    read_variables: SessionReadVariables
    begin: SessionBegin
    commit: SessionCommit
    rollback: SessionRollback
    savepoint: SessionSavepoint
    rollback_to_savepoint: SessionRollbackToSavepoint
    release_savepoint: SessionReleaseSavepoint

class Catalogue:
    """The tables with their queries."""

    certificate: CertificateQueries
    event: EventQueries
    event_cpid: EventCpidQueries
    event_eid: EventEidQueries
    event_published: EventPublishedQueries
    event_scheduled: EventScheduledQueries
    hub: HubQueries
    lock: LockQueries
    log: LogQueries
    session: SessionQueries
