//! Lists of people and keys: read whole (a few hundred at most), then searched, sorted and cut into pages in memory, like
//! the catalogue's.

use crate::catalog::{Listing, Position, SortBy};

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
    let mut found: Vec<(Position, T)> = all
        .into_iter()
        .filter(|item| wanted.as_deref().is_none_or(|part| item.matches(part)))
        .map(|item| (item.position(listing.sort), item))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    if listing.descending {
        found.reverse();
    }
    let comes_after = |position: &Position| match &listing.after {
        None => true,
        Some(after) if listing.descending => position < after,
        Some(after) => position > after,
    };
    let mut rest = found.into_iter().filter(|(position, _)| comes_after(position)).peekable();
    let mut items = Vec::new();
    let mut last = None;
    while items.len() < listing.limit {
        let Some((position, item)) = rest.next() else { break };
        last = Some(position);
        items.push(item);
    }
    (items, last.filter(|_| rest.peek().is_some()))
}
