/** A file of another version is not brought up to this one: it is made anew. */
export const schemaVersion = 1;

/** `entries.answer` is `answers.id`: an answer goes with the last entry that has it. */
export const schema = `
  CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    shard TEXT NOT NULL,
    model TEXT NOT NULL,
    confirmations INTEGER NOT NULL DEFAULT 0,
    refutations INTEGER NOT NULL DEFAULT 0,
    expires_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX answers_by_id ON answers (tenant_id, answer_id);
  CREATE INDEX answers_by_model ON answers (tenant_id, model);
  CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE tags (
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name, value, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_by_answer ON tags (id);
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    shard TEXT NOT NULL,
    answer INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entries_by_id ON entries (tenant_id, entry_id);
  CREATE INDEX entries_by_shard ON entries (tenant_id, shard, id);
  CREATE INDEX entries_by_answer ON entries (answer);
  CREATE INDEX entries_by_expiry ON entries (expires_at_ms);
  CREATE TABLE policies (
    tenant_id TEXT NOT NULL,
    embedder_id TEXT NOT NULL,
    json TEXT NOT NULL,
    saved_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, embedder_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX policies_by_time ON policies (saved_at_ms);
  PRAGMA user_version = ${schemaVersion};
`;
