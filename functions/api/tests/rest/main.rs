//! The REST API from request to answer, over ports in memory.

mod auth;
mod calls;
mod calls_masking;
mod delete;
mod gateway;
mod lists;
mod malformed;
mod nouns;
mod pages;
mod permission_is_a_type;
mod publish;
mod support;
mod switches;
mod table;
mod validation;
