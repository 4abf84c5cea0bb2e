//! The REST API from request to answer, over ports in memory.
#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

mod auth;
mod calls;
mod calls_masking;
mod delete;
mod gateway;
mod lists;
mod malformed;
mod nouns;
mod numbers;
mod pages;
mod permission_is_a_type;
mod publish;
mod support;
mod switches;
mod table;
mod validation;
