//! Leases of phone numbers: how many round trips one takes, that nobody sees another visitor's number, and that every visitor
//! is answered.

mod lookups;
mod processes;
mod round_trips;
mod storm;
mod world;
