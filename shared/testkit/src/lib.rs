//! Everything the product meets in the outside world, played by ourselves: for the tests and for the local platform.
//!
//! Nothing in here is compiled into a function that is deployed. A module of this crate behaves like the service it
//! stands for, as far as its own documentation says. `phone` and `bidders` share no code with the product, so that each
//! checks the other; `database` and `fakes` hand out the product's own store and ports.

pub mod bidders;
pub mod database;
pub mod fakes;
pub mod faults;
pub mod phone;
