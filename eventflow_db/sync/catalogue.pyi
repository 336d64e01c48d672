# Generated from sql/ by scripts/generate; do not edit.
"""The queries, as aiosql's methods: what they take, and what comes back."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ..query.statement import Statement
from ..records import (
    Certificate,
    ClaimedEvent,
    Event,
    Hub,
    Log,
    OnlineHub,
    PublicationCount,
    PublishedEvent,
    ScheduleCount,
    ScheduledEvent,
    ServerState,
    SessionVariables,
)
from .caller import Caller

class Query:
    statement: Statement
    def __call__(self, *args: Any, **values: Any) -> Any: ...

class CertificatePersist(Query):
    def __call__(
        self,
        session: Caller,
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
    ) -> int: ...

class CertificateRead(Query):
    def __call__(self, session: Caller, /, *, id: str) -> Certificate: ...

class CertificateRevoke(Query):
    def __call__(self, session: Caller, /, *, id: str) -> int: ...

class CertificateRevokePastValidityPeriod(Query):
    def __call__(self, session: Caller, /) -> int: ...

class CertificateReadList(Query):
    def __call__(self, session: Caller, /, *, id: str) -> list[Certificate]: ...

class CertificateReadExpiring(Query):
    def __call__(self, session: Caller, /, *, before: datetime) -> list[Certificate]: ...

class CertificatePurgeList(Query):
    def __call__(self, session: Caller, /, *, before: datetime, limit: int | None = ...) -> int: ...

class CertificateReadDaysLeft(Query):
    def __call__(self, session: Caller, /, *, days: int, limit: int | None) -> list[tuple[str, int]]: ...

class CertificateCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventPersist(Query):
    def __call__(
        self,
        session: Caller,
        /,
        *,
        id: str,
        timestamp: datetime | None = ...,
        domain: str,
        rid: str | None = ...,
        pid: str,
        name: str,
        data: Any,
    ) -> int: ...

class EventRead(Query):
    def __call__(self, session: Caller, /, *, id: str) -> Event: ...

class EventReadDomainsOf(Query):
    def __call__(self, session: Caller, /, *, ids: Sequence[str]) -> list[tuple[str, str]]: ...

class EventDelete(Query):
    def __call__(self, session: Caller, /, *, id: str) -> int: ...

class EventReadByDomainAndPid(Query):
    def __call__(self, session: Caller, /, *, domain: str, pid: str, limit: int | None) -> list[Event]: ...

class EventReadPageByDomainAndPid(Query):
    def __call__(
        self, session: Caller, /, *, domain: str, pid: str, timestamp: datetime, id: str, page: int
    ) -> list[Event]: ...

class EventReadByDomainAndPidBetweenTimestamps(Query):
    def __call__(
        self, session: Caller, /, *, domain: str, pid: str, start: datetime, end: datetime, limit: int | None
    ) -> list[Event]: ...

class EventReadByDomainAndPidAndNames(Query):
    def __call__(
        self, session: Caller, /, *, domain: str, pid: str, names: Sequence[str], limit: int | None
    ) -> list[Event]: ...

class EventReadDistinctPidByDomain(Query):
    def __call__(self, session: Caller, /, *, domain: str, limit: int | None) -> list[str]: ...

class EventDeleteByDomainAndPid(Query):
    def __call__(self, session: Caller, /, *, domain: str, pid: str) -> int: ...

class EventReadByDomainAndCpid(Query):
    def __call__(self, session: Caller, /, *, domain: str, cpid: str, limit: int | None) -> list[Event]: ...

class EventReadByEid(Query):
    def __call__(self, session: Caller, /, *, eid: str, limit: int | None) -> list[Event]: ...

class EventReadByDomainAndEid(Query):
    def __call__(self, session: Caller, /, *, domain: str, eid: str, limit: int | None) -> list[Event]: ...

class EventReadPageByDomainAndCpid(Query):
    def __call__(self, session: Caller, /, *, domain: str, cpid: str, after: str, page: int) -> list[Event]: ...

class EventReadPageByEid(Query):
    def __call__(self, session: Caller, /, *, eid: str, after: str, page: int) -> list[Event]: ...

class EventReadPageByDomainAndEid(Query):
    def __call__(self, session: Caller, /, *, domain: str, eid: str, after: str, page: int) -> list[Event]: ...

class EventReadLatestByDomainAndPid(Query):
    def __call__(self, session: Caller, /, *, domain: str, pid: str) -> Event | None: ...

class EventReadByRid(Query):
    def __call__(self, session: Caller, /, *, rid: str, limit: int | None) -> list[Event]: ...

class EventReadDomains(Query):
    def __call__(self, session: Caller, /) -> list[str]: ...

class EventReadIdsByDomainAndPid(Query):
    def __call__(self, session: Caller, /, *, domain: str, pid: str, limit: int) -> list[str]: ...

class EventDeleteList(Query):
    def __call__(self, session: Caller, /, *, ids: Sequence[str]) -> int: ...

class EventReadPurgeable(Query):
    def __call__(self, session: Caller, /, *, domain: str, before: datetime, limit: int) -> list[str]: ...

class EventLockList(Query):
    def __call__(self, session: Caller, /, *, ids: Sequence[str]) -> list[str]: ...

class EventPurge(Query):
    def __call__(self, session: Caller, /, *, ids: Sequence[str], before: datetime) -> int: ...

class EventCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventCpidPersist(Query):
    def __call__(self, session: Caller, /, *, event_id: str, cpid: str, domain: str | None = ...) -> int: ...

class EventCpidPersistInDomain(Query):
    def __call__(self, session: Caller, /, *, event_id: str, cpid: str, domain: str | None = ...) -> int: ...

class EventCpidDelete(Query):
    def __call__(self, session: Caller, /, *, event_id: str, cpid: str, domain: str | None = ...) -> int: ...

class EventCpidReadByEventId(Query):
    def __call__(self, session: Caller, /, *, event_id: str, limit: int | None) -> list[str]: ...

class EventCpidReadByEventIdWithDomain(Query):
    def __call__(self, session: Caller, /, *, event_id: str, limit: int | None) -> list[tuple[str, str]]: ...

class EventCpidCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventEidPersist(Query):
    def __call__(self, session: Caller, /, *, event_id: str, eid: str) -> int: ...

class EventEidDelete(Query):
    def __call__(self, session: Caller, /, *, event_id: str, eid: str) -> int: ...

class EventEidReadByEventId(Query):
    def __call__(self, session: Caller, /, *, event_id: str, limit: int | None) -> list[str]: ...

class EventEidCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventPublishedPersist(Query):
    def __call__(self, session: Caller, /, *, event_id: str, publisher: str) -> int: ...

class EventPublishedRead(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> PublishedEvent: ...

class EventPublishedUpdateToConsumedByHub(Query):
    def __call__(self, session: Caller, /, *, event_id: str, hub: str) -> int: ...

class EventPublishedUpdateToConsumedBySpoke(Query):
    def __call__(self, session: Caller, /, *, event_id: str, spoke: str) -> int: ...

class EventPublishedUpdateToSuccess(Query):
    def __call__(self, session: Caller, /, *, event_id: str, consumer: str | None = ...) -> int: ...

class EventPublishedUpdateToFailed(Query):
    def __call__(
        self, session: Caller, /, *, event_id: str, consumer: str | None = ..., error: Any | None = ...
    ) -> int: ...

class EventPublishedUpdateToOrphan(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> int: ...

class EventPublishedRetry(Query):
    def __call__(
        self, session: Caller, /, *, event_id: str, consumer: str | None = ..., error: Any | None = ..., retry_in: int
    ) -> int: ...

class EventPublishedReadWithoutDomain(Query):
    def __call__(self, session: Caller, /) -> list[str]: ...

class EventPublishedFillInDomain(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str]) -> int: ...

class EventPublishedReadAvailable(Query):
    def __call__(self, session: Caller, /, *, domain: str, limit: int) -> list[ClaimedEvent]: ...

class EventPublishedReadAvailableByNames(Query):
    def __call__(self, session: Caller, /, *, domain: str, names: Sequence[str], limit: int) -> list[ClaimedEvent]: ...

class EventPublishedPostpone(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str]) -> int: ...

class EventPublishedClaim(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str], consumer: str, lease: int) -> int: ...

class EventPublishedExtend(Query):
    def __call__(self, session: Caller, /, *, event_id: str, consumer: str, lease: int | None = ...) -> int: ...

class EventPublishedReleaseList(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str], consumer: str | None = ...) -> int: ...

class EventPublishedReadDomains(Query):
    def __call__(self, session: Caller, /) -> list[str]: ...

class EventPublishedReadList(Query):
    def __call__(
        self,
        session: Caller,
        /,
        *,
        queue: str | None = ...,
        domain: str | None = ...,
        state: str,
        before: datetime | None = ...,
        limit: int | None,
    ) -> list[PublishedEvent]: ...

class EventPublishedRequeue(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str], state: str) -> int: ...

class EventPublishedPublishDue(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str]) -> int: ...

class EventPublishedReadPublished(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str]) -> list[str]: ...

class EventPublishedCount(Query):
    def __call__(self, session: Caller, /, *, queue: str | None = ...) -> list[PublicationCount]: ...

class EventPublishedCountLately(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventPublishedCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class EventScheduledPersist(Query):
    def __call__(self, session: Caller, /, *, event_id: str, scheduled: datetime) -> int: ...

class EventScheduledRead(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> ScheduledEvent: ...

class EventScheduledReadList(Query):
    def __call__(self, session: Caller, /, *, limit: int | None) -> list[ScheduledEvent]: ...

class EventScheduledUpdateExecuted(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> int: ...

class EventScheduledUpdateSuccess(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> int: ...

class EventScheduledUpdateFailed(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> int: ...

class EventScheduledReadDue(Query):
    def __call__(self, session: Caller, /, *, limit: int | None) -> list[ScheduledEvent]: ...

class EventScheduledLockDue(Query):
    def __call__(self, session: Caller, /, *, limit: int) -> list[str]: ...

class EventScheduledExecute(Query):
    def __call__(self, session: Caller, /, *, event_ids: Sequence[str]) -> int: ...

class EventScheduledRescheduleEvent(Query):
    def __call__(self, session: Caller, /, *, event_id: str, scheduled: datetime) -> int: ...

class EventScheduledCancel(Query):
    def __call__(self, session: Caller, /, *, event_id: str) -> int: ...

class EventScheduledCount(Query):
    def __call__(self, session: Caller, /) -> ScheduleCount | None: ...

class EventScheduledCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class HubPersist(Query):
    def __call__(
        self, session: Caller, /, *, id: str, external_ip: str, external_port: int, internal_ip: str, internal_port: int
    ) -> int: ...

class HubRead(Query):
    def __call__(self, session: Caller, /, *, id: str) -> Hub: ...

class HubReadOnline(Query):
    def __call__(self, session: Caller, /, *, limit: int | None) -> list[Hub]: ...

class HubUpdateToQuit(Query):
    def __call__(self, session: Caller, /, *, id: str) -> int: ...

class HubHasQuit(Query):
    def __call__(self, session: Caller, /, *, id: str) -> bool | None: ...

class HubPurgeList(Query):
    def __call__(self, session: Caller, /, *, before: datetime, limit: int | None = ...) -> int: ...

class HubReadHeard(Query):
    def __call__(self, session: Caller, /, *, limit: int | None) -> list[OnlineHub]: ...

class HubCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class LeaseAcquire(Query):
    def __call__(self, session: Caller, /, *, reference: str, holder: str, lease: int) -> int: ...

class LeasePersist(Query):
    def __call__(self, session: Caller, /, *, reference: str, holder: str, lease: int) -> int: ...

class LeaseReadFence(Query):
    def __call__(self, session: Caller, /, *, reference: str, holder: str) -> int | None: ...

class LeaseExtend(Query):
    def __call__(self, session: Caller, /, *, reference: str, holder: str, fence: int, lease: int) -> int: ...

class LeaseRelease(Query):
    def __call__(self, session: Caller, /, *, reference: str, holder: str) -> int: ...

class LeaseCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class LockAcquire(Query):
    def __call__(self, session: Caller, /, *, reference: str, timeout: int) -> int | None: ...

class LockIsHeld(Query):
    def __call__(self, session: Caller, /, *, reference: str) -> int | None: ...

class LockRelease(Query):
    def __call__(self, session: Caller, /, *, reference: str) -> int | None: ...

class LogPersist(Query):
    def __call__(self, session: Caller, /, *, agent: str, message: str, error: Any) -> int: ...

class LogReadPartitions(Query):
    def __call__(self, session: Caller, /) -> list[str]: ...

class LogArchive(Query):
    def __call__(self, session: Caller, /, *, partition: date, date: date) -> int: ...

class LogReadLastPartition(Query):
    def __call__(self, session: Caller, /) -> str | None: ...

class LogPrepare(Query):
    def __call__(self, session: Caller, /, *, partition: date, date: date) -> int: ...

class LogReadPartitionsBefore(Query):
    def __call__(self, session: Caller, /, *, date: date) -> list[str]: ...

class LogDropPartition(Query):
    def __call__(self, session: Caller, /, *, partition: date) -> int: ...

class LogReadList(Query):
    def __call__(
        self,
        session: Caller,
        /,
        *,
        start: datetime | None = ...,
        end: datetime | None = ...,
        after: int | None = ...,
        limit: int | None = ...,
    ) -> list[Log]: ...

class LogReadByAgent(Query):
    def __call__(
        self,
        session: Caller,
        /,
        *,
        agent: str,
        start: datetime | None = ...,
        end: datetime | None = ...,
        after: int | None = ...,
        limit: int | None = ...,
    ) -> list[Log]: ...

class LogCreateTable(Query):
    def __call__(self, session: Caller, /) -> int: ...

class SessionPing(Query):
    def __call__(self, session: Caller, /) -> int: ...

class SessionReadVariables(Query):
    def __call__(self, session: Caller, /) -> SessionVariables | None: ...

class SessionBegin(Query):
    def __call__(self, session: Caller, /) -> int: ...

class SessionCommit(Query):
    def __call__(self, session: Caller, /) -> int: ...

class SessionRollback(Query):
    def __call__(self, session: Caller, /) -> int: ...

class SessionSavepoint(Query):
    def __call__(self, session: Caller, /, *, savepoint: int) -> int: ...

class SessionRollbackToSavepoint(Query):
    def __call__(self, session: Caller, /, *, savepoint: int) -> int: ...

class SessionReleaseSavepoint(Query):
    def __call__(self, session: Caller, /, *, savepoint: int) -> int: ...

class SessionReadUnfitTables(Query):
    def __call__(self, session: Caller, /) -> list[str]: ...

class SessionReadServer(Query):
    def __call__(self, session: Caller, /) -> ServerState | None: ...

class CertificateQueries:
    persist: CertificatePersist
    read: CertificateRead
    revoke: CertificateRevoke
    revoke_past_validity_period: CertificateRevokePastValidityPeriod
    read_list: CertificateReadList
    read_expiring: CertificateReadExpiring
    purge_list: CertificatePurgeList
    read_days_left: CertificateReadDaysLeft
    create_table: CertificateCreateTable

class EventQueries:
    persist: EventPersist
    read: EventRead
    read_domains_of: EventReadDomainsOf
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
    read_latest_by_domain_and_pid: EventReadLatestByDomainAndPid
    read_by_rid: EventReadByRid
    read_domains: EventReadDomains
    read_ids_by_domain_and_pid: EventReadIdsByDomainAndPid
    delete_list: EventDeleteList
    read_purgeable: EventReadPurgeable
    lock_list: EventLockList
    purge: EventPurge
    create_table: EventCreateTable

class EventCpidQueries:
    persist: EventCpidPersist
    persist_in_domain: EventCpidPersistInDomain
    delete: EventCpidDelete
    read_by_event_id: EventCpidReadByEventId
    read_by_event_id_with_domain: EventCpidReadByEventIdWithDomain
    create_table: EventCpidCreateTable

class EventEidQueries:
    persist: EventEidPersist
    delete: EventEidDelete
    read_by_event_id: EventEidReadByEventId
    create_table: EventEidCreateTable

class EventPublishedQueries:
    persist: EventPublishedPersist
    read: EventPublishedRead
    update_to_consumed_by_hub: EventPublishedUpdateToConsumedByHub
    update_to_consumed_by_spoke: EventPublishedUpdateToConsumedBySpoke
    update_to_success: EventPublishedUpdateToSuccess
    update_to_failed: EventPublishedUpdateToFailed
    update_to_orphan: EventPublishedUpdateToOrphan
    retry: EventPublishedRetry
    read_without_domain: EventPublishedReadWithoutDomain
    fill_in_domain: EventPublishedFillInDomain
    read_available: EventPublishedReadAvailable
    read_available_by_names: EventPublishedReadAvailableByNames
    postpone: EventPublishedPostpone
    claim: EventPublishedClaim
    extend: EventPublishedExtend
    release_list: EventPublishedReleaseList
    read_domains: EventPublishedReadDomains
    read_list: EventPublishedReadList
    requeue: EventPublishedRequeue
    publish_due: EventPublishedPublishDue
    read_published: EventPublishedReadPublished
    count: EventPublishedCount
    count_lately: EventPublishedCountLately
    create_table: EventPublishedCreateTable

class EventScheduledQueries:
    persist: EventScheduledPersist
    read: EventScheduledRead
    read_list: EventScheduledReadList
    update_executed: EventScheduledUpdateExecuted
    update_success: EventScheduledUpdateSuccess
    update_failed: EventScheduledUpdateFailed
    read_due: EventScheduledReadDue
    lock_due: EventScheduledLockDue
    execute: EventScheduledExecute
    reschedule_event: EventScheduledRescheduleEvent
    cancel: EventScheduledCancel
    count: EventScheduledCount
    create_table: EventScheduledCreateTable

class HubQueries:
    persist: HubPersist
    read: HubRead
    read_online: HubReadOnline
    update_to_quit: HubUpdateToQuit
    has_quit: HubHasQuit
    purge_list: HubPurgeList
    read_heard: HubReadHeard
    create_table: HubCreateTable

class LeaseQueries:
    acquire: LeaseAcquire
    persist: LeasePersist
    read_fence: LeaseReadFence
    extend: LeaseExtend
    release: LeaseRelease
    create_table: LeaseCreateTable

class LockQueries:
    acquire: LockAcquire
    is_held: LockIsHeld
    release: LockRelease

class LogQueries:
    persist: LogPersist
    read_partitions: LogReadPartitions
    archive: LogArchive
    read_last_partition: LogReadLastPartition
    prepare: LogPrepare
    read_partitions_before: LogReadPartitionsBefore
    drop_partition: LogDropPartition
    read_list: LogReadList
    read_by_agent: LogReadByAgent
    create_table: LogCreateTable

class SessionQueries:
    ping: SessionPing
    read_variables: SessionReadVariables
    begin: SessionBegin
    commit: SessionCommit
    rollback: SessionRollback
    savepoint: SessionSavepoint
    rollback_to_savepoint: SessionRollbackToSavepoint
    release_savepoint: SessionReleaseSavepoint
    read_unfit_tables: SessionReadUnfitTables
    read_server: SessionReadServer

class Catalogue:
    """The tables with their queries."""

    certificate: CertificateQueries
    event: EventQueries
    event_cpid: EventCpidQueries
    event_eid: EventEidQueries
    event_published: EventPublishedQueries
    event_scheduled: EventScheduledQueries
    hub: HubQueries
    lease: LeaseQueries
    lock: LockQueries
    log: LogQueries
    session: SessionQueries
