-- The history index by commit, place and movement, so that a service's history is read without everybody else's. Derived from
-- Git; the next pass fills it.
DROP TABLE index_segments;
DROP TABLE history_index;

CREATE TABLE history_index (
    only_row      INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    scope         TEXT NOT NULL,    -- a fingerprint of what was indexed and by which parser; empty when there is no index
    head          TEXT NOT NULL,    -- the newest commit that was looked at
    next_sequence INTEGER NOT NULL, -- the place that the next commit has on the line
    generation    INTEGER NOT NULL  -- raised whenever something is taken away
) STRICT;

-- The commits that moved something. The same commit may come twice, when somebody put the branch back to it.
CREATE TABLE history_commits (
    sequence               INTEGER NOT NULL PRIMARY KEY,
    commit_id              TEXT NOT NULL,
    committed_at_ms        INTEGER NOT NULL,
    parent_committed_at_ms INTEGER,
    author                 TEXT NOT NULL,
    absent_at_ms           INTEGER,
    fetched_at_ms          INTEGER NOT NULL,
    checksum               INTEGER NOT NULL
) STRICT;

CREATE INDEX history_commits_by_time ON history_commits (committed_at_ms);

CREATE TABLE history_places (
    place   INTEGER NOT NULL PRIMARY KEY,
    service TEXT NOT NULL,
    image   TEXT NOT NULL,
    path    TEXT NOT NULL,
    UNIQUE (service, image, path)
) STRICT;

CREATE TABLE history_movements (
    sequence     INTEGER NOT NULL,
    ordinal      INTEGER NOT NULL, -- 0 for the first one of the commit
    place        INTEGER NOT NULL,
    before       TEXT NOT NULL,    -- tags with their digests, with a blank between two
    after        TEXT NOT NULL,
    promotion    TEXT,
    requested_by TEXT,
    digest       TEXT,
    checksum     INTEGER NOT NULL, -- of the row and its place: SQLite has none of its own
    PRIMARY KEY (sequence, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_movements_by_place ON history_movements (place, sequence, ordinal);

-- When the commits came that are in no index any more. Git does not tell that a second time.
CREATE TABLE history_evidence (
    commit_id     TEXT NOT NULL PRIMARY KEY,
    absent_at_ms  INTEGER,
    fetched_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
