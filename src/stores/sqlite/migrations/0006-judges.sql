-- Evaluators that were made through the admin API, how they did beside people, and what they are asked every day.

CREATE TABLE judge_versions (
  name          TEXT    NOT NULL,
  version       TEXT    NOT NULL, -- a hash of all that shapes a verdict; a row never changes
  definition    TEXT    NOT NULL, -- JSON
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

-- What a name means. A name without a row is hidden, with all its versions.
CREATE TABLE judge_names (
  name    TEXT NOT NULL PRIMARY KEY,
  version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- No reference to versions: most evaluators are built in, or in the configuration file.
CREATE TABLE judge_calibrations (
  id            TEXT    NOT NULL PRIMARY KEY, -- a ULID
  evaluator     TEXT    NOT NULL,
  version       TEXT    NOT NULL,
  model         TEXT    NOT NULL,
  report        TEXT    NOT NULL,             -- JSON
  anchors       TEXT,                         -- JSON: how many, and kappa when they were frozen
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE judge_anchors (
  calibration_id TEXT NOT NULL PRIMARY KEY REFERENCES judge_calibrations (id) ON DELETE CASCADE,
  items          TEXT NOT NULL -- JSON, with the texts
) STRICT;

CREATE TABLE judge_anchor_runs (
  calibration_id TEXT    NOT NULL REFERENCES judge_calibrations (id) ON DELETE CASCADE,
  day            TEXT    NOT NULL, -- YYYY-MM-DD, UTC
  kappa          REAL,             -- NULL: it is not defined
  n              INTEGER NOT NULL,
  failed         INTEGER NOT NULL,
  PRIMARY KEY (calibration_id, day)
) STRICT, WITHOUT ROWID;
