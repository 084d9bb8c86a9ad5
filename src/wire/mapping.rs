//! What a user's field mapping says, checked.

use super::format::Container;
use crate::domain::label::Label;

/// A checked mapping from foreign fields to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Its name in reports.
    pub name: Label,
}

impl Mapping {
    /// Says how the mapped format lies on disk.
    pub fn container(&self) -> Container {
        Container::Lines
    }
}
