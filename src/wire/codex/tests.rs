//! One test per known mistake in reading rollouts.
