//! Every query of the store.
//!
//! All but *The file itself* is also valid for PostgreSQL. [`sqlx::QueryBuilder`] completes unfinished queries with
//! `VALUES (…), (…)`.

// The file itself.

/// The owner of the file.
pub(super) const APPLICATION: &str = "PRAGMA application_id";
/// The number of tables, indexes and views.
pub(super) const TABLES: &str = "SELECT count(*) FROM sqlite_schema";
/// `ok`, or the first inconsistency.
///
/// Not `integrity_check`, which takes twice as long on a long history and adds only that indexes match their tables.
pub(super) const CHECK: &str = "PRAGMA quick_check(1)";
/// The complete check, for a backup, which must be readable when it is needed.
pub(super) const CHECK_WHOLE: &str = "PRAGMA integrity_check(1)";
pub(super) const BACK_UP: &str = "VACUUM INTO $1";

// The repository of the fetch log and the index.

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
pub(super) const OLD_TAGS_SEEN: (&str, &str) = (
    "WITH wanted (position, image, before_ms) AS (",
    ") SELECT wanted.position, kept.ordinal, kept.tags
        FROM wanted JOIN tags_seen kept ON kept.image = wanted.image AND kept.seen_at_ms < wanted.before_ms",
);
pub(super) const REPLACE_TAGS_SEEN: &str = "UPDATE tags_seen SET tags = $3 WHERE image = $1 AND ordinal = $2";
/// The first row stays without tags, so that no later one is taken for the first.
pub(super) const FORGET_EMPTY_TAGS_SEEN: &str =
    "DELETE FROM tags_seen WHERE image = $1 AND tags = '' AND ordinal > 1";
pub(super) const FORGET_OBSERVATIONS: &str = "DELETE FROM observations WHERE image = $1 AND tag = $2";
pub(super) const OLD_IMAGES: &str = "SELECT image FROM tags_seen GROUP BY image HAVING max(seen_at_ms) < $1";
pub(super) const FORGET_IMAGE: [&str; 2] =
    ["DELETE FROM tags_seen WHERE image = $1", "DELETE FROM observations WHERE image = $1"];

// Health.

pub(super) const HEALTH: (&str, &str) = (
    "WITH wanted (position, environment, service, image) AS (",
    ") SELECT wanted.position, kept.commit_id, kept.ready_since_ms, kept.seen_at_ms
        FROM wanted JOIN health kept ON kept.environment = wanted.environment
            AND kept.service = wanted.service AND kept.image = wanted.image
        ORDER BY wanted.position, kept.ordinal",
);
pub(super) const LAST_HEALTH: (&str, &str) = (
    "WITH wanted (position, environment, service, image) AS (",
    ") SELECT wanted.position, kept.ordinal
        FROM wanted JOIN health kept ON kept.environment = wanted.environment
            AND kept.service = wanted.service AND kept.image = wanted.image
        WHERE kept.ordinal = (SELECT max(newest.ordinal) FROM health newest
            WHERE newest.environment = wanted.environment AND newest.service = wanted.service
                AND newest.image = wanted.image)",
);
pub(super) const ADD_HEALTH: &str =
    "INSERT INTO health (environment, service, image, ordinal, commit_id, ready_since_ms, seen_at_ms) ";
pub(super) const FORGET_HEALTH: &str =
    "DELETE FROM health WHERE environment = $1 AND service = $2 AND image = $3 AND ordinal <= $4";

// Fetches.

pub(super) const FETCHES: &str = "SELECT head, absent_at_ms, fetched_at_ms FROM fetches ORDER BY ordinal";
pub(super) const LAST_FETCH: &str =
    "SELECT ordinal, head, fetched_at_ms FROM fetches ORDER BY ordinal DESC LIMIT 1";
pub(super) const ADD_FETCH: &str =
    "INSERT INTO fetches (ordinal, head, absent_at_ms, fetched_at_ms) VALUES ($1, $2, $3, $4)";
