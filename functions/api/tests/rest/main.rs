//! The REST API from request to answer, over ports in memory.
#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

mod auth;
mod blocked;
mod calls;
mod calls_filters;
mod calls_masking;
mod delete;
mod gateway;
mod groups;
mod guard;
mod idempotency;
mod identity_proof;
mod identity_sign_in;
mod identity_sign_up;
mod identity_users;
mod lists;
mod malformed;
mod nouns;
mod pages;
mod partners;
mod people;
mod permission_is_a_type;
mod privacy;
mod publish;
mod scale;
mod support;
mod switches;
mod table;
mod twilio_accounts;
mod validation;
