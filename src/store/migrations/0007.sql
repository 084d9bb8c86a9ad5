-- The end of a temporary cap is written down like a change, but changes nothing: the cap it names was over by then.
ALTER TABLE cap_rev ADD COLUMN ended INTEGER;  -- the change that came to its end; none: a change
CREATE UNIQUE INDEX cap_rev_ended ON cap_rev (ended) WHERE ended IS NOT NULL;

-- Prices that the user set himself, numbered together with the changes of the caps.
CREATE TABLE price_rev (
  rev      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  by       TEXT NOT NULL,
  why      TEXT NOT NULL,
  provider TEXT NOT NULL,
  model    TEXT NOT NULL,
  old      TEXT,             -- the rates before, in words; none: no price was known
  new      TEXT NOT NULL     -- the rates from then on
) STRICT;
