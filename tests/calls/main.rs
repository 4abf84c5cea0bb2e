//! Whole calls through the real use cases and the real store, with every callback repeated, late, reordered or lost.

mod agents;
mod bidders;
mod bids;
mod callers;
mod capacity;
mod capacity_gone;
mod full;
mod hostile;
mod order;
mod pass_through;
mod path;
mod payouts;
mod predictive;
mod processes;
mod sip;
mod together;
mod visits;
mod world;
