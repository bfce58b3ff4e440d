-- What each token allows, and the only environments where it may act: words separated by spaces; no environment is every one.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT 'read';
ALTER TABLE tokens ADD COLUMN environments TEXT NOT NULL DEFAULT '';
