-- What the audit files say as a whole.

-- The files that were made and not removed: one that is missing was lost.
CREATE TABLE days (
  day TEXT NOT NULL PRIMARY KEY -- YYYYMMDD
) STRICT;

-- Places of a writer's chain whose files were removed when their time was over. Signed: a place that is missing and
-- not in here was deleted.
CREATE TABLE removed (
  writer    TEXT    NOT NULL,
  seq_from  INTEGER NOT NULL,
  seq_to    INTEGER NOT NULL,
  prev_hash TEXT    NOT NULL, -- of the first
  hash      TEXT    NOT NULL, -- of the last
  signature TEXT    NOT NULL,
  PRIMARY KEY (writer, seq_from)
) STRICT, WITHOUT ROWID;
