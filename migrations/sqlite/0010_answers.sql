-- What became of requests that may be sent again: by the token and the key that came with each. The newest stay, for a day.
CREATE TABLE answers (
    token        TEXT NOT NULL,
    request_key  TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,    -- the SHA-256 of what was asked
    answer       TEXT NOT NULL,
    at_ms        INTEGER NOT NULL,
    PRIMARY KEY (token, request_key)
) STRICT, WITHOUT ROWID;
