//! The small languages in which tenants tell us how to read a bidder's answer: paths, patterns and expressions.
//!
//! Lowest crate of the workspace: pure, no clock, no I/O. What must stay true: every expression is checked when it is
//! saved, its size is limited, and evaluating one never panics and never runs longer than the document is large.

pub mod answer;
pub mod decimal;
pub mod expression;
pub mod json_path;
pub mod pattern;
mod value;

pub use value::Value;
