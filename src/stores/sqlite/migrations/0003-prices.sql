-- What models cost the operator, where that is not the list price.

CREATE TABLE prices (
  provider      TEXT    NOT NULL,
  model         TEXT    NOT NULL, -- a name, or how names begin and a *
  settings      TEXT    NOT NULL, -- JSON
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;
