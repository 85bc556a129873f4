-- The audit records of requests that began on one UTC day, and what was added to them later.

CREATE TABLE writers (
  number INTEGER NOT NULL PRIMARY KEY,
  writer TEXT    NOT NULL UNIQUE -- a ULID
) STRICT;

CREATE TABLE records (
  number      INTEGER NOT NULL PRIMARY KEY,
  id          BLOB    NOT NULL, -- a ULID's 16 bytes
  request_id  BLOB,             -- of an amendment: whose
  tenant      TEXT    NOT NULL,
  writer      INTEGER NOT NULL, -- its number
  seq         INTEGER NOT NULL,
  prev_hash   BLOB    NOT NULL,
  hash        BLOB    NOT NULL,
  is_repeated INTEGER NOT NULL, -- 1: another writer told of the request before; kept for its place in the chain
  text_hash   BLOB,             -- SHA-256 of the text, once that is gone; of one that was emptied, a signature after it
  text        TEXT,             -- JSON, as it was hashed; NULL: emptied
  CHECK (text IS NOT NULL OR text_hash IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX records_by_id ON records (id) WHERE is_repeated = 0;
CREATE UNIQUE INDEX records_by_place ON records (writer, seq);
CREATE INDEX records_of_request ON records (request_id) WHERE request_id IS NOT NULL;

-- What a record is found by: one row for each thing that can be asked for. `facet` is a hash of tenant, kind and
-- value (facets.ts); what is found by it is compared with the record's text.
CREATE TABLE facets (
  facet         INTEGER NOT NULL,
  id            BLOB    NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (facet, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  writer    TEXT    NOT NULL,
  seq       INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  hash      TEXT    NOT NULL,
  epoch_ms  INTEGER NOT NULL,
  signature TEXT    NOT NULL,
  PRIMARY KEY (writer, seq, epoch_ms)
) STRICT, WITHOUT ROWID;
