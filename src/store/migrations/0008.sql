-- Times in which caps only warn: the newest row counts, until its end.
CREATE TABLE pass_rev (
  rev   INTEGER PRIMARY KEY,
  at    INTEGER NOT NULL,
  by    TEXT NOT NULL,
  until INTEGER,           -- none: caps hold again from here on
  why   TEXT NOT NULL
) STRICT;
