-- Sums over requests, by when they began.

-- `hour`: hours since 1970.
CREATE TABLE usage_hours (
  tenant              TEXT    NOT NULL,
  hour                INTEGER NOT NULL,
  key                 TEXT    NOT NULL,
  model               TEXT    NOT NULL,
  served_model        TEXT    NOT NULL,
  provider            TEXT    NOT NULL,
  requests            INTEGER NOT NULL,
  failed_requests     INTEGER NOT NULL,
  input_tokens        INTEGER NOT NULL,
  cached_input_tokens INTEGER NOT NULL,
  cache_write_tokens  INTEGER NOT NULL,
  output_tokens       INTEGER NOT NULL,
  reasoning_tokens    INTEGER NOT NULL,
  exact_nano_usd      INTEGER NOT NULL,
  estimated_nano_usd  INTEGER NOT NULL,
  exact_requests      INTEGER NOT NULL,
  estimated_requests  INTEGER NOT NULL,
  unpriced_requests   INTEGER NOT NULL,
  cache_hits          INTEGER NOT NULL,
  saved_nano_usd      INTEGER NOT NULL,
  PRIMARY KEY (tenant, hour, key, model, served_model, provider)
) STRICT, WITHOUT ROWID;

-- The same by days since 1970, so that a month is read at once.
CREATE TABLE usage_days (
  tenant              TEXT    NOT NULL,
  day                 INTEGER NOT NULL,
  key                 TEXT    NOT NULL,
  model               TEXT    NOT NULL,
  served_model        TEXT    NOT NULL,
  provider            TEXT    NOT NULL,
  requests            INTEGER NOT NULL,
  failed_requests     INTEGER NOT NULL,
  input_tokens        INTEGER NOT NULL,
  cached_input_tokens INTEGER NOT NULL,
  cache_write_tokens  INTEGER NOT NULL,
  output_tokens       INTEGER NOT NULL,
  reasoning_tokens    INTEGER NOT NULL,
  exact_nano_usd      INTEGER NOT NULL,
  estimated_nano_usd  INTEGER NOT NULL,
  exact_requests      INTEGER NOT NULL,
  estimated_requests  INTEGER NOT NULL,
  unpriced_requests   INTEGER NOT NULL,
  cache_hits          INTEGER NOT NULL,
  saved_nano_usd      INTEGER NOT NULL,
  PRIMARY KEY (tenant, day, key, model, served_model, provider)
) STRICT, WITHOUT ROWID;

-- A request with two tags is in both rows.
CREATE TABLE tag_days (
  tenant              TEXT    NOT NULL,
  day                 INTEGER NOT NULL,
  tag                 TEXT    NOT NULL,
  model               TEXT    NOT NULL,
  requests            INTEGER NOT NULL,
  failed_requests     INTEGER NOT NULL,
  input_tokens        INTEGER NOT NULL,
  cached_input_tokens INTEGER NOT NULL,
  cache_write_tokens  INTEGER NOT NULL,
  output_tokens       INTEGER NOT NULL,
  reasoning_tokens    INTEGER NOT NULL,
  exact_nano_usd      INTEGER NOT NULL,
  estimated_nano_usd  INTEGER NOT NULL,
  exact_requests      INTEGER NOT NULL,
  estimated_requests  INTEGER NOT NULL,
  unpriced_requests   INTEGER NOT NULL,
  cache_hits          INTEGER NOT NULL,
  saved_nano_usd      INTEGER NOT NULL,
  PRIMARY KEY (tenant, day, tag, model)
) STRICT, WITHOUT ROWID;

-- What budgets have come to. `key` is empty for the tenant as a whole.
CREATE TABLE spent (
  period_id TEXT    NOT NULL,
  tenant    TEXT    NOT NULL,
  key       TEXT    NOT NULL,
  nano_usd  INTEGER NOT NULL,
  PRIMARY KEY (period_id, tenant, key)
) STRICT, WITHOUT ROWID;

-- The requests that are counted: the guard against counting twice. Kept as long as the journal.
CREATE TABLE settled (
  id         BLOB    NOT NULL PRIMARY KEY, -- a ULID's 16 bytes
  taken_hour INTEGER NOT NULL              -- hours since 1970, when it was counted
) STRICT, WITHOUT ROWID;

CREATE INDEX settled_by_hour ON settled (taken_hour);

-- How far each writer's journal is taken.
CREATE TABLE marks (
  writer  TEXT    NOT NULL PRIMARY KEY,
  segment INTEGER NOT NULL,
  "offset" INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
