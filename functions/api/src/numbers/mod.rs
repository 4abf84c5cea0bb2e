//! Phone numbers beyond the catalogue: what is done at Twilio with them. Creating, changing, listing and removing are
//! those of every noun ([`crate::nouns`]).

mod care;
mod docs;
mod import;
mod market;

pub(crate) use care::shown as verified;

use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/numbers/available", market::available)
        .doc(docs::available)
        .on(Verb::Post, "/api/numbers/buy", market::buy)
        .doc(docs::buy)
        .on(Verb::Post, "/api/numbers/{id}/release", market::release)
        .doc(docs::release)
        .on(Verb::Get, "/api/numbers/importable", import::importable)
        .doc(docs::importable)
        .on(Verb::Post, "/api/numbers/import", import::import)
        .doc(docs::import)
        .on(Verb::Post, "/api/numbers/{id}/assign", care::assign)
        .doc(docs::assign)
        .on(Verb::Post, "/api/numbers/{id}/verify", care::verify_one)
        .doc(docs::verify_one)
        .on(Verb::Post, "/api/numbers/verify", care::verify)
        .doc(docs::verify)
}
