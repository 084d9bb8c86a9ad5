//! The store against a simple model in memory, and against files that are not its own.
