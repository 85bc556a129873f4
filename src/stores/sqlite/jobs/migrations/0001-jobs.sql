-- What is to be done, and what was. Times are milliseconds since 1970.
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled', 'dead')),
  -- Of its payload.
  bytes INTEGER NOT NULL,
  enqueued_at_ms INTEGER NOT NULL,
  -- Never before it was enqueued.
  due_at_ms INTEGER NOT NULL,
  -- Of this round, with the one that runs.
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  -- Of a running one.
  token TEXT,
  worker TEXT,
  lease_until_ms INTEGER,
  -- Of a dead one.
  reason TEXT,
  -- Of one that is done, cancelled or dead.
  over_at_ms INTEGER
) STRICT;

-- Of jobs that are not done or cancelled. In rows of their own: of a row that is made shorter SQLite may leave the rest where it
-- was, also with secure_delete, and these hold what people wrote. With blanks before them (`job-statements.ts`).
CREATE TABLE payloads (
  number INTEGER PRIMARY KEY,
  payload TEXT NOT NULL
) STRICT;

CREATE INDEX jobs_waiting ON jobs (kind, priority, due_at_ms) WHERE state = 'waiting';
CREATE INDEX jobs_running ON jobs (lease_until_ms) WHERE state = 'running';
CREATE INDEX jobs_over ON jobs (over_at_ms) WHERE state IN ('done', 'cancelled');
CREATE INDEX jobs_dead ON jobs (over_at_ms) WHERE state = 'dead';

-- How many there are: to count a million of them for each batch would take longer than the batch.
CREATE TABLE counters (
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;

-- One row: all that wait, and what the payloads of those have that wait or run: a million of them would fill a disk.
CREATE TABLE gate (waiting INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
INSERT INTO gate VALUES (0, 0);

CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
  INSERT INTO counters VALUES (new.kind, new.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET jobs = jobs + 1;
  UPDATE gate SET waiting = waiting + (new.state = 'waiting'), bytes = bytes + new.bytes;
END;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
  UPDATE counters SET jobs = jobs - 1 WHERE kind = old.kind AND state = old.state;
  INSERT INTO counters VALUES (new.kind, new.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET jobs = jobs + 1;
  UPDATE gate SET waiting = waiting - (old.state = 'waiting') + (new.state = 'waiting');
END;

CREATE TRIGGER jobs_ended AFTER UPDATE OF state ON jobs
WHEN old.state IN ('waiting', 'running') AND new.state NOT IN ('waiting', 'running') BEGIN
  UPDATE gate SET bytes = bytes - old.bytes;
END;

CREATE TRIGGER jobs_revived AFTER UPDATE OF state ON jobs
WHEN old.state NOT IN ('waiting', 'running') AND new.state IN ('waiting', 'running') BEGIN
  UPDATE gate SET bytes = bytes + new.bytes;
END;

CREATE TRIGGER jobs_emptied AFTER UPDATE OF state ON jobs WHEN new.state IN ('done', 'cancelled') BEGIN
  DELETE FROM payloads WHERE number = new.number;
END;

CREATE TRIGGER jobs_forgotten AFTER DELETE ON jobs BEGIN
  DELETE FROM payloads WHERE number = old.number;
  UPDATE counters SET jobs = jobs - 1 WHERE kind = old.kind AND state = old.state;
  UPDATE gate SET waiting = waiting - (old.state = 'waiting');
END;

-- How far the writers' journals are enqueued (`stores/books/jobs-sink.ts`).
CREATE TABLE marks (
  writer TEXT PRIMARY KEY,
  mark TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Spent and reserved in a UTC day.
CREATE TABLE day_caps (
  day TEXT NOT NULL,
  id TEXT NOT NULL,
  nano_usd INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (day, id)
) STRICT, WITHOUT ROWID;
