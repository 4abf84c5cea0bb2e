//! What pay-per-call means, decided purely: who gets a call, what a bid is worth, when a call is over, who is owed what.
//!
//! No clock, no randomness, no I/O: time, seeds and ids are arguments. Every decision returns its reasons.

pub mod access;
pub mod adjustment;
pub mod agent;
pub mod auction;
pub mod audit;
pub mod blocked;
pub mod breaker;
pub mod call;
pub mod campaign;
pub mod caps;
pub mod conversion_report;
pub mod country;
pub mod destinations;
pub mod duplicates;
pub mod email;
pub mod filter;
pub mod geo;
pub mod group;
pub mod hours;
pub mod ids;
pub mod inbound;
pub mod incoming_webhook;
pub mod ledger;
pub mod money;
pub mod number;
pub mod partner;
pub mod password;
pub mod people;
pub mod phone;
pub mod plan;
pub mod pool;
pub mod predictive;
pub mod routing;
pub mod rtb_target;
pub mod schema;
pub mod screening;
pub mod seed;
pub mod sip;
pub mod snapshot;
pub mod target;
pub mod tokens;
pub mod validate;
pub mod voice;
