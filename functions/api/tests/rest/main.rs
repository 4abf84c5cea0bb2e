//! The REST API from request to answer, over ports in memory.
#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

mod audit;
mod auth;
mod blocked;
mod bulk;
mod calls;
mod calls_filters;
mod calls_masking;
mod campaigns_life;
mod campaigns_shared;
mod conform;
mod delete;
mod document;
mod every_route;
mod gateway;
mod groups;
mod guard;
mod idempotency;
mod lists;
mod malformed;
mod nouns;
mod pages;
mod partners;
mod permission_is_a_type;
mod privacy;
mod publish;
mod scale;
mod sizes;
mod stage;
mod support;
mod switches;
mod table;
mod twilio_accounts;
mod validation;
