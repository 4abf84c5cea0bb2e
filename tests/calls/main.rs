//! Whole calls through the real use cases and the real store, with every callback repeated, late, reordered or lost.

mod agents;
mod bidders;
mod bids;
mod callers;
mod capacity;
mod full;
mod order;
mod path;
mod payouts;
mod predictive;
mod sip;
mod together;
mod world;
