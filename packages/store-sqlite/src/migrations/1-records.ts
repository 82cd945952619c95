/**
 * The records. Columns are what statements look for or sort by; `record` is the wire record as JSON, `notes` what the
 * state machine keeps beside it. Tables refer to each other by `ordinal`, which is also the order of insertion.
 *
 * A rollout's input lies in a table of its own and its `record` holds null there: each step of a rollout's life rewrites
 * its row, and that must not cost what the task weighs.
 */
export const records = `
  CREATE TABLE rollouts (
    ordinal INTEGER PRIMARY KEY,
    rollout_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    -- Its place within its priority; null when it is not in the queue.
    queue_place INTEGER,
    end_time REAL,
    -- The highest span sequence id given or seen.
    span_sequence INTEGER NOT NULL DEFAULT 0,
    span_count INTEGER NOT NULL DEFAULT 0,
    span_bytes INTEGER NOT NULL DEFAULT 0,
    -- Bytes of its record, its input and its attempts.
    record_bytes INTEGER NOT NULL,
    record TEXT NOT NULL,
    notes TEXT NOT NULL
  );
  CREATE INDEX rollouts_queue ON rollouts (priority DESC, queue_place) WHERE queue_place IS NOT NULL;
  CREATE INDEX rollouts_status ON rollouts (status, ordinal);
  CREATE INDEX rollouts_ended ON rollouts (end_time) WHERE end_time IS NOT NULL;
  CREATE INDEX rollouts_with_spans ON rollouts (end_time) WHERE end_time IS NOT NULL AND span_bytes > 0;

  CREATE TABLE inputs (
    rollout INTEGER PRIMARY KEY,
    input TEXT NOT NULL
  );

  CREATE TABLE attempts (
    ordinal INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL,
    attempt_id TEXT NOT NULL,
    sequence_id INTEGER NOT NULL,
    -- When it has to be looked at, no later than its next limit; null when nothing ends it by itself.
    deadline REAL,
    -- The worker that runs it, and in which order the worker got what it runs; null when nobody does.
    runs_on TEXT,
    runs_since INTEGER,
    -- 1 when retention has dropped its spans.
    spans_gone INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL,
    notes TEXT NOT NULL,
    UNIQUE (rollout, sequence_id),
    UNIQUE (attempt_id, rollout)
  );
  CREATE INDEX attempts_deadline ON attempts (deadline) WHERE deadline IS NOT NULL;
  CREATE INDEX attempts_running ON attempts (runs_on, runs_since) WHERE runs_on IS NOT NULL;

  CREATE TABLE spans (
    ordinal INTEGER PRIMARY KEY,
    rollout INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    sequence_id INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (attempt, span_id)
  );
  CREATE INDEX spans_order ON spans (rollout, sequence_id);

  CREATE TABLE workers (
    ordinal INTEGER PRIMARY KEY,
    worker_id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
  );

  -- One row per id, in the order of their first version; stays when all versions are deleted.
  CREATE TABLE resources (
    ordinal INTEGER PRIMARY KEY,
    resources_id TEXT NOT NULL UNIQUE,
    -- The highest version ever given; a deleted version's number is not given again.
    last_version INTEGER NOT NULL
  );
  -- Large snapshots are compressed: then a BLOB.
  CREATE TABLE resources_versions (
    ordinal INTEGER PRIMARY KEY,
    resources_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    resources TEXT NOT NULL,
    UNIQUE (resources_id, version)
  );
  CREATE INDEX resources_latest ON resources_versions (update_time);

  -- How many there are of what; a count of rows would look at all of them.
  CREATE TABLE totals (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) WITHOUT ROWID;
`
