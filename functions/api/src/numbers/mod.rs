//! Phone numbers beyond the catalogue: what is done at Twilio with them. Creating, changing, listing and removing are
//! those of every noun ([`crate::nouns`]).

mod care;
mod import;
mod market;

use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/numbers/available", market::available)
        .on(Verb::Post, "/api/numbers/buy", market::buy)
        .on(Verb::Post, "/api/numbers/{id}/release", market::release)
        .on(Verb::Get, "/api/numbers/importable", import::importable)
        .on(Verb::Post, "/api/numbers/import", import::import)
        .on(Verb::Post, "/api/numbers/{id}/assign", care::assign)
        .on(Verb::Post, "/api/numbers/{id}/verify", care::verify_one)
        .on(Verb::Post, "/api/numbers/verify", care::verify)
}
