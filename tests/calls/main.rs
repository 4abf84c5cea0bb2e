//! Whole calls through the real use cases and the real store, with every callback repeated, late, reordered or lost.

mod agents;
mod bidders;
mod bids;
mod callers;
mod capacity;
mod full;
mod hostile;
mod order;
mod path;
mod payouts;
mod predictive;
mod processes;
mod together;
mod world;
