//! The table `key`: keys of tenants, and the one place where a key becomes a tenant.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::change::ChangeError;
use crate::domain::call::TenantId;
use crate::domain::label::Label;
use crate::domain::scope::KeyId;
use crate::domain::time::Timestamp;
use crate::store::{Reader, Store};

/// What every key begins with.
const MARK: &str = "olk_";
/// Characters of the public name.
const NAME: usize = 10;
/// Characters of the secret: 5 bits each, 160 bits.
const SECRET: usize = 32;
/// Characters of a key.
const WHOLE: usize = MARK.len() + NAME + 1 + SECRET;
/// 32 characters that cannot be mistaken for each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Active keys that a tenant may have: the old one and the new one, while they are exchanged.
pub const ACTIVE: usize = 2;

/// A tenant that has shown a key. Only [`KeyRing::verify`] can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    tenant: TenantId,
    key: KeyId,
}

impl Authenticated {
    /// Returns the tenant.
    pub const fn tenant(self) -> TenantId {
        self.tenant
    }

    /// Returns the key's public name.
    pub const fn key(self) -> KeyId {
        self.key
    }
}

/// A new key in full. It cannot be printed by accident, and is kept nowhere.
pub struct NewKey {
    name: KeyId,
    text: String,
}

impl NewKey {
    /// Returns the public name.
    pub const fn name(&self) -> KeyId {
        self.name
    }

    /// Returns the whole key, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// What is known about a key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its public name.
    pub name: KeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub by: Label,
    /// When it ends; `None` is never.
    pub expires: Option<Timestamp>,
    /// When a call was last let through with it, to the minute.
    pub last_used: Option<Timestamp>,
    /// When it was taken back.
    pub revoked: Option<Timestamp>,
}

impl KeyRow {
    /// Says whether the key opens anything at an instant.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// All keys, for checking what callers show.
#[derive(Default)]
pub struct KeyRing {
    secret: [u8; 32],
    keys: HashMap<String, Held>,
}

struct Held {
    row: KeyRow,
    hash: blake3::Hash,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

impl KeyRing {
    /// Checks what a caller shows. Unknown, revoked, expired and malformed keys get the same answer for
    /// the same work: one hash of a fixed length, one comparison that takes the same time for any two.
    pub fn verify(&self, shown: &str, now: Timestamp) -> Option<Authenticated> {
        let mut padded = [0_u8; WHOLE];
        let taken = shown.len().min(WHOLE);
        padded[..taken].copy_from_slice(&shown.as_bytes()[..taken]);
        let hash = blake3::keyed_hash(&self.secret, &padded);
        let name = padded.get(MARK.len()..MARK.len() + NAME).unwrap_or_default();
        let held = std::str::from_utf8(name).ok().and_then(|name| self.keys.get(name));
        let kept = held.map_or(blake3::Hash::from_bytes([0; 32]), |held| held.hash);
        let matches = kept == hash;
        let held = held.filter(|held| matches && shown.len() == WHOLE && held.row.is_active(now))?;
        Some(Authenticated { tenant: held.row.tenant, key: held.row.name })
    }

    /// Reads all keys.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<KeyRing> {
        let secret = secret(conn)?;
        let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS}, hash FROM key"))?;
        let rows = statement.query_map([], |row| {
            let hash: [u8; 32] = row.get(7)?;
            Ok((row.get(0)?, Held { row: read(row)?, hash: blake3::Hash::from_bytes(hash) }))
        })?;
        Ok(KeyRing { secret, keys: rows.collect::<rusqlite::Result<_>>()? })
    }
}

const COLUMNS: &str = "name, tenant, created, by, expires, last_used, revoked";

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let text = |index: usize| row.get::<_, String>(index);
    let at = |index: usize| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp::from_millis));
    Ok(KeyRow {
        name: KeyId::new(&text(0)?),
        tenant: TenantId::new(&text(1)?),
        created: Timestamp::from_millis(row.get(2)?),
        by: Label::new(&text(3)?),
        expires: at(4)?,
        last_used: at(5)?,
        revoked: at(6)?,
    })
}

fn secret(conn: &Connection) -> rusqlite::Result<[u8; 32]> {
    conn.query_row("SELECT secret FROM vault", [], |row| row.get(0))
}

/// Returns a number that grows with every change of the keys.
pub(super) fn revision(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT keys FROM vault")?.query_row([], |row| row.get(0))
}

fn changed(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("UPDATE vault SET keys = keys + 1", []).map(drop)
}

/// Notes that a key was used, once a minute at most.
pub(super) fn touch(conn: &Connection, key: KeyId, at: Timestamp) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE key SET last_used = ?2 WHERE name = ?1 AND coalesce(last_used, 0) <= ?2 - 60000",
    )?
    .execute(params![key.as_str(), at.millis()])
    .map(drop)
}

/// What a key is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyWish {
    /// Whose it is.
    pub tenant: TenantId,
    /// When it ends; `None` is never.
    pub expires: Option<Timestamp>,
    /// Who makes it.
    pub by: Label,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Makes a key. The store keeps its hash; the key itself is in the answer and nowhere else.
    pub fn create_key(&mut self, wish: &KeyWish) -> Result<NewKey, ChangeError> {
        let mut bytes = [0_u8; NAME + SECRET];
        getrandom::fill(&mut bytes).map_err(|error| ChangeError::NoChance(error.to_string()))?;
        let letters: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let (name, rest) = letters.split_at(NAME);
        let text = format!("{MARK}{name}_{rest}");
        let made = self.write(|conn, _| {
            let now = wish.at.millis();
            let active: usize = conn.query_row(
                "SELECT count(*) FROM key WHERE tenant = ?1 AND revoked IS NULL AND (expires IS NULL OR expires > ?2)",
                params![wish.tenant.as_str(), now],
                |row| row.get::<_, i64>(0).map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            )?;
            if active >= ACTIVE {
                return Ok(false);
            }
            let hash = blake3::keyed_hash(&secret(conn)?, text.as_bytes());
            conn.execute(
                "INSERT INTO key (name, tenant, hash, created, by, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    name,
                    wish.tenant.as_str(),
                    hash.as_bytes(),
                    now,
                    wish.by.as_str(),
                    wish.expires.map(Timestamp::millis)
                ],
            )?;
            changed(conn)?;
            Ok(true)
        })?;
        if !made {
            return Err(ChangeError::TooManyKeys { tenant: wish.tenant });
        }
        Ok(NewKey { name: KeyId::new(name), text })
    }

    /// Takes a key back. From then on it is as unknown; the instant of the first time stays.
    pub fn revoke_key(&mut self, name: KeyId, at: Timestamp) -> Result<KeyRow, ChangeError> {
        let row = self.write(|conn, _| {
            conn.execute(
                "UPDATE key SET revoked = ?2 WHERE name = ?1 AND revoked IS NULL",
                params![name.as_str(), at.millis()],
            )?;
            changed(conn)?;
            let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM key WHERE name = ?1"))?;
            statement.query_row([name.as_str()], read).optional()
        })?;
        row.ok_or(ChangeError::UnknownKey { name })
    }
}

impl Reader {
    /// Returns all keys, by tenant and age.
    pub fn keys(&self) -> Result<Vec<KeyRow>, crate::store::StoreError> {
        self.read(|conn, _| {
            let mut statement =
                conn.prepare_cached(&format!("SELECT {COLUMNS} FROM key ORDER BY tenant, created, name"))?;
            statement.query_map([], read)?.collect()
        })
    }
}
