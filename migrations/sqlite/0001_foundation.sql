-- Instants are milliseconds since 1970-01-01T00:00:00Z. Names, digests and commits are text, so that a person can read them.

-- Which repository the fetches and the index tell of: the SHA-256 of its URL, since a URL may hold a secret.
CREATE TABLE repository (
    only_row    INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    fingerprint TEXT NOT NULL
) STRICT;

-- Each change of a tag's digest that was seen. This is the one table that can't be derived from Git.
CREATE TABLE observations (
    image          TEXT NOT NULL,
    tag            TEXT NOT NULL,
    ordinal        INTEGER NOT NULL, -- 1 for the first digest that the tag was seen with
    digest         TEXT NOT NULL,
    observed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (image, tag, ordinal)
) STRICT, WITHOUT ROWID;

-- Each head that the branch was seen at.
CREATE TABLE fetches (
    ordinal       INTEGER NOT NULL PRIMARY KEY,
    head          TEXT NOT NULL,
    absent_at_ms  INTEGER,
    fetched_at_ms INTEGER NOT NULL
) STRICT;

-- The history index: what changed in which file of which commit. Derived from Git; may be dropped at any time.
CREATE TABLE history_index (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    scope    TEXT NOT NULL, -- a fingerprint of what was indexed and by which parser
    head     TEXT NOT NULL  -- the newest commit that was looked at
) STRICT;

-- It is read whole and grows at its end, so a row holds many movements: a row for each took four times as long to load.
CREATE TABLE index_segments (
    ordinal  INTEGER NOT NULL PRIMARY KEY,
    content  TEXT NOT NULL, -- JSON
    checksum TEXT NOT NULL  -- the SHA-256 of the content
) STRICT;

-- What was about to be pushed, written before the push; with its outcome it stays as the audit copy.
CREATE TABLE intents (
    promotion     TEXT NOT NULL PRIMARY KEY,
    service       TEXT NOT NULL,
    environment   TEXT NOT NULL,
    image         TEXT NOT NULL,
    from_tag      TEXT NOT NULL,
    to_tag        TEXT NOT NULL,
    digest        TEXT NOT NULL,
    base          TEXT NOT NULL,
    requested_by  TEXT NOT NULL,
    begun_at_ms   INTEGER NOT NULL,
    outcome       TEXT CHECK (outcome IN ('landed', 'abandoned')),
    landed_commit TEXT,
    settled_at_ms INTEGER,
    CHECK ((outcome IS NULL) = (settled_at_ms IS NULL)),
    CHECK ((outcome IS 'landed') = (landed_commit IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX intents_pending ON intents (begun_at_ms, promotion) WHERE outcome IS NULL;
