-- How far each writer's journal is taken into the audit files, where the ledger is kept elsewhere.
CREATE TABLE marks (
  writer  TEXT    NOT NULL PRIMARY KEY,
  segment INTEGER NOT NULL,
  "offset" INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
