//! The contract of the data ports, held against the adapter, on the embedded database and with faults before it.
//!
//! Everything here is said in the words of the ports; seeds are fixed. A fake of a port must pass the same.

#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod accounts;
mod audit;
mod bid_log;
mod bidder_alerts;
mod bidder_hours;
mod blocked;
mod books;
mod callers;
mod caps;
mod catalog;
mod closing;
mod faults;
mod health;
mod hook;
mod identity;
mod inbound;
mod limits;
mod lists;
mod payouts;
mod people;
mod people_in_trouble;
mod proofs;
mod published;
mod release;
mod signature;
mod steps;
mod support;
mod tags;
mod visit_events;
mod visits;
