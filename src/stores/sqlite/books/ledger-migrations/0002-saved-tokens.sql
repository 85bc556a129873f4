-- What the cache's answers took when they were made. SQLite notes the default once and rewrites no row; it looks through
-- them, which takes about a second for a million. (https://www.sqlite.org/lang_altertable.html)
ALTER TABLE usage_hours ADD COLUMN saved_input_tokens  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_hours ADD COLUMN saved_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days  ADD COLUMN saved_input_tokens  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days  ADD COLUMN saved_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tag_days    ADD COLUMN saved_input_tokens  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tag_days    ADD COLUMN saved_output_tokens INTEGER NOT NULL DEFAULT 0;
