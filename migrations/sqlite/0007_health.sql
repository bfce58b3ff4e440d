-- What clusters reported of the health of what runs: a row for each change. It can't be derived from Git. Of each image of a
-- service in an environment, the newest rows stay.
CREATE TABLE health (
    environment    TEXT NOT NULL,
    service        TEXT NOT NULL,
    image          TEXT NOT NULL,
    ordinal        INTEGER NOT NULL,
    commit_id      TEXT NOT NULL,    -- the commit that brought what runs
    ready_since_ms INTEGER,          -- the latest transition of its objects, by the cluster's clock; none while it is not healthy
    seen_at_ms     INTEGER NOT NULL,
    PRIMARY KEY (environment, service, image, ordinal)
) STRICT, WITHOUT ROWID;
