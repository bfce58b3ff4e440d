-- Tag changes beside the line, renames, and whether Tidegate pushed the commit to this branch. The index is of another
-- version with them, so the next pass fills it anew.
ALTER TABLE history_movements ADD COLUMN is_beside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history_movements ADD COLUMN from_service TEXT;
ALTER TABLE history_movements ADD COLUMN from_image TEXT;
ALTER TABLE history_movements ADD COLUMN is_pushed_here INTEGER;
