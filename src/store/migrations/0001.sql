-- Names: every text that calls are summed by, once.
CREATE TABLE name (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- Slices: what calls are summed under but for their time, once.
CREATE TABLE slice (
  id       INTEGER PRIMARY KEY,
  tenant   INTEGER NOT NULL,
  provider INTEGER NOT NULL,
  model    INTEGER NOT NULL,
  tier     INTEGER NOT NULL,
  region   INTEGER NOT NULL,
  status   INTEGER NOT NULL,
  failure  INTEGER NOT NULL,
  source   INTEGER NOT NULL,
  UNIQUE (tenant, provider, model, tier, region, status, failure, source)
) STRICT;

-- Calls. One row for each call that counts; a better record of the same call replaces it.
-- The index on half of the identity is compact, and a call that is new never touches the table.
CREATE TABLE call (
  row               INTEGER PRIMARY KEY,
  id_high           INTEGER NOT NULL,
  id_low            INTEGER NOT NULL,
  contest           INTEGER NOT NULL,
  nearness          INTEGER NOT NULL,
  request           INTEGER,
  place             INTEGER NOT NULL,
  at                INTEGER NOT NULL,  -- milliseconds; where `stated` is set, the time of arrival
  stated            INTEGER,           -- the flag of a row from the future: the time it claims
  slice             INTEGER NOT NULL,
  input             INTEGER NOT NULL,
  cache_read        INTEGER NOT NULL,
  cache_write_short INTEGER NOT NULL,
  cache_write_long  INTEGER NOT NULL,
  output            INTEGER NOT NULL,
  reasoning         INTEGER NOT NULL,
  calls             INTEGER NOT NULL,
  searches          INTEGER NOT NULL,
  reported          INTEGER,           -- nanodollars that the ledger states
  latency           INTEGER,
  first_byte        INTEGER,
  cost_kind         INTEGER NOT NULL,  -- 0 priced, 1 reported, 2 unpriced
  cost              INTEGER            -- nanodollars, frozen at first sight
) STRICT;
CREATE INDEX call_id ON call (id_high);
CREATE INDEX call_at ON call (at);
CREATE INDEX call_unpriced ON call (row) WHERE cost_kind = 2;

-- Sums per 15 minutes UTC and slice.
CREATE TABLE rollup (
  slot INTEGER NOT NULL, slice INTEGER NOT NULL,
  calls INTEGER NOT NULL, failed INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_short INTEGER NOT NULL, cache_write_long INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, cost INTEGER NOT NULL, reported INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (slot, slice)
) STRICT, WITHOUT ROWID;

-- The same sums per UTC day.
CREATE TABLE rollup_day (
  day INTEGER NOT NULL, slice INTEGER NOT NULL,
  calls INTEGER NOT NULL, failed INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_short INTEGER NOT NULL, cache_write_long INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, cost INTEGER NOT NULL, reported INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (day, slice)
) STRICT, WITHOUT ROWID;

-- Sums per 15 minutes UTC and tenant.
CREATE TABLE tenant_slot (
  slot INTEGER NOT NULL, tenant INTEGER NOT NULL,
  calls INTEGER NOT NULL, failed INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_short INTEGER NOT NULL, cache_write_long INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, cost INTEGER NOT NULL, reported INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (slot, tenant)
) STRICT, WITHOUT ROWID;

-- Sums per UTC day and tenant.
CREATE TABLE tenant_day (
  day INTEGER NOT NULL, tenant INTEGER NOT NULL,
  calls INTEGER NOT NULL, failed INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write_short INTEGER NOT NULL, cache_write_long INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, cost INTEGER NOT NULL, reported INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (day, tenant)
) STRICT, WITHOUT ROWID;

-- What was read from each source. The key is the source's name.
CREATE TABLE source (
  name           INTEGER PRIMARY KEY,
  format         TEXT NOT NULL,
  lines          INTEGER NOT NULL DEFAULT 0,
  bad            INTEGER NOT NULL DEFAULT 0,
  lost           INTEGER NOT NULL DEFAULT 0,
  skip_other     INTEGER NOT NULL DEFAULT 0,
  skip_synthetic INTEGER NOT NULL DEFAULT 0,
  skip_repeat    INTEGER NOT NULL DEFAULT 0,
  skip_no_usage  INTEGER NOT NULL DEFAULT 0,
  skip_filtered  INTEGER NOT NULL DEFAULT 0,
  skip_blank     INTEGER NOT NULL DEFAULT 0,
  copy_repeated  INTEGER NOT NULL DEFAULT 0,
  copy_sidechain INTEGER NOT NULL DEFAULT 0,
  copy_echo      INTEGER NOT NULL DEFAULT 0,
  calls          INTEGER NOT NULL DEFAULT 0,
  failed         INTEGER NOT NULL DEFAULT 0,
  last_read_at   INTEGER NOT NULL,
  note           TEXT
) STRICT;

-- Lines that could not be read, the newest of them.
CREATE TABLE bad_line (
  row     INTEGER PRIMARY KEY,
  source  INTEGER NOT NULL,
  offset  INTEGER NOT NULL,
  line    INTEGER NOT NULL,
  length  INTEGER NOT NULL,
  reason  TEXT NOT NULL,
  excerpt TEXT NOT NULL,
  UNIQUE (source, offset)
) STRICT;

-- How far each file has been read. The key is the file (device, inode) and its format; where there is
-- no inode, its path.
CREATE TABLE mark (
  file     TEXT PRIMARY KEY,
  path     TEXT NOT NULL,
  format   TEXT NOT NULL,
  device   INTEGER NOT NULL,
  inode    INTEGER NOT NULL,
  size     INTEGER NOT NULL,
  modified TEXT NOT NULL,
  changed  TEXT NOT NULL,
  offset   INTEGER NOT NULL,
  head     INTEGER NOT NULL,
  tail     INTEGER NOT NULL,
  seen_at  INTEGER NOT NULL
) STRICT;

-- The prices that calls without a cost were last looked up in: one row.
CREATE TABLE price_book (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  fingerprint INTEGER NOT NULL
) STRICT;
