//! Number pools: which numbers stand in them.

pub(crate) mod place;
