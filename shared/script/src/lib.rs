//! The small languages in which tenants tell us how to read a bidder's answer.
//!
//! Lowest crate of the workspace: pure, no clock, no I/O. What must stay true: every expression is checked when it is
//! saved, its size is limited, and evaluating one never panics and never runs longer than the document is large.

pub mod json_path;
