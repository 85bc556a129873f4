-- Sums over evaluations and feedback, by the UTC day on which the judged request began, in days since 1970.
CREATE TABLE judge_days (
  tenant                   TEXT    NOT NULL,
  day                      INTEGER NOT NULL,
  key                      TEXT    NOT NULL,
  model                    TEXT    NOT NULL,
  served_model             TEXT    NOT NULL,
  provider                 TEXT    NOT NULL,
  evaluator                TEXT    NOT NULL, -- empty: feedback on an answer in general
  evaluator_version        TEXT    NOT NULL,
  judge_model              TEXT    NOT NULL,
  scored                   INTEGER NOT NULL,
  not_applicable           INTEGER NOT NULL,
  failed                   INTEGER NOT NULL,
  capped                   INTEGER NOT NULL,
  sampled                  INTEGER NOT NULL, -- of those scored; the five sums after it are of these
  score_millionths         INTEGER NOT NULL,
  score_squares            INTEGER NOT NULL,
  characters               INTEGER NOT NULL,
  character_squares        INTEGER NOT NULL,
  score_characters         INTEGER NOT NULL,
  same_family              INTEGER NOT NULL,
  repaired                 INTEGER NOT NULL,
  cost_nano_usd            INTEGER NOT NULL,
  feedback                 INTEGER NOT NULL,
  feedback_scored          INTEGER NOT NULL,
  feedback_millionths      INTEGER NOT NULL,
  pairs                    INTEGER NOT NULL,
  pair_judge_millionths    INTEGER NOT NULL,
  pair_human_millionths    INTEGER NOT NULL,
  pair_difference_squares  INTEGER NOT NULL,
  pair_agreements          INTEGER NOT NULL,
  PRIMARY KEY (tenant, day, key, model, served_model, provider, evaluator, evaluator_version, judge_model)
) STRICT, WITHOUT ROWID;
