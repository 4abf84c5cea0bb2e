//! Lists of people and keys: read whole (a few hundred at most), then searched, sorted and cut into pages in memory, like
//! the catalogue's.

use crate::catalog::{self, Listing, Position, SortBy};

/// Something that stands in such a list.
pub trait Listable {
    /// Whether it is found by this part of a text, in lower case.
    fn matches(&self, part: &str) -> bool;

    /// Its place in an order.
    fn position(&self, sort: SortBy) -> Position;
}

/// A page, and where to go on.
pub(super) fn cut<T: Listable>(all: Vec<T>, listing: &Listing) -> (Vec<T>, Option<Position>) {
    let wanted = listing.search.as_deref().map(str::to_lowercase);
    let found = all
        .into_iter()
        .filter(|item| wanted.as_deref().is_none_or(|part| item.matches(part)))
        .map(|item| (item.position(listing.sort), item));
    // A few hundred short lines weigh nothing.
    catalog::cut(found.collect(), listing, |_| 0)
}
