//! Taking and giving back capacity: the change of one counter's item, with the conditions that make caps exact.
//!
//! A transaction may touch an item once. When a step takes from a counter and gives back to the same one, both become one
//! change: a count that goes up and down stays, and its cap is compared as if the old one had gone already.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::caps::{CapReached, CounterId, Limit, Taken, Window};
use domain::ids::TenantId;

use crate::counters::{KIND, usage_of};
use crate::item::{Item, number, text};
use crate::keys;
use crate::write::{Deed, STAMP, Write, stamped};

/// What is given back of an attempt's capacity.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returns {
    /// The call was connected: only `live`.
    Live,
    /// It never was: everything.
    Everything,
}

/// The change of one counter.
#[derive(Debug)]
pub(super) struct CounterChange<'a> {
    counter: &'a CounterId,
    takes: Option<&'a Limit>,
    gives: BTreeSet<&'a str>,
}

/// Why capacity could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// A cap is full.
    Full(CapReached),
    /// Switched off, or the counter changed under our eyes: not the same as full.
    NotNow,
}

/// One change for each counter that takes, gives, or both.
pub(super) fn changes<'a>(
    takes: &'a [Limit],
    gives: &'a [Taken],
    returns: Returns,
) -> Vec<CounterChange<'a>> {
    let mut by_counter: BTreeMap<&CounterId, CounterChange<'a>> = BTreeMap::new();
    let empty = |counter| CounterChange { counter, takes: None, gives: BTreeSet::new() };
    for limit in takes {
        by_counter.entry(&limit.counter).or_insert_with(|| empty(&limit.counter)).takes = Some(limit);
    }
    for taken in gives {
        let change = by_counter.entry(&taken.counter).or_insert_with(|| empty(&taken.counter));
        change.gives.insert("live");
        if matches!(returns, Returns::Everything) {
            change.gives.insert("total");
            change.gives.extend(taken.windows.iter().map(String::as_str));
        }
    }
    by_counter.into_values().collect()
}

/// The attribute that counts a window.
fn attribute(window: Window, limit: &Limit) -> &str {
    match window {
        Window::Concurrent => "live",
        Window::Hourly => &limit.open.hour,
        Window::Daily => &limit.open.day,
        Window::Monthly => &limit.open.month,
        Window::Total => "total",
    }
}

const WINDOWS: [Window; 5] =
    [Window::Concurrent, Window::Hourly, Window::Daily, Window::Monthly, Window::Total];

impl CounterChange<'_> {
    /// The write.
    pub(super) fn write(&self, tenant: TenantId) -> Write {
        let removed = self.removed();
        let mut sets = vec![STAMP.to_owned()];
        let (mut adds, mut removals) = (Vec::new(), Vec::new());
        let mut names = Vec::new();
        for (index, (name, change)) in self.net(&removed).into_iter().enumerate() {
            let place = format!("#n{index}");
            match change {
                1 => adds.push(format!("{place} :one")),
                // A window that was removed meanwhile comes back as zero, never as less.
                -1 => sets.push(format!("{place} = if_not_exists({place}, :one) - :one")),
                _ => continue,
            }
            names.push((place, name));
        }
        for (index, name) in removed.into_iter().enumerate() {
            removals.push(format!("#r{index}"));
            names.push((format!("#r{index}"), name));
        }
        let counts = !adds.is_empty() || sets.len() > 1;
        if self.takes.is_some() {
            sets.push("#last_at = :last_at".to_owned());
        }
        let clauses = [("SET", sets), (" ADD", adds), (" REMOVE", removals)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        let update: String = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();

        let mut write =
            stamped(Write::new(Deed::Change(keys::counter(tenant, self.counter), update)), KIND, tenant);
        if counts {
            write = write.value(":one", number(1));
        }
        for (place, name) in names {
            write = write.name(place, name);
        }
        if let Some(limit) = self.takes {
            write = write.name("#last_at", "last_at").value(":last_at", text(keys::time(limit.at)));
        }
        self.if_room(write)
    }

    /// By how much each count changes: up, down, or (0) not, because one goes as another comes.
    fn net(&self, removed: &[&str]) -> BTreeMap<&str, i8> {
        let mut net = BTreeMap::new();
        if let Some(limit) = self.takes {
            net.extend(WINDOWS.map(|window| (attribute(window, limit), 1)));
        }
        // A window that goes in this very write needs nothing given back.
        for name in self.gives.iter().filter(|name| !removed.contains(name)) {
            *net.entry(*name).or_default() -= 1;
        }
        net
    }

    /// Outdated windows, but never one that is counted now.
    fn removed(&self) -> Vec<&str> {
        let Some(limit) = self.takes else { return Vec::new() };
        let counted = WINDOWS.map(|window| attribute(window, limit));
        limit.outdated.iter().map(String::as_str).filter(|name| !counted.contains(name)).collect()
    }

    /// The condition: switched on, and below every cap. Giving back alone has none.
    fn if_room(&self, write: Write) -> Write {
        let Some(limit) = self.takes else { return write };
        let mut write = write.name("#paused", "paused").value(":off", AttributeValue::Bool(false));
        let mut conditions = vec!["(attribute_not_exists(#paused) OR #paused = :off)".to_owned()];
        for (index, window) in WINDOWS.into_iter().enumerate() {
            let Some(cap) = limit.caps.of(window) else { continue };
            let name = attribute(window, limit);
            let room = u64::from(cap) + u64::from(self.gives.contains(name));
            write = write.name(format!("#c{index}"), name).value(format!(":c{index}"), number(room));
            conditions.push(format!("(attribute_not_exists(#c{index}) OR #c{index} < :c{index})"));
        }
        write.only_if(conditions.join(" AND "))
    }

    /// Why the write's condition failed, from the item as it was then.
    pub(super) fn no_room(&self, old: Option<&Item>) -> NoRoom {
        let (Some(limit), Some(old)) = (self.takes, old) else { return NoRoom::NotNow };
        let mut usage = usage_of(old);
        if usage.paused {
            return NoRoom::NotNow;
        }
        for name in &self.gives {
            match *name {
                "live" => usage.live = usage.live.saturating_sub(1),
                "total" => usage.total = usage.total.saturating_sub(1),
                window => {
                    if let Some(count) = usage.windows.get_mut(window) {
                        *count = count.saturating_sub(1);
                    }
                }
            }
        }
        usage.full(&limit.caps, &limit.open).map_or(NoRoom::NotNow, NoRoom::Full)
    }
}
