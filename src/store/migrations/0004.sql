-- Hash of a line whose end was missing when the file was last looked at.
ALTER TABLE mark ADD COLUMN half INTEGER;
