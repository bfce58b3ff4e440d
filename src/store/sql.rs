//! Every query of the store.
//!
//! Beyond *The file itself*, which is SQLite's alone, the text is what PostgreSQL takes too. Where a query is open at its
//! end or in its middle, [`sqlx::QueryBuilder`] puts `VALUES (…), (…)` of as many rows as there are.

// The file itself.

/// Whose database it is.
pub(super) const APPLICATION: &str = "PRAGMA application_id";
/// How many tables, indexes and views there are.
pub(super) const TABLES: &str = "SELECT count(*) FROM sqlite_schema";
/// `ok`, or the first thing that is wrong.
pub(super) const CHECK: &str = "PRAGMA integrity_check(1)";

// The repository that the fetches and the index tell of.

pub(super) const REPOSITORY: &str = "SELECT fingerprint FROM repository";
pub(super) const SET_REPOSITORY: &str = "INSERT INTO repository (only_row, fingerprint) VALUES (1, $1)
    ON CONFLICT (only_row) DO UPDATE SET fingerprint = excluded.fingerprint";

// Observations.

pub(super) const OBSERVATIONS: (&str, &str) = (
    "WITH wanted (position, image, tag) AS (",
    ") SELECT wanted.position, kept.digest, kept.observed_at_ms
        FROM wanted JOIN observations kept ON kept.image = wanted.image AND kept.tag = wanted.tag
        ORDER BY wanted.position, kept.ordinal",
);
pub(super) const ALL_OBSERVATIONS: (&str, &str) = (
    "WITH wanted (position, image) AS (",
    ") SELECT wanted.position, kept.tag, kept.digest, kept.observed_at_ms
        FROM wanted JOIN observations kept ON kept.image = wanted.image
        ORDER BY wanted.position, kept.tag, kept.ordinal",
);
pub(super) const LAST_OBSERVATIONS: (&str, &str) = (
    "WITH wanted (position, image, tag) AS (",
    ") SELECT wanted.position, kept.ordinal, kept.digest
        FROM wanted JOIN observations kept ON kept.image = wanted.image AND kept.tag = wanted.tag
        WHERE kept.ordinal = (SELECT max(newest.ordinal) FROM observations newest
            WHERE newest.image = wanted.image AND newest.tag = wanted.tag)",
);
pub(super) const ADD_OBSERVATIONS: &str =
    "INSERT INTO observations (image, tag, ordinal, digest, observed_at_ms) ";

// Tags.

pub(super) const TAGS_SEEN: (&str, &str) = (
    "WITH wanted (position, image) AS (",
    ") SELECT wanted.position, kept.ordinal, kept.tags, kept.seen_at_ms
        FROM wanted JOIN tags_seen kept ON kept.image = wanted.image
        ORDER BY wanted.position, kept.ordinal",
);
pub(super) const LAST_TAGS_SEEN: (&str, &str) = (
    "WITH wanted (image) AS (",
    ") SELECT kept.image, max(kept.ordinal)
        FROM wanted JOIN tags_seen kept ON kept.image = wanted.image GROUP BY kept.image",
);
pub(super) const ADD_TAGS_SEEN: &str = "INSERT INTO tags_seen (image, ordinal, tags, seen_at_ms) ";

// Fetches.

pub(super) const FETCHES: &str = "SELECT head, absent_at_ms, fetched_at_ms FROM fetches ORDER BY ordinal";
pub(super) const LAST_FETCH: &str =
    "SELECT ordinal, head, fetched_at_ms FROM fetches ORDER BY ordinal DESC LIMIT 1";
pub(super) const ADD_FETCH: &str =
    "INSERT INTO fetches (ordinal, head, absent_at_ms, fetched_at_ms) VALUES ($1, $2, $3, $4)";
pub(super) const CLEAR_FETCHES: &str = "DELETE FROM fetches";

// The history index.

pub(super) const INDEX: &str = "SELECT scope, head FROM history_index";
pub(super) const SET_INDEX: &str = "INSERT INTO history_index (only_row, scope, head) VALUES (1, $1, $2)
    ON CONFLICT (only_row) DO UPDATE SET scope = excluded.scope, head = excluded.head";
pub(super) const SEGMENTS: &str = "SELECT content, checksum FROM index_segments ORDER BY ordinal";
pub(super) const LAST_SEGMENT: &str =
    "SELECT ordinal, content, checksum FROM index_segments ORDER BY ordinal DESC LIMIT 1";
pub(super) const ADD_SEGMENT: &str =
    "INSERT INTO index_segments (ordinal, content, checksum) VALUES ($1, $2, $3)";
pub(super) const DROP_SEGMENT: &str = "DELETE FROM index_segments WHERE ordinal = $1";
pub(super) const CLEAR_INDEX: [&str; 2] = ["DELETE FROM index_segments", "DELETE FROM history_index"];

// Intents.

pub(super) const ADD_INTENTS: &str = "INSERT INTO intents (promotion, service, environment, image, from_tag,
    to_tag, digest, base, requested_by, begun_at_ms) ";
pub(super) const PENDING_INTENTS: &str = "SELECT promotion, service, environment, image, from_tag, to_tag,
    digest, base, requested_by, begun_at_ms FROM intents WHERE outcome IS NULL
    ORDER BY begun_at_ms, promotion";
/// A landing is seen in Git and so overrules a verdict of having found nothing; nothing overrules a landing.
pub(super) const SETTLE_INTENTS: (&str, &str) = (
    "WITH told (promotion, outcome, landed_commit, settled_at_ms) AS (",
    ") UPDATE intents SET outcome = told.outcome, landed_commit = told.landed_commit,
        settled_at_ms = told.settled_at_ms
        FROM told WHERE intents.promotion = told.promotion AND (intents.outcome IS NULL
            OR (intents.outcome = 'abandoned' AND told.outcome = 'landed'))",
);

// Changelogs.

pub(super) const LABELS: &str = "SELECT labels FROM image_labels WHERE image = $1 AND digest = $2";
pub(super) const KEEP_LABELS: &str = "INSERT INTO image_labels (image, digest, labels, read_at_ms)
    VALUES ($1, $2, $3, $4) ON CONFLICT (image, digest)
    DO UPDATE SET labels = excluded.labels, read_at_ms = excluded.read_at_ms";
pub(super) const SOURCE_RANGE: &str = "SELECT content, checksum FROM source_ranges
    WHERE image = $1 AND from_digest = $2 AND to_digest = $3 AND scope = $4";
pub(super) const KEEP_SOURCE_RANGE: &str =
    "INSERT INTO source_ranges (image, from_digest, to_digest, scope, content, checksum, read_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (image, from_digest, to_digest, scope)
    DO UPDATE SET content = excluded.content, checksum = excluded.checksum, read_at_ms = excluded.read_at_ms";
pub(super) const FORGET_SOURCE_RANGES: &str = "DELETE FROM source_ranges WHERE read_at_ms <
    (SELECT coalesce(min(newest.read_at_ms), 0) FROM
        (SELECT read_at_ms FROM source_ranges ORDER BY read_at_ms DESC LIMIT $1) newest)";