pub(super) const FORGET_FETCHES: &str = "DELETE FROM fetches WHERE ordinal <= $1";
pub(super) const CLEAR_FETCHES: &str = "DELETE FROM fetches";

// The history index.

pub(super) const INDEX: &str = "SELECT scope, head, next_sequence, generation FROM history_index";
pub(super) const SET_INDEX: &str =
    "INSERT INTO history_index (only_row, scope, head, next_sequence, generation) VALUES (1, $1, $2, $3, $4)
    ON CONFLICT (only_row) DO UPDATE SET scope = excluded.scope, head = excluded.head,
        next_sequence = excluded.next_sequence, generation = excluded.generation";
/// Keeps the fetch evidence of rows removed from the index; the first value per commit stays.
pub(super) const CUT_INDEX: [&str; 3] = [
    "INSERT INTO history_evidence (commit_id, absent_at_ms, fetched_at_ms)
        SELECT commit_id, absent_at_ms, fetched_at_ms FROM history_commits WHERE sequence >= $1 ORDER BY sequence
        ON CONFLICT (commit_id) DO NOTHING",
    "DELETE FROM history_movements WHERE sequence >= $1",
    "DELETE FROM history_commits WHERE sequence >= $1",
];
pub(super) const CLEAR_PLACES: &str = "DELETE FROM history_places";
pub(super) const NO_INDEX: &str = "UPDATE history_index SET scope = '', generation = generation + 1";
pub(super) const EVIDENCE: (&str, &str) = (
    "WITH wanted (commit_id) AS (",
    ") SELECT kept.commit_id, kept.absent_at_ms, kept.fetched_at_ms
        FROM wanted JOIN history_evidence kept ON kept.commit_id = wanted.commit_id",
);
pub(super) const ADD_COMMITS: &str = "INSERT INTO history_commits (sequence, commit_id, committed_at_ms,
    parent_committed_at_ms, author, absent_at_ms, fetched_at_ms, checksum) ";
pub(super) const PLACES: (&str, &str) = (
    "WITH wanted (position, service, image, path) AS (",
    ") SELECT wanted.position, kept.place FROM wanted JOIN history_places kept
        ON kept.service = wanted.service AND kept.image = wanted.image AND kept.path = wanted.path",
);
pub(super) const LAST_PLACE: &str = "SELECT coalesce(max(place), 0) FROM history_places";
pub(super) const ADD_PLACES: &str = "INSERT INTO history_places (place, service, image, path) ";
pub(super) const ADD_MOVEMENTS: &str =
    "INSERT INTO history_movements (sequence, ordinal, place, before, after,
    promotion, requested_by, digest, is_pushed_here, is_beside, from_service, from_image, checksum) ";
/// Begins a query for tag changes, which [`MOVEMENTS`] ends.
pub(super) const OF_SUBJECTS: &str = "WITH wanted (service, image) AS (";
/// Columns are read by number. The outer join keeps a row whose commit is missing, so the damage is noticed.
pub(super) const MOVEMENTS: (&str, &str) = (
    "SELECT moved.sequence, moved.ordinal, moved.before, moved.after, moved.promotion, moved.requested_by,
        moved.digest, moved.checksum, place.service, place.image, place.path, made.commit_id,
        made.committed_at_ms, made.parent_committed_at_ms, made.author, made.absent_at_ms, made.fetched_at_ms,
        made.checksum, moved.is_pushed_here, moved.is_beside, moved.from_service, moved.from_image FROM ",
    " JOIN history_movements moved ON moved.place = place.place
        LEFT JOIN history_commits made ON made.sequence = moved.sequence WHERE moved.sequence < ",
);
/// Commit times are not ordered along the line, so a lower bound on time only skips what is older everywhere.
pub(super) const SINCE: (&str, &str) = (
    " AND moved.sequence >= (SELECT min(some.sequence) FROM history_commits some WHERE some.committed_at_ms >= ",
    ") AND made.committed_at_ms >= ",
);
pub(super) const PLACES_OF_SUBJECTS: &str =
    "wanted JOIN history_places place ON place.service = wanted.service AND place.image = wanted.image";
