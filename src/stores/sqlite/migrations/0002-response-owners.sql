-- What made a stored response and for whom. No reference to tenants: what a tenant had that is gone must not
-- become anybody's.

CREATE TABLE response_owners (
  response_hash TEXT    NOT NULL, -- SHA-256 of the response's id, hex; the id itself is nowhere
  tenant_id     TEXT    NOT NULL,
  provider_name TEXT    NOT NULL,
  model         TEXT    NOT NULL, -- as the provider names it
  key_id        TEXT,             -- which of the provider's keys; NULL for a provider that needs none
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (response_hash, tenant_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_owners_by_expiry ON response_owners (expires_at_ms);
