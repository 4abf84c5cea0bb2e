//! Who may get a call: hours, filters, places, screening, duplicates, ranking.

mod duplicates;
mod filter;
mod geo;
mod hours;
mod predictive;
mod schema;
mod screening;