pub(super) const ALL_PLACES: &str = "history_places place";

// Intents.

pub(super) const ADD_INTENTS: &str = "INSERT INTO intents (promotion, service, environment, image, from_tag,
    to_tag, digest, base, requested_by, begun_at_ms) ";
pub(super) const PENDING_INTENTS: &str = "SELECT promotion, service, environment, image, from_tag, to_tag,
    digest, base, requested_by, begun_at_ms FROM intents WHERE outcome IS NULL
    ORDER BY begun_at_ms, promotion";
/// A rollout commit, seen in Git, replaces an abandonment; nothing replaces a rollout commit.
pub(super) const SETTLE_INTENTS: (&str, &str) = (
    "WITH row (promotion, outcome, landed_commit, settled_at_ms) AS (",
    ") UPDATE intents SET outcome = row.outcome, landed_commit = row.landed_commit,
        settled_at_ms = row.settled_at_ms
        FROM row WHERE intents.promotion = row.promotion AND (intents.outcome IS NULL
            OR (intents.outcome = 'abandoned' AND row.outcome = 'landed'))",
);
pub(super) const PRUNE_INTENTS: &str =
    "DELETE FROM intents WHERE (outcome = 'abandoned' AND settled_at_ms < $1)
    OR (outcome = 'landed' AND settled_at_ms < $2)";

// Changelogs.

pub(super) const LABELS: &str = "SELECT labels FROM image_labels WHERE image = $1 AND digest = $2";
pub(super) const KEEP_LABELS: &str = "INSERT INTO image_labels (image, digest, labels, read_at_ms)
    VALUES ($1, $2, $3, $4) ON CONFLICT (image, digest)
    DO UPDATE SET labels = excluded.labels, read_at_ms = excluded.read_at_ms";
pub(super) const FORGET_LABELS: &str = "DELETE FROM image_labels WHERE read_at_ms < $1";
pub(super) const SOURCE_RANGE: &str = "SELECT content, checksum FROM source_ranges
    WHERE image = $1 AND from_digest = $2 AND to_digest = $3 AND scope = $4";
pub(super) const KEEP_SOURCE_RANGE: &str =
    "INSERT INTO source_ranges (image, from_digest, to_digest, scope, content, checksum, read_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (image, from_digest, to_digest, scope)
    DO UPDATE SET content = excluded.content, checksum = excluded.checksum, read_at_ms = excluded.read_at_ms";
pub(super) const FORGET_SOURCE_RANGES: &str = "DELETE FROM source_ranges WHERE read_at_ms <
    (SELECT coalesce(min(newest.read_at_ms), 0) FROM
        (SELECT read_at_ms FROM source_ranges ORDER BY read_at_ms DESC LIMIT $1) newest)";

// Notifications.

pub(super) const CONDITIONS: &str = "SELECT condition, since_ms, told, event FROM notification_conditions";
pub(super) const MARKS: &str = "SELECT mark, value FROM notification_marks";
pub(super) const SET_CONDITION: &str =
    "INSERT INTO notification_conditions (condition, since_ms, told, event) VALUES ($1, $2, $3, $4)
    ON CONFLICT (condition) DO UPDATE SET since_ms = excluded.since_ms, told = excluded.told,
        event = excluded.event";
pub(super) const END_CONDITION: &str = "DELETE FROM notification_conditions WHERE condition = $1";
pub(super) const SET_MARK: &str = "INSERT INTO notification_marks (mark, value) VALUES ($1, $2)
    ON CONFLICT (mark) DO UPDATE SET value = excluded.value";
pub(super) const CLEAR_TOLD: [&str; 2] =
    ["DELETE FROM notification_conditions", "DELETE FROM notification_marks WHERE mark = 'head'"];
