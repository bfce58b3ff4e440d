-- Which tags an image was seen with, and when each was seen first. It can't be derived from Git. Written only when new tags
-- appear: a row holds all that were new in one answer, since a row for each took many times as long.
CREATE TABLE tags_seen (
    image      TEXT NOT NULL,
    ordinal    INTEGER NOT NULL, -- 1 for the first answer of all, whose tags are of unknown age
    tags       TEXT NOT NULL,    -- with a blank between two
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (image, ordinal)
) STRICT, WITHOUT ROWID;
