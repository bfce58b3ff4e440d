-- Who may read through the server. A token's secret is kept as its SHA-256 only.
CREATE TABLE tokens (
    token         TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    secret_hash   TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- What was done with tokens, and by whom.
CREATE TABLE audit (
    ordinal   INTEGER NOT NULL PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    token     TEXT,
    action    TEXT NOT NULL,
    subject   TEXT NOT NULL
) STRICT;