/// After a restore, moves since the backup are not notified again, and messages that waited then are not sent.
pub(super) const FORGET_NEWS: [&str; 2] = [
    "DELETE FROM notification_outbox WHERE outcome IS NULL",
    "DELETE FROM notification_marks WHERE mark = 'head'",
];
pub(super) const ADD_MESSAGES: &str =
    "INSERT INTO notification_outbox (message, channel, event, written_at_ms, due_at_ms) ";
pub(super) const GIVE_UP_OLDEST: &str =
    "UPDATE notification_outbox SET outcome = 'givenUp', settled_at_ms = $2
    WHERE outcome IS NULL AND ordinal IN (SELECT ordinal FROM
        (SELECT ordinal, row_number() OVER (PARTITION BY channel ORDER BY ordinal DESC) AS place
            FROM notification_outbox WHERE outcome IS NULL) waiting WHERE place > $1)";
pub(super) const DUE_MESSAGES: &str = "SELECT ordinal, message, event, written_at_ms FROM notification_outbox
    WHERE channel = $1 AND outcome IS NULL AND due_at_ms <= $2 ORDER BY ordinal LIMIT $3";
pub(super) const NEXT_DUE: &str =
    "SELECT min(due_at_ms) FROM notification_outbox WHERE channel = $1 AND outcome IS NULL";
pub(super) const SETTLE_MESSAGES: (&str, &str, &str) = (
    "UPDATE notification_outbox SET outcome = ",
    ", settled_at_ms = ",
    " WHERE outcome IS NULL AND ordinal IN (",
);
pub(super) const PRUNE_MESSAGES: &str = "DELETE FROM notification_outbox WHERE settled_at_ms < $1";
pub(super) const BACKLOG: &str = "SELECT channel, count(*) AS messages, min(written_at_ms) AS oldest_ms
    FROM notification_outbox WHERE outcome IS NULL GROUP BY channel ORDER BY channel";

// Tokens and the audit log.

pub(super) const ADD_TOKEN: &str = "INSERT INTO tokens (token, name, secret_hash, created_at_ms, created_by,
    expires_at_ms, scopes, environments) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const TOKENS: &str = "SELECT token, name, secret_hash, created_at_ms, created_by, expires_at_ms,
    revoked_at_ms, scopes, environments FROM tokens ORDER BY created_at_ms, token";
pub(super) const TOKEN: &str = "SELECT token, name, secret_hash, created_at_ms, created_by, expires_at_ms,
    revoked_at_ms, scopes, environments FROM tokens WHERE token = $1";
pub(super) const REVOKE_TOKEN: &str =
    "UPDATE tokens SET revoked_at_ms = $2 WHERE token = $1 AND revoked_at_ms IS NULL";
pub(super) const ADD_AUDIT: &str = "INSERT INTO audit (ordinal, at_ms, actor, token, action, subject)
    VALUES ((SELECT coalesce(max(ordinal), 0) + 1 FROM audit), $1, $2, $3, $4, $5)";
pub(super) const PRUNE_AUDIT: &str =
    "DELETE FROM audit WHERE ordinal <= (SELECT max(newest.ordinal) FROM audit newest) - $1";
pub(super) const AUDIT: &str =
    "SELECT at_ms, actor, token, action, subject FROM audit WHERE at_ms >= $1 ORDER BY ordinal DESC LIMIT $2";

pub(super) const ANSWER: &str =
    "SELECT fingerprint, answer FROM answers WHERE token = $1 AND request_key = $2 AND at_ms >= $3";
pub(super) const KEEP_ANSWER: &str = "INSERT INTO answers (token, request_key, fingerprint, answer, at_ms)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token, request_key) DO UPDATE
    SET fingerprint = excluded.fingerprint, answer = excluded.answer, at_ms = excluded.at_ms";
pub(super) const PRUNE_ANSWERS: &str = "DELETE FROM answers WHERE at_ms < $1 OR at_ms <
    (SELECT min(at_ms) FROM (SELECT at_ms FROM answers ORDER BY at_ms DESC LIMIT $2))";
