-- Which budget alerts were sent, or are about to be: whoever adds the row sends it. A row stays until nobody
-- could raise its alert again, also when its tenant is gone.

CREATE TABLE alert_claims (
  id               TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of what the alert is about, its first half, hex
  tenant_id        TEXT    NOT NULL,
  body             TEXT    NOT NULL,             -- JSON to post
  made_at_ms       INTEGER NOT NULL,
  claimed_until_ms INTEGER NOT NULL,             -- from then on another process may send it
  expires_at_ms    INTEGER,                      -- NULL: never
  is_finished      INTEGER NOT NULL CHECK (is_finished IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_claims_unfinished ON alert_claims (claimed_until_ms) WHERE is_finished = 0;
CREATE INDEX alert_claims_by_expiry ON alert_claims (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
