-- The source that counts a bad line, by the line's fingerprint: others that hold the same line count a copy.
CREATE TABLE bad_seen (
  fingerprint INTEGER PRIMARY KEY,
  source      INTEGER NOT NULL
) STRICT;
