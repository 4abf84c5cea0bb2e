//! Against things this project did not write: Twilio's signing library, Twilio's TwiML types, Twilio's REST specification.
//!
//! And the CDN's function of our own template, run as Node runs JavaScript. All run as the Node programs of `tests/conformance`; its README says what each can. They must be installed
//! first: a test that cannot run its judge fails, it never passes without one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod accounts;
mod application;
mod fallback;
mod form;
mod inbound;
mod node;
mod rest;
mod signer;
mod twiml;
