-- How far the tables of a foreign database have been read.
ALTER TABLE mark ADD COLUMN cursor TEXT;
