//! Everything the product meets in the outside world, played by ourselves: for the tests and for the local platform.
//!
//! Nothing in here is compiled into a function that is deployed. A module of this crate behaves like the service it
//! stands for, as far as its own documentation says, and shares no code with the product, so that each checks the other.

pub mod bidders;
pub mod database;
pub mod fakes;
pub mod faults;
pub mod phone;
