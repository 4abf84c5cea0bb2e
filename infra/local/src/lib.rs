//! The whole platform in one process: an embedded DynamoDB, the functions behind a gateway that plays the template's routes,
//! a durable queue, schedules, the static fallback documents, a simulated telephone network and simulated bidders.
//!
//! What must stay true: the functions are the ones that are deployed, called with the events that AWS sends; what was
//! acknowledged survives a kill; nothing here leaves the machine, and no address but the bidder simulator's is exempt from
//! the outbound rules.

pub mod call;
pub mod client;
mod demo;
pub mod event;
pub mod fallback;
mod functions;
mod gateway;
mod lambda;
mod listen;
mod number_script;
pub mod options;
mod platform;
pub mod queue;
pub mod routes;
pub mod running;
mod schedules;
pub mod seed;
mod serve;
mod shop;
pub mod simulator;
mod spare;
pub mod template;
mod tracker;

pub use options::{Options, Ports, Schedules, Storage};
pub use platform::Platform;
pub use simulator::Scenario;
