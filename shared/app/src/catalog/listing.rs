//! Lists of catalogue nouns: read whole (at most 5,000 a tenant), then searched, sorted and cut into pages in memory.
//!
//! A page goes on after a position, the sort key and id of the last item shown, so items that come or go meanwhile
//! neither repeat nor hide the others.

use domain::ids::TenantId;

use super::{Entry, Tools, masked};
use crate::ports::{PortResult, Record};

/// A page ends early when its bodies reach this many bytes of JSON, so that it fits into one answer.
pub const MAX_PAGE: usize = 3 * 1024 * 1024;

/// The orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// By name (numbers: by the number), without regard to case.
    #[default]
    Name,
    /// By creation.
    CreatedAt,
    /// By last change.
    UpdatedAt,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The last item's sort key.
    pub key: String,
    /// Its id, which decides among equal keys.
    pub id: String,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Part of the name, without regard to case.
    pub search: Option<String>,
    /// The order.
    pub sort: SortBy,
    /// Backwards.
    pub descending: bool,
    /// Personal values are masked, and searched and sorted as they are shown: an order or a hit gives nothing away.
    pub masked: bool,
    /// Only what comes after this.
    pub after: Option<Position>,
    /// Most items.
    pub limit: usize,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The items in order.
    pub items: Vec<Record>,
    /// Where to go on; `None` at the end.
    pub next: Option<Position>,
}

/// A page of the tenant's things of one kind.
///
/// # Errors
/// The catalogue did not answer.
pub async fn list<E: Entry>(tools: &Tools<'_>, tenant: TenantId, listing: &Listing) -> PortResult<Listed> {
    let mut records = tools.catalog.list(tenant, E::KIND).await?;
    if listing.masked {
        records = records.into_iter().map(masked::<E>).collect();
    }
    Ok(page(records, E::UNIQUE_FIELD, listing))
}

/// A page of things that were read whole; `name_field` of their bodies is what they are sorted and searched by.
pub fn page(records: Vec<Record>, name_field: &str, listing: &Listing) -> Listed {
    let wanted = listing.search.as_deref().map(str::to_lowercase);
    let found = records
        .into_iter()
        .filter(|record| wanted.as_deref().is_none_or(|part| name_of(record, name_field).contains(part)))
        .map(|record| (position_of(&record, name_field, listing.sort), record));
    let (items, next) = cut(found.collect(), listing, |record| record.body.to_string().len());
    Listed { items, next }
}

/// A page of what was found, and where to go on; `weight` is what an item adds to [`MAX_PAGE`].
pub(crate) fn cut<T>(
    mut found: Vec<(Position, T)>,
    listing: &Listing,
    weight: impl Fn(&T) -> usize,
) -> (Vec<T>, Option<Position>) {
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
    let mut bytes = 0;
    while items.len() < listing.limit && bytes < MAX_PAGE {
        let Some((position, item)) = rest.next() else { break };
        bytes += weight(&item);
        last = Some(position);
        items.push(item);
    }
    (items, last.filter(|_| rest.peek().is_some()))
}

fn name_of(record: &Record, name_field: &str) -> String {
    record.body.get(name_field).and_then(serde_json::Value::as_str).unwrap_or_default().to_lowercase()
}

fn position_of(record: &Record, name_field: &str, sort: SortBy) -> Position {
    // Nine places, so that instants sort as texts.
    let key = match sort {
        SortBy::Name => name_of(record, name_field),
        SortBy::CreatedAt => format!("{:.9}", record.created_at),
        SortBy::UpdatedAt => format!("{:.9}", record.updated_at),
    };
    Position { key, id: record.id.clone() }
}
