//! Number pools beyond the catalogue: their numbers, what is bought for them, how they are used; and the snippet that shows them.
//! Creating, changing, listing and removing are those of every noun ([`crate::nouns`]).

mod docs;
mod market;
mod members;
mod snippet;
mod usage;

use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/number-pools/{id}/numbers", members::list)
        .doc(docs::numbers)
        .on(Verb::Post, "/api/number-pools/{id}/add", members::add)
        .doc(docs::add)
        .on(Verb::Post, "/api/number-pools/{id}/remove", members::remove)
        .doc(docs::remove)
        .on(Verb::Post, "/api/number-pools/{id}/verify", members::verify)
        .doc(docs::verify)
        .on(Verb::Post, "/api/number-pools/{id}/allocate", market::allocate)
        .doc(docs::allocate)
        .on(Verb::Post, "/api/number-pools/{id}/replace", market::replace)
        .doc(docs::replace)
        .on(Verb::Post, "/api/number-pools/{id}/shrink", market::shrink)
        .doc(docs::shrink)
        .on(Verb::Get, "/api/number-pools/{id}/usage", usage::usage)
        .doc(docs::usage)
        .on(Verb::Get, "/api/number-pools/{id}/advice", usage::advice)
        .doc(docs::advice)
        .on(Verb::Get, "/api/tracking-tags/{id}/snippet", snippet::snippet)
        .doc(docs::snippet)
}
