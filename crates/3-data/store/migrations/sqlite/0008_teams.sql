-- Teams: what they demand of their members, and their end.
ALTER TABLE teams ADD COLUMN require_second_factor BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE teams ADD COLUMN deleted_at INTEGER;
