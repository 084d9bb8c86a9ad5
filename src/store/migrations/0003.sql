-- What this store is, and the highest period time that was given out: one row.
CREATE TABLE vault (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  identity BLOB NOT NULL,    -- tells this store from one put in its place
  secret   BLOB NOT NULL,    -- keys the hashes of the tenants' keys
  high     INTEGER,          -- milliseconds; none at first
  keys     INTEGER NOT NULL DEFAULT 0  -- grows with every change of the keys
) STRICT;
INSERT INTO vault (one, identity, secret) VALUES (1, randomblob(16), randomblob(32));

-- Every change of the caps, in order. The newest of a scope, window and unit is in force.
CREATE TABLE cap_rev (
  rev INTEGER PRIMARY KEY,
  at  INTEGER NOT NULL,
  by  TEXT NOT NULL,
  old TEXT,                  -- the cap it takes the place of, in its text form
  cap TEXT NOT NULL,         -- the cap from then on
  why TEXT NOT NULL
) STRICT;

-- Which tenant is on which plan: every change, numbered together with those of the caps.
CREATE TABLE plan_rev (
  rev    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  by     TEXT NOT NULL,
  tenant TEXT NOT NULL,
  plan   TEXT,               -- none: the default plan
  why    TEXT NOT NULL
) STRICT;

-- The sums of one account in one period of a window. Accounts are a kind and up to two names.
CREATE TABLE budget (
  row              INTEGER PRIMARY KEY,
  kind             INTEGER NOT NULL,
  first            INTEGER NOT NULL,
  second           INTEGER NOT NULL,
  window           INTEGER NOT NULL,
  start            INTEGER NOT NULL,
  born             INTEGER NOT NULL,  -- the revision of the caps at which it was begun
  settled_money    INTEGER NOT NULL DEFAULT 0 CHECK (settled_money >= 0),
  settled_calls    INTEGER NOT NULL DEFAULT 0 CHECK (settled_calls >= 0),
  settled_tokens   INTEGER NOT NULL DEFAULT 0 CHECK (settled_tokens >= 0),
  uncertain_money  INTEGER NOT NULL DEFAULT 0 CHECK (uncertain_money >= 0),
  uncertain_calls  INTEGER NOT NULL DEFAULT 0 CHECK (uncertain_calls >= 0),
  uncertain_tokens INTEGER NOT NULL DEFAULT 0 CHECK (uncertain_tokens >= 0),
  reserved_money   INTEGER NOT NULL DEFAULT 0 CHECK (reserved_money >= 0),
  reserved_calls   INTEGER NOT NULL DEFAULT 0 CHECK (reserved_calls >= 0),
  reserved_tokens  INTEGER NOT NULL DEFAULT 0 CHECK (reserved_tokens >= 0),
  UNIQUE (kind, first, second, window, start)
) STRICT;

-- Money set aside for one attempt. `boot` is the guard's run, `number` counts in it.
CREATE TABLE hold (
  boot           INTEGER NOT NULL,
  number         INTEGER NOT NULL,
  call_high      INTEGER NOT NULL,
  call_low       INTEGER NOT NULL,
  attempt        INTEGER NOT NULL,
  tenant         INTEGER NOT NULL,
  provider       INTEGER NOT NULL,
  model          INTEGER NOT NULL,
  key            INTEGER,
  at             INTEGER NOT NULL,  -- period time
  price_rev      INTEGER NOT NULL,
  priced         INTEGER NOT NULL,  -- 0: its money is not known
  places         TEXT NOT NULL,     -- rows of `budget`, rising
  money          INTEGER NOT NULL,
  calls          INTEGER NOT NULL,
  tokens         INTEGER NOT NULL,
  predicted      INTEGER,           -- nanodollars it was expected to cost
  once           BLOB,              -- what marks a repeated request
  body           BLOB,
  state          INTEGER NOT NULL,  -- 0 open, 1 dispatched, 2 settled, 3 uncertain, 4 voided
  charged_money  INTEGER NOT NULL DEFAULT 0,
  charged_calls  INTEGER NOT NULL DEFAULT 0,
  charged_tokens INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (boot, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_at ON hold (at);
CREATE INDEX hold_tenant ON hold (tenant, at);
CREATE INDEX hold_open ON hold (boot, number) WHERE state < 2;
CREATE INDEX hold_uncertain ON hold (at) WHERE state = 3;
CREATE INDEX hold_once ON hold (once) WHERE once IS NOT NULL;

-- Uncertain money that was lowered: every time, in order.
CREATE TABLE resolution (
  row    INTEGER PRIMARY KEY,
  boot   INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  by     TEXT NOT NULL,
  old    INTEGER NOT NULL,  -- nanodollars
  new    INTEGER NOT NULL,
  why    TEXT NOT NULL
) STRICT;

-- Keys of tenants. The secret is kept as a keyed hash alone.
CREATE TABLE key (
  name      TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  hash      BLOB NOT NULL,
  created   INTEGER NOT NULL,
  by        TEXT NOT NULL,
  expires   INTEGER,
  last_used INTEGER,
  revoked   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX key_tenant ON key (tenant);

-- Runs of guards.
CREATE TABLE guard (
  boot      INTEGER PRIMARY KEY,
  name      TEXT NOT NULL,
  pid       INTEGER NOT NULL,
  listen    TEXT NOT NULL,
  started   INTEGER NOT NULL,
  seen      INTEGER NOT NULL,
  rev       INTEGER NOT NULL,
  in_flight INTEGER NOT NULL DEFAULT 0,
  admitted  INTEGER NOT NULL DEFAULT 0,
  refused   INTEGER NOT NULL DEFAULT 0,
  note      TEXT,
  ended     INTEGER                 -- when it ended, or was found dead
) STRICT;
CREATE INDEX guard_alive ON guard (boot) WHERE ended IS NULL;

-- Rate-limit headroom as last told.
CREATE TABLE limits (
  provider  INTEGER NOT NULL,
  key       INTEGER NOT NULL,
  model     INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  pool      INTEGER NOT NULL,
  per       INTEGER NOT NULL,  -- milliseconds; -1 a calendar month, 0 not said
  most      INTEGER,
  remaining INTEGER,
  resets    INTEGER,
  observed  INTEGER NOT NULL,
  PRIMARY KEY (provider, key, model, dimension, pool, per)
) STRICT, WITHOUT ROWID;

-- What calls were expected to cost and what they did.
CREATE TABLE estimate (
  provider  INTEGER NOT NULL,
  model     INTEGER NOT NULL,
  calls     INTEGER NOT NULL,
  predicted INTEGER NOT NULL,  -- nanodollars
  actual    INTEGER NOT NULL,
  held      INTEGER NOT NULL,
  PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;
