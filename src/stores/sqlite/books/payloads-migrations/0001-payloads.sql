-- Prompts and answers of requests that began on one UTC day, of tenants that have them kept.

CREATE TABLE payloads (
  id     BLOB    NOT NULL PRIMARY KEY, -- the request's, a ULID's 16 bytes
  tenant TEXT    NOT NULL,
  prompt TEXT,                         -- NULL: erased, and not to come back with a replay
  answer TEXT,
  is_cut INTEGER NOT NULL
) STRICT;

CREATE INDEX payloads_of_tenant ON payloads (tenant, id);
