//! Whose calls a file holds, where its path says so.

use std::path::Path;

use crate::domain::call::TenantId;

/// A tenant told from a file's path: text in which `{file_stem}` and `{parent}` stand for the file's name
/// without its last extension and for its directory's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantTemplate(String);

impl TenantTemplate {
    /// Checks a template.
    ///
    /// The error says in plain words what is wrong.
    pub fn parse(text: &str) -> Result<TenantTemplate, String> {
        let bare = text.replace("{file_stem}", "x").replace("{parent}", "x");
        match bare.trim() {
            "" => Err("is empty".to_owned()),
            bare if bare.contains(['{', '}']) => {
                Err(format!("is \"{text}\": only {{file_stem}} and {{parent}} can stand in braces"))
            }
            _ => Ok(TenantTemplate(text.to_owned())),
        }
    }

    /// Returns the tenant of a file.
    pub fn tenant(&self, path: &Path) -> TenantId {
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let stem = part(path.file_stem());
        let parent = part(path.parent().and_then(Path::file_name));
        TenantId::new(&self.0.replace("{file_stem}", &stem).replace("{parent}", &parent))
    }

    /// Returns the template as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
