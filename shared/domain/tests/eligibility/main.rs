//! Who may get a call: hours, filters, places, screening, duplicates, ranking.

mod filter;
mod geo;
mod hours;
