//! Whole calls through the real use cases and the real store, with every callback repeated, late, reordered or lost.

mod order;
mod world;
