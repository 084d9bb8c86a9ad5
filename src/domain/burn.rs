//! How fast money leaves.
