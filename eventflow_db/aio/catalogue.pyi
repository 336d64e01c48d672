# Generated from sql/ by scripts/generate; do not edit.
"""The queries, as aiosql's methods: what they take, and what comes back."""

from collections.abc import Awaitable, Sequence
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
from .caller import AsyncCaller

class Query:
    statement: Statement
    def __call__(self, *args: Any, **values: Any) -> Awaitable[Any]: ...

class CertificatePersist(Query):
    def __call__(
        self,
        session: AsyncCaller,
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
    ) -> Awaitable[int]: ...

class CertificateRead(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[Certificate]: ...

class CertificateRevoke(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[int]: ...

class CertificateRevokePastValidityPeriod(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class CertificateReadList(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[list[Certificate]]: ...

class CertificateReadExpiring(Query):
    def __call__(self, session: AsyncCaller, /, *, before: datetime) -> Awaitable[list[Certificate]]: ...

class CertificatePurgeList(Query):
    def __call__(self, session: AsyncCaller, /, *, before: datetime, limit: int | None = ...) -> Awaitable[int]: ...

class CertificateReadDaysLeft(Query):
    def __call__(
        self, session: AsyncCaller, /, *, days: int, limit: int | None
    ) -> Awaitable[list[tuple[str, int]]]: ...

class CertificateCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventPersist(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        id: str,
        timestamp: datetime | None = ...,
        domain: str,
        rid: str | None = ...,
        pid: str,
        name: str,
        data: Any,
    ) -> Awaitable[int]: ...

class EventRead(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[Event]: ...

class EventReadDomainsOf(Query):
    def __call__(self, session: AsyncCaller, /, *, ids: Sequence[str]) -> Awaitable[list[tuple[str, str]]]: ...

class EventDelete(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[int]: ...

class EventReadByDomainAndPid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, pid: str, limit: int | None
    ) -> Awaitable[list[Event]]: ...

class EventReadPageByDomainAndPid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, pid: str, timestamp: datetime, id: str, page: int
    ) -> Awaitable[list[Event]]: ...

class EventReadByDomainAndPidBetweenTimestamps(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, pid: str, start: datetime, end: datetime, limit: int | None
    ) -> Awaitable[list[Event]]: ...

class EventReadByDomainAndPidAndNames(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, pid: str, names: Sequence[str], limit: int | None
    ) -> Awaitable[list[Event]]: ...

class EventReadDistinctPidByDomain(Query):
    def __call__(self, session: AsyncCaller, /, *, domain: str, limit: int | None) -> Awaitable[list[str]]: ...

class EventDeleteByDomainAndPid(Query):
    def __call__(self, session: AsyncCaller, /, *, domain: str, pid: str) -> Awaitable[int]: ...

class EventReadByDomainAndCpid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, cpid: str, limit: int | None
    ) -> Awaitable[list[Event]]: ...

class EventReadByEid(Query):
    def __call__(self, session: AsyncCaller, /, *, eid: str, limit: int | None) -> Awaitable[list[Event]]: ...

class EventReadByDomainAndEid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, eid: str, limit: int | None
    ) -> Awaitable[list[Event]]: ...

class EventReadPageByDomainAndCpid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, cpid: str, after: str, page: int
    ) -> Awaitable[list[Event]]: ...

class EventReadPageByEid(Query):
    def __call__(self, session: AsyncCaller, /, *, eid: str, after: str, page: int) -> Awaitable[list[Event]]: ...

class EventReadPageByDomainAndEid(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, eid: str, after: str, page: int
    ) -> Awaitable[list[Event]]: ...

class EventReadLatestByDomainAndPid(Query):
    def __call__(self, session: AsyncCaller, /, *, domain: str, pid: str) -> Awaitable[Event | None]: ...

class EventReadByRid(Query):
    def __call__(self, session: AsyncCaller, /, *, rid: str, limit: int | None) -> Awaitable[list[Event]]: ...

class EventReadDomains(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[list[str]]: ...

class EventReadIdsByDomainAndPid(Query):
    def __call__(self, session: AsyncCaller, /, *, domain: str, pid: str, limit: int) -> Awaitable[list[str]]: ...

class EventDeleteList(Query):
    def __call__(self, session: AsyncCaller, /, *, ids: Sequence[str]) -> Awaitable[int]: ...

class EventReadPurgeable(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, before: datetime, limit: int
    ) -> Awaitable[list[str]]: ...

class EventLockList(Query):
    def __call__(self, session: AsyncCaller, /, *, ids: Sequence[str]) -> Awaitable[list[str]]: ...

class EventPurge(Query):
    def __call__(self, session: AsyncCaller, /, *, ids: Sequence[str], before: datetime) -> Awaitable[int]: ...

class EventCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventCpidPersist(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, cpid: str, domain: str | None = ...
    ) -> Awaitable[int]: ...

class EventCpidPersistInDomain(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, cpid: str, domain: str | None = ...
    ) -> Awaitable[int]: ...

class EventCpidDelete(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, cpid: str, domain: str | None = ...
    ) -> Awaitable[int]: ...

class EventCpidReadByEventId(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, limit: int | None) -> Awaitable[list[str]]: ...

class EventCpidReadByEventIdWithDomain(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, limit: int | None
    ) -> Awaitable[list[tuple[str, str]]]: ...

class EventCpidCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventEidPersist(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, eid: str) -> Awaitable[int]: ...

class EventEidDelete(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, eid: str) -> Awaitable[int]: ...

class EventEidReadByEventId(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, limit: int | None) -> Awaitable[list[str]]: ...

class EventEidCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventPublishedPersist(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, publisher: str) -> Awaitable[int]: ...

class EventPublishedRead(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[PublishedEvent]: ...

class EventPublishedUpdateToConsumedByHub(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, hub: str) -> Awaitable[int]: ...

class EventPublishedUpdateToConsumedBySpoke(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, spoke: str) -> Awaitable[int]: ...

class EventPublishedUpdateToSuccess(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, consumer: str | None = ...) -> Awaitable[int]: ...

class EventPublishedUpdateToFailed(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, consumer: str | None = ..., error: Any | None = ...
    ) -> Awaitable[int]: ...

class EventPublishedUpdateToOrphan(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[int]: ...

class EventPublishedRetry(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        event_id: str,
        consumer: str | None = ...,
        error: Any | None = ...,
        retry_in: int,
    ) -> Awaitable[int]: ...

class EventPublishedReadWithoutDomain(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[list[str]]: ...

class EventPublishedFillInDomain(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str]) -> Awaitable[int]: ...

class EventPublishedReadAvailable(Query):
    def __call__(self, session: AsyncCaller, /, *, domain: str, limit: int) -> Awaitable[list[ClaimedEvent]]: ...

class EventPublishedReadAvailableByNames(Query):
    def __call__(
        self, session: AsyncCaller, /, *, domain: str, names: Sequence[str], limit: int
    ) -> Awaitable[list[ClaimedEvent]]: ...

class EventPublishedPostpone(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str]) -> Awaitable[int]: ...

class EventPublishedClaim(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_ids: Sequence[str], consumer: str, lease: int
    ) -> Awaitable[int]: ...

class EventPublishedExtend(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_id: str, consumer: str, lease: int | None = ...
    ) -> Awaitable[int]: ...

class EventPublishedReleaseList(Query):
    def __call__(
        self, session: AsyncCaller, /, *, event_ids: Sequence[str], consumer: str | None = ...
    ) -> Awaitable[int]: ...

class EventPublishedReadDomains(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[list[str]]: ...

class EventPublishedReadList(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        queue: str | None = ...,
        domain: str | None = ...,
        state: str,
        before: datetime | None = ...,
        limit: int | None,
    ) -> Awaitable[list[PublishedEvent]]: ...

class EventPublishedRequeue(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str], state: str) -> Awaitable[int]: ...

class EventPublishedPublishDue(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str]) -> Awaitable[int]: ...

class EventPublishedReadPublished(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str]) -> Awaitable[list[str]]: ...

class EventPublishedCount(Query):
    def __call__(self, session: AsyncCaller, /, *, queue: str | None = ...) -> Awaitable[list[PublicationCount]]: ...

class EventPublishedCountLately(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventPublishedCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class EventScheduledPersist(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, scheduled: datetime) -> Awaitable[int]: ...

class EventScheduledRead(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[ScheduledEvent]: ...

class EventScheduledReadList(Query):
    def __call__(self, session: AsyncCaller, /, *, limit: int | None) -> Awaitable[list[ScheduledEvent]]: ...

class EventScheduledUpdateExecuted(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[int]: ...

class EventScheduledUpdateSuccess(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[int]: ...

class EventScheduledUpdateFailed(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[int]: ...

class EventScheduledReadDue(Query):
    def __call__(self, session: AsyncCaller, /, *, limit: int | None) -> Awaitable[list[ScheduledEvent]]: ...

class EventScheduledLockDue(Query):
    def __call__(self, session: AsyncCaller, /, *, limit: int) -> Awaitable[list[str]]: ...

class EventScheduledExecute(Query):
    def __call__(self, session: AsyncCaller, /, *, event_ids: Sequence[str]) -> Awaitable[int]: ...

class EventScheduledRescheduleEvent(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str, scheduled: datetime) -> Awaitable[int]: ...

class EventScheduledCancel(Query):
    def __call__(self, session: AsyncCaller, /, *, event_id: str) -> Awaitable[int]: ...

class EventScheduledCount(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[ScheduleCount | None]: ...

class EventScheduledCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class HubPersist(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        id: str,
        external_ip: str,
        external_port: int,
        internal_ip: str,
        internal_port: int,
    ) -> Awaitable[int]: ...

class HubRead(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[Hub]: ...

class HubReadOnline(Query):
    def __call__(self, session: AsyncCaller, /, *, limit: int | None) -> Awaitable[list[Hub]]: ...

class HubUpdateToQuit(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[int]: ...

class HubHasQuit(Query):
    def __call__(self, session: AsyncCaller, /, *, id: str) -> Awaitable[bool | None]: ...

class HubPurgeList(Query):
    def __call__(self, session: AsyncCaller, /, *, before: datetime, limit: int | None = ...) -> Awaitable[int]: ...

class HubReadHeard(Query):
    def __call__(self, session: AsyncCaller, /, *, limit: int | None) -> Awaitable[list[OnlineHub]]: ...

class HubCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class LeaseAcquire(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str, holder: str, lease: int) -> Awaitable[int]: ...

class LeasePersist(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str, holder: str, lease: int) -> Awaitable[int]: ...

class LeaseReadFence(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str, holder: str) -> Awaitable[int | None]: ...

class LeaseExtend(Query):
    def __call__(
        self, session: AsyncCaller, /, *, reference: str, holder: str, fence: int, lease: int
    ) -> Awaitable[int]: ...

class LeaseRelease(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str, holder: str) -> Awaitable[int]: ...

class LeaseCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class LockAcquire(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str, timeout: int) -> Awaitable[int | None]: ...

class LockIsHeld(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str) -> Awaitable[int | None]: ...

class LockRelease(Query):
    def __call__(self, session: AsyncCaller, /, *, reference: str) -> Awaitable[int | None]: ...

class LogPersist(Query):
    def __call__(self, session: AsyncCaller, /, *, agent: str, message: str, error: Any) -> Awaitable[int]: ...

class LogReadPartitions(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[list[str]]: ...

class LogArchive(Query):
    def __call__(self, session: AsyncCaller, /, *, partition: date, date: date) -> Awaitable[int]: ...

class LogReadLastPartition(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[str | None]: ...

class LogPrepare(Query):
    def __call__(self, session: AsyncCaller, /, *, partition: date, date: date) -> Awaitable[int]: ...

class LogReadPartitionsBefore(Query):
    def __call__(self, session: AsyncCaller, /, *, date: date) -> Awaitable[list[str]]: ...

class LogDropPartition(Query):
    def __call__(self, session: AsyncCaller, /, *, partition: date) -> Awaitable[int]: ...

class LogReadList(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        start: datetime | None = ...,
        end: datetime | None = ...,
        after: int | None = ...,
        limit: int | None = ...,
    ) -> Awaitable[list[Log]]: ...

class LogReadByAgent(Query):
    def __call__(
        self,
        session: AsyncCaller,
        /,
        *,
        agent: str,
        start: datetime | None = ...,
        end: datetime | None = ...,
        after: int | None = ...,
        limit: int | None = ...,
    ) -> Awaitable[list[Log]]: ...

class LogCreateTable(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class SessionPing(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class SessionReadVariables(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[SessionVariables | None]: ...

class SessionBegin(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class SessionCommit(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class SessionRollback(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[int]: ...

class SessionSavepoint(Query):
    def __call__(self, session: AsyncCaller, /, *, savepoint: int) -> Awaitable[int]: ...

class SessionRollbackToSavepoint(Query):
    def __call__(self, session: AsyncCaller, /, *, savepoint: int) -> Awaitable[int]: ...

class SessionReleaseSavepoint(Query):
    def __call__(self, session: AsyncCaller, /, *, savepoint: int) -> Awaitable[int]: ...

class SessionReadUnfitTables(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[list[str]]: ...

class SessionReadServer(Query):
    def __call__(self, session: AsyncCaller, /) -> Awaitable[ServerState | None]: ...

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
