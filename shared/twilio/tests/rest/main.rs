//! The REST client against a server on this machine that answers by script.

mod calls;
mod numbers;
mod server;
