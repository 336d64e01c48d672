-- name: acquire(reference, holder, lease)!
-- A lock that was had before, and that nobody has now, gets a holder; its lease ends so many seconds from now.
-- param reference: reference
-- param holder: identifier
-- param lease: lease
-- returns: changed (False: somebody has it, or it has no row yet)
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: lease.PRIMARY (reference)
-- idempotent: yes
UPDATE lease
SET holder = :holder, fence = fence + 1, until = CURRENT_TIMESTAMP(3) + INTERVAL :lease SECOND
WHERE reference = :reference AND until <= CURRENT_TIMESTAMP(3);

-- name: persist(reference, holder, lease)!
-- A lock gets its row, and its first holder.
-- param reference: reference
-- param holder: identifier
-- param lease: lease
-- returns: changed (True: always)
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: none
-- idempotent: yes
INSERT INTO lease (reference, holder, until)
VALUES (:reference, :holder, CURRENT_TIMESTAMP(3) + INTERVAL :lease SECOND);

-- name: read_fence(reference, holder)$
-- Read the fence of a lock that a holder has, or had last; None where it is another one's.
-- param reference: reference
-- param holder: identifier
-- returns: int?
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: lease.PRIMARY (reference)
-- idempotent: yes
SELECT fence FROM lease WHERE reference = :reference AND holder = :holder;

-- name: extend(reference, holder, fence, lease)!
-- Have a lease end so many seconds from now, also one that has ended while nobody else took the lock.
-- param reference: reference
-- param holder: identifier
-- param fence: number
-- param lease: lease
-- returns: changed (False: the lock is another one's, or was given back)
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: lease.PRIMARY (reference)
-- idempotent: yes
UPDATE lease
SET until = CURRENT_TIMESTAMP(3) + INTERVAL :lease SECOND
WHERE reference = :reference AND holder = :holder AND fence = :fence;

-- name: release(reference, holder)!
-- Give a lock back. The fence grows, so that an extension that is late does nothing.
-- param reference: reference
-- param holder: identifier
-- returns: changed (False: it was another one's)
-- error: E_EVENTFLOW_DB_LOCK could not lock
-- index: lease.PRIMARY (reference)
-- idempotent: yes
UPDATE lease
SET fence = fence + 1, until = CURRENT_TIMESTAMP(3)
WHERE reference = :reference AND holder = :holder;
