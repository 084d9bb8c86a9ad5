//! A provider's key: it is in no text that anyone prints, and gone from memory when it is dropped.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use http::HeaderValue;

use crate::config::{KeySource, paths::Env};

/// The longest key that is read, bytes.
const LONGEST: u64 = 4096;

/// A key. It has neither `Debug` nor `Display`.
pub struct Secret(Vec<u8>);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl Secret {
    /// Finds the key of an upstream; `None` where it needs none.
    ///
    /// The error says what is wrong, without the key.
    pub fn find(source: &KeySource, env: Env<'_>) -> Result<Option<Secret>, String> {
        match source {
            KeySource::None => Ok(None),
            KeySource::Environment(name) => {
                let key = env(name).ok_or_else(|| format!("the environment variable {name} is not set"))?;
                Secret::new(key.into_bytes()).ok_or_else(|| format!("${name} is no key")).map(Some)
            }
            KeySource::File(path) => {
                let told = |why: String| format!("the key file {}: {why}", path.display());
                let key = read(path).map_err(told)?;
                Secret::new(key).ok_or_else(|| told("it holds no key".to_owned())).map(Some)
            }
        }
    }

    /// Takes the bytes of a key, without the blanks around it.
    fn new(mut bytes: Vec<u8>) -> Option<Secret> {
        let plain = bytes.trim_ascii().to_vec();
        bytes.fill(0);
        std::hint::black_box(&bytes);
        let secret = Secret(plain);
        let good = !secret.0.is_empty() && secret.0.iter().all(u8::is_ascii_graphic);
        good.then_some(secret)
    }

    /// Returns a header's value of `before` and the key, marked as sensitive.
    pub fn header(&self, before: &str) -> Option<HeaderValue> {
        let mut text = before.as_bytes().to_vec();
        text.extend_from_slice(&self.0);
        let value = HeaderValue::from_bytes(&text).ok();
        text.fill(0);
        std::hint::black_box(&text);
        let mut value = value?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Reads a file that is its owner's alone.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let open = File::options()
        .read(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
        .open(path);
    let file = open.map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no plain file".to_owned());
    }
    if found.mode() & 0o077 != 0 {
        return Err(format!("others can read it (mode {:o}): chmod 600 it", found.mode() & 0o777));
    }
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user && found.uid() != 0 {
        return Err("it belongs to someone else".to_owned());
    }
    let mut key = Vec::new();
    file.take(LONGEST).read_to_end(&mut key).map_err(|error| error.to_string())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn find(source: &KeySource) -> Result<String, String> {
        let env = |name: &str| (name == "KEY").then(|| " sk-test \n".to_owned());
        let secret = Secret::find(source, &env)?.expect("a key is asked for");
        let value = secret.header("Bearer ").expect("a header");
        assert!(value.is_sensitive());
        Ok(value.to_str().expect("text").to_owned())
    }

    #[test]
    fn a_key_comes_from_the_environment_or_a_file_of_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, "sk-file\n").expect("a file");
        let file = KeySource::File(path.clone());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(find(&file), Ok("Bearer sk-file".to_owned()));
        assert_eq!(find(&KeySource::Environment("KEY".to_owned())), Ok("Bearer sk-test".to_owned()));
        for mode in [0o644, 0o640, 0o606] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            assert!(find(&file).is_err_and(|why| why.contains("chmod 600") && !why.contains("sk-")));
        }
        let link = folder.path().join("link");
        symlink(&path, &link).expect("a link");
        assert!(find(&KeySource::File(link)).is_err());
    }

    #[test]
    fn what_is_no_key_is_told_without_it() {
        let missing = find(&KeySource::Environment("NONE".to_owned())).expect_err("not set");
        assert!(missing.contains("NONE"));
        assert!(Secret::new(b"two words".to_vec()).is_none());
        assert!(Secret::new(b"line\r\nfeed".to_vec()).is_none());
        assert!(Secret::new(b"  ".to_vec()).is_none());
    }
}
