//! The only SQL: the store of calls, their sums, and how far each source has been read.
