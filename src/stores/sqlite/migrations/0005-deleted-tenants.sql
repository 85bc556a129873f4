-- The ids of tenants that are gone. Their records stay until they expire, and must not become another one's.

CREATE TABLE deleted_tenants (
  id            TEXT    NOT NULL PRIMARY KEY,
  deleted_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
