//! Everything that is Twilio's own: its signatures, the forms it posts, the TwiML it reads, its REST API.
//!
//! The rest of the product speaks of calls, legs and replies; only this crate knows parameter names, attribute names and
//! Twilio's limits. Nothing here decides anything about a call.

pub mod door;
pub mod form;
pub mod rest;
pub mod signature;
mod sip;
pub mod telephony;
pub mod twiml;
mod url_forms;
pub mod urls;
pub mod webhook;
