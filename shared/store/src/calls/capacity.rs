//! Taking and giving back capacity: the change of one counter's item, with the conditions that make caps exact.
//!
//! A transaction may touch an item once. When a step takes from a counter and gives back to the same one, both become one
//! change: a count that goes up and down stays, and its cap is compared as if the old one had gone already.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::caps::{CapReached, Change, CounterId, Limit, Outcome, Reservation, Window, revenue_attribute};
use domain::ids::TenantId;
use domain::ledger::Payment;
use jiff::Timestamp;

use crate::counters::{KIND, usage_of};
use crate::item::{Item, number, text};
use crate::keys;
use crate::write::{Deed, STAMP, Write, stamped};

/// The change of one counter.
#[derive(Debug)]
pub(super) struct CounterChange<'a> {
    counter: &'a CounterId,
    takes: Option<&'a Limit>,
    /// What goes back, by attribute; below zero where more was earned than reserved.
    back: BTreeMap<String, i64>,
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
    gives: impl IntoIterator<Item = (&'a Reservation, &'a Outcome)>,
) -> Vec<CounterChange<'a>> {
    let mut by_counter: BTreeMap<&CounterId, CounterChange<'a>> = BTreeMap::new();
    let empty = |counter| CounterChange { counter, takes: None, back: BTreeMap::new() };
    for limit in takes {
        by_counter.entry(&limit.counter).or_insert_with(|| empty(&limit.counter)).takes = Some(limit);
    }
    for (reservation, outcome) in gives {
        for taken in &reservation.taken {
            let change = by_counter.entry(&taken.counter).or_insert_with(|| empty(&taken.counter));
            for (name, amount) in taken.gives_back(outcome) {
                *change.back.entry(name).or_default() += amount;
            }
        }
    }
    by_counter.into_values().collect()
}

/// The writes that count a conversion reported after the call: part of the transaction that enters it into the books,
/// which makes sure that it happens once. They have no condition: what was earned is counted, whether there is room or not.
pub(super) fn reported(tenant: TenantId, counted: &[Change]) -> Vec<Write> {
    let write = |change: &Change| {
        let by = change.by.iter().map(|(name, amount)| (name.clone(), *amount));
        grow(tenant, &change.counter, by, &[], None)
    };
    counted.iter().map(write).collect()
}

/// The write that counts a payout, if its caps have room for it: part of the transaction that enters it into the books.
pub(super) fn pays(tenant: TenantId, payment: &Payment) -> Write {
    let limit = &payment.limit;
    CounterChange { counter: &limit.counter, takes: Some(limit), back: payment.not_taken() }.write(tenant)
}

/// The attribute that counts a window's calls.
fn attribute(window: Window, limit: &Limit) -> &str {
    match (window, limit.open.of(window)) {
        (Window::Concurrent, _) => "live",
        (_, Some(name)) => name,
        (_, None) => "total",
    }
}

/// Attributes grow and shrink by amounts, and some are removed.
fn grow(
    tenant: TenantId,
    counter: &CounterId,
    by: impl Iterator<Item = (String, i64)>,
    removed: &[String],
    taken_at: Option<Timestamp>,
) -> Write {
    let mut sets = vec![STAMP.to_owned()];
    if taken_at.is_some() {
        sets.push("#last_at = :last_at".to_owned());
    }
    let (mut adds, mut removals) = (Vec::new(), Vec::new());
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (index, (name, amount)) in by.filter(|(_, amount)| *amount != 0).enumerate() {
        let (place, value) = (format!("#n{index}"), format!(":n{index}"));
        if amount > 0 {
            adds.push(format!("{place} {value}"));
        } else {
            // A window that was removed meanwhile comes back as zero, never as less.
            sets.push(format!("{place} = if_not_exists({place}, {value}) - {value}"));
        }
        names.push((place, name));
        values.push((value, number(amount.unsigned_abs())));
    }
    for (index, name) in removed.iter().enumerate() {
        removals.push(format!("#r{index}"));
        names.push((format!("#r{index}"), name.clone()));
    }
    let clauses = [("SET", sets), (" ADD", adds), (" REMOVE", removals)];
    let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
    let update: String = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();
    let mut write = stamped(Write::new(Deed::Change(keys::counter(tenant, counter), update)), KIND, tenant);
    for (place, name) in names {
        write = write.name(place, name);
    }
    for (place, value) in values {
        write = write.value(place, value);
    }
    if let Some(at) = taken_at {
        write = write.name("#last_at", "last_at").value(":last_at", text(keys::time(at)));
    }
    write
}

impl CounterChange<'_> {
    /// The write.
    pub(super) fn write(&self, tenant: TenantId) -> Write {
        let removed = self.removed();
        let mut by = self.takes.map(Limit::adds).unwrap_or_default();
        // A window that goes in this very write needs nothing given back.
        for (name, amount) in self.back.iter().filter(|(name, _)| !removed.contains(name)) {
            *by.entry(name.clone()).or_default() -= amount;
        }
        let write = grow(tenant, self.counter, by.into_iter(), &removed, self.takes.map(|limit| limit.at));
        self.if_room(write)
    }

    /// Outdated windows with their revenue, but never one that is counted now.
    fn removed(&self) -> Vec<String> {
        let Some(limit) = self.takes else { return Vec::new() };
        let counted = Window::ALL.map(|window| attribute(window, limit));
        let outdated = limit.outdated.iter().filter(|name| !counted.contains(&name.as_str()));
        outdated.flat_map(|name| [name.clone(), revenue_attribute(name)]).collect()
    }

    /// The condition: switched on, and below every cap. Giving back alone has none.
    fn if_room(&self, write: Write) -> Write {
        let Some(limit) = self.takes else { return write };
        let mut write = write.name("#paused", "paused").value(":off", AttributeValue::Bool(false));
        let mut conditions = vec!["(attribute_not_exists(#paused) OR #paused = :off)".to_owned()];
        let back = |name: &str| self.back.get(name).copied().unwrap_or(0);
        for (index, window) in Window::ALL.into_iter().enumerate() {
            let name = attribute(window, limit);
            if let Some(cap) = limit.caps.of(window) {
                let room = i64::from(cap).saturating_add(back(name));
                write = write.name(format!("#c{index}"), name).value(format!(":c{index}"), number(room));
                conditions.push(format!("(attribute_not_exists(#c{index}) OR #c{index} < :c{index})"));
            }
            if let Some((_, most)) = limit.most_revenue(window) {
                let name = revenue_attribute(name);
                let room = most.micros().saturating_add(back(&name));
                write = write.name(format!("#m{index}"), name).value(format!(":m{index}"), number(room));
                // A row without the attribute has taken nothing; a price above the cap has no room even there.
                conditions.push(if room < 0 {
                    format!("#m{index} <= :m{index}")
                } else {
                    format!("(attribute_not_exists(#m{index}) OR #m{index} <= :m{index})")
                });
            }
        }
        write.only_if(conditions.join(" AND "))
    }

    /// Why the write's condition failed, from the item as it was then.
    pub(super) fn no_room(&self, old: Option<&Item>) -> NoRoom {
        let Some(limit) = self.takes else { return NoRoom::NotNow };
        let mut usage = old.map(usage_of).unwrap_or_default();
        if usage.paused {
            return NoRoom::NotNow;
        }
        usage.give_back(&self.back);
        limit.full(&usage).map_or(NoRoom::NotNow, NoRoom::Full)
    }
}
