-- What changelogs are made of, kept by what never changes: the digest of an image. Read again when it is lost, so both
-- tables may be dropped at any time.

CREATE TABLE image_labels (
    image      TEXT NOT NULL,
    digest     TEXT NOT NULL,
    labels     TEXT NOT NULL, -- JSON
    read_at_ms INTEGER NOT NULL,
    PRIMARY KEY (image, digest)
) STRICT, WITHOUT ROWID;

-- The commits between two images, as the source repository told them.
CREATE TABLE source_ranges (
    image       TEXT NOT NULL,
    from_digest TEXT NOT NULL,
    to_digest   TEXT NOT NULL,
    scope       TEXT NOT NULL, -- a fingerprint of the repository and the folders that were looked into
    content     TEXT NOT NULL, -- JSON
    checksum    TEXT NOT NULL, -- the SHA-256 of the content
    read_at_ms  INTEGER NOT NULL,
    PRIMARY KEY (image, from_digest, to_digest, scope)
) STRICT, WITHOUT ROWID;

CREATE INDEX source_ranges_by_age ON source_ranges (read_at_ms);
