//! How webhooks are delivered: faithfully, or with the faults that a network between Twilio and us can add.
//!
//! What must stay true: with the same seed the same faults happen in the same places, and no fault invents a
//! webhook: every delivery carries what the faithful one would.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::Chance;
use super::journey::WebhookKind;
use super::seconds;

/// Faults in delivery. The default has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// How often each status callback is delivered, drawn per callback.
    pub copies: RangeInclusive<u8>,
    /// In which order status callbacks arrive.
    pub order: Order,
    /// Webhooks of these kinds are lost. A lost action leaves the call without instructions, which ends it.
    pub drop: BTreeSet<WebhookKind>,
    /// Real time each status callback is held back.
    #[serde(with = "seconds")]
    pub delay: Duration,
    /// Actions (the incoming call, dial, gather, whisper …) are repeated too: the same request with the same
    /// idempotency token arrives `copies` times, and only the first answer counts.
    pub repeat_actions: bool,
    /// Seeds every choice made here; the call's own seed is mixed in.
    pub seed: u64,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            copies: 1..=1,
            order: Order::default(),
            drop: BTreeSet::new(),
            delay: Duration::ZERO,
            repeat_actions: false,
            seed: 0,
        }
    }
}

/// In which order status callbacks arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those of one leg in their own order; between legs, and against actions, as the seed has it. Extra copies late.
    #[default]
    Faithful,
    /// Each at any time between its moment and the end of the call, in any order.
    Shuffled,
    /// None before the call is over, then in any order.
    AfterCall,
    /// All at once on separate connections; which one wins is left to chance that has no seed.
    Racing,
}

/// A status callback ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Callback {
    pub(super) kind: WebhookKind,
    /// What it is about (a call or a recording); callbacks about the same thing keep their order.
    pub(super) subject: String,
    pub(super) url: String,
    pub(super) method: super::twiml::Method,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) token: String,
}

/// Callbacks that are waiting to be delivered.
#[derive(Debug)]
pub(super) struct Outbox {
    delivery: Delivery,
    chance: Chance,
    queues: BTreeMap<String, VecDeque<Callback>>,
    loose: Vec<Callback>,
}

impl Outbox {
    pub(super) fn new(delivery: Delivery, seed: u64) -> Self {
        let chance = Chance::new(seed ^ delivery.seed.rotate_left(17));
        Self { delivery, chance, queues: BTreeMap::new(), loose: Vec::new() }
    }

    pub(super) fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    pub(super) fn drops(&self, kind: WebhookKind) -> bool {
        self.delivery.drop.contains(&kind)
    }

    /// How often this one is delivered; at least once.
    pub(super) fn draw_copies(&mut self) -> u8 {
        let (least, most) = (*self.delivery.copies.start(), *self.delivery.copies.end());
        self.chance.between(least.clamp(1, 5), most.clamp(1, 5))
    }

    pub(super) fn push(&mut self, callback: Callback) {
        let copies = self.draw_copies();
        for _ in 1..copies {
            self.loose.push(callback.clone());
        }
        match self.delivery.order {
            Order::Faithful => self.queues.entry(callback.subject.clone()).or_default().push_back(callback),
            Order::Shuffled | Order::AfterCall | Order::Racing => self.loose.push(callback),
        }
    }

    /// Adds a delivery that has no order to keep.
    pub(super) fn push_loose(&mut self, callback: Callback) {
        self.loose.push(callback);
    }

    /// How many of the waiting callbacks overtake an action that is about to be requested.
    pub(super) fn overtaking(&mut self) -> usize {
        let waiting = self.queues.values().map(VecDeque::len).sum::<usize>();
        self.chance.below(waiting + 1)
    }

    /// The next callback to deliver now, if any is due.
    pub(super) fn next(&mut self, call_is_over: bool) -> Option<Callback> {
        if let Some(callback) = self.next_in_order() {
            return Some(callback);
        }
        let due = call_is_over || (self.delivery.order != Order::AfterCall && self.chance.coin());
        if self.loose.is_empty() || !due {
            return None;
        }
        let position = self.chance.below(self.loose.len());
        Some(self.loose.swap_remove(position))
    }

    /// The next callback among those that keep their order.
    pub(super) fn next_in_order(&mut self) -> Option<Callback> {
        let position = self.chance.below(self.queues.len());
        let subject = self.queues.keys().nth(position)?.clone();
        let queue = self.queues.get_mut(&subject)?;
        let callback = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&subject);
        }
        callback
    }
}
