-- Tenants, their API keys, stored providers, and what concerns the platform as a whole.

CREATE TABLE tenants (
  id            TEXT    NOT NULL PRIMARY KEY,
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL CHECK (status IN ('active', 'suspended')),
  policy        TEXT    NOT NULL, -- JSON
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX tenants_by_age ON tenants (created_at_ms, id);

CREATE TABLE api_keys (
  id            TEXT    NOT NULL PRIMARY KEY, -- the public part of the key
  tenant_id     TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  hash          TEXT    NOT NULL UNIQUE,      -- SHA-256 of the whole key, hex; the key itself is nowhere
  masked        TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  role          TEXT    NOT NULL CHECK (role IN ('inference', 'viewer', 'admin')),
  policy        TEXT    NOT NULL,             -- JSON
  status        TEXT    NOT NULL CHECK (status IN ('active', 'revoked')),
  expires_at_ms INTEGER,                      -- NULL: never
  rotated_to    TEXT,                         -- the key that took over; this one stays valid until it expires
  last_used_day TEXT,                         -- YYYY-MM-DD, UTC
  created_by    TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX api_keys_by_age ON api_keys (created_at_ms, id);
CREATE INDEX api_keys_of_tenant_by_age ON api_keys (tenant_id, created_at_ms, id);

CREATE TABLE providers (
  name          TEXT    NOT NULL PRIMARY KEY,
  settings      TEXT    NOT NULL, -- JSON, without anything secret
  sealed        TEXT    NOT NULL, -- JSON: what is secret by field, each sealed with SENTINEL_MASTER_KEY
  masked_keys   TEXT    NOT NULL, -- JSON array: what may be shown of each key
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE platform (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
