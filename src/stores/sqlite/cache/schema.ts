/** A file of another version is not brought up to this one: it is made anew. */
export const schemaVersion = 1;

/** The answers' bytes are in a table of their own, so that what is noted of a use does not write them again. */
export const schema = `
  CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    request_id TEXT NOT NULL,
    used_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX answers_by_key ON answers (tenant_id, key);
  CREATE INDEX answers_by_model ON answers (tenant_id, model);
  CREATE INDEX answers_by_request ON answers (tenant_id, request_id);
  CREATE INDEX answers_by_use ON answers (used_at_ms);
  CREATE INDEX answers_by_expiry ON answers (expires_at_ms);
  CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE tags (
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name, value, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_by_answer ON tags (id);
  PRAGMA user_version = ${schemaVersion};
`;
