/** What the store remembers beside the records: events, aliases, and the answers to calls that may be sent again. */
export const history = `
  CREATE TABLE events (
    -- The cursor. Never given again: the newest event always stays.
    id INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    type TEXT NOT NULL,
    rollout_id TEXT,
    -- The event without its cursor and time; of a rollout without its input, which is read from the rollout.
    event TEXT NOT NULL
  );

  -- Names the feed of this file in cursors.
  CREATE TABLE feed (log TEXT NOT NULL);
  INSERT INTO feed (log) VALUES (lower(hex(randomblob(6))));

  CREATE TABLE aliases (
    ordinal INTEGER PRIMARY KEY,
    alias TEXT NOT NULL UNIQUE,
    resources_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    update_time REAL NOT NULL
  );
  CREATE INDEX aliases_target ON aliases (resources_id, version);

  CREATE TABLE answers (
    key TEXT PRIMARY KEY,
    verb TEXT NOT NULL,
    time REAL NOT NULL,
    answer TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX answers_time ON answers (time);
`
