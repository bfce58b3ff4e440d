-- Conditions that hold. One that was not told yet waits until it has lasted long enough.
CREATE TABLE notification_conditions (
    condition TEXT NOT NULL PRIMARY KEY,
    since_ms  INTEGER NOT NULL,
    told      TEXT, -- what was told of it; nothing while it was not told
    event     TEXT NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

-- How far things were told that are no conditions: the head of the branch, the time of the last report.
CREATE TABLE notification_marks (
    mark  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages, written in the transaction that notes what was told. A channel delivers its own in order.
CREATE TABLE notification_outbox (
    ordinal       INTEGER NOT NULL PRIMARY KEY,
    message       TEXT NOT NULL UNIQUE,
    channel       TEXT NOT NULL,
    event         TEXT NOT NULL, -- JSON
    written_at_ms INTEGER NOT NULL,
    due_at_ms     INTEGER NOT NULL,
    outcome       TEXT CHECK (outcome IN ('delivered', 'givenUp')),
    settled_at_ms INTEGER,
    CHECK ((outcome IS NULL) = (settled_at_ms IS NULL))
) STRICT;

CREATE INDEX notification_outbox_pending ON notification_outbox (channel, ordinal) WHERE outcome IS NULL;
CREATE INDEX notification_outbox_settled ON notification_outbox (settled_at_ms) WHERE outcome IS NOT NULL;
