//! What a dial must find free before it may take it, and the words for what is full.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Caps, CounterId, OpenWindows, Usage, Window, revenue_attribute};
use crate::ledger::Revenue;
use crate::money::{Currency, Money};

/// Whose cap it is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CapOwner {
    /// The destination's own.
    #[default]
    Destination,
    /// Its buyer's, over all of the buyer's destinations.
    Buyer,
    /// The publisher's, over all campaigns.
    Publisher,
    /// What was agreed with the publisher on the campaign.
    PublisherTerms,
    /// The campaign's.
    Campaign,
    /// What the publisher is paid on the campaign.
    Payouts,
}

impl CapOwner {
    /// Whether it limits the call whatever its destination: when it is full, nobody is tried.
    pub const fn is_of_the_call(self) -> bool {
        !matches!(self, Self::Destination | Self::Buyer)
    }

    /// Whether it limits one publisher's calls.
    pub const fn is_of_the_publisher(self) -> bool {
        matches!(self, Self::Publisher | Self::PublisherTerms)
    }
}

/// What a cap counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Calls.
    #[default]
    Calls,
    /// Revenue.
    Revenue,
}

/// A cap that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapReached {
    /// Whose.
    #[serde(default)]
    pub owner: CapOwner,
    /// Over which span.
    pub window: Window,
    /// Of what.
    #[serde(default)]
    pub measure: Measure,
    /// The cap: calls, or micro-units of revenue.
    pub cap: i64,
}

impl CapReached {
    /// The reason in plain words: "its buyer's daily cap 50 reached".
    pub fn text(&self) -> String {
        let whose = match self.owner {
            CapOwner::Destination => "",
            CapOwner::Buyer => "its buyer's ",
            CapOwner::Publisher => "the publisher's ",
            CapOwner::PublisherTerms => "the publisher's own ",
            CapOwner::Campaign => "the campaign's ",
            CapOwner::Payouts => return self.payout_text(),
        };
        let on_campaign = match self.owner {
            CapOwner::PublisherTerms => " on this campaign",
            _ => "",
        };
        let window = self.window.word();
        match self.measure {
            Measure::Calls => format!("{whose}{window} cap {}{on_campaign} reached", self.cap),
            Measure::Revenue => {
                let cap = Money::from_micros(self.cap);
                format!("{whose}{window} revenue cap {cap}{on_campaign} reached")
            }
        }
    }

    /// The same of what a publisher is paid: "the publisher's daily payout cap 500.00 on this campaign reached".
    fn payout_text(&self) -> String {
        let window = self.window.word();
        let cap = match self.measure {
            Measure::Calls if self.cap == 1 => "cap of 1 payout".to_owned(),
            Measure::Calls => format!("cap of {} payouts", self.cap),
            Measure::Revenue => format!("payout cap {}", Money::from_micros(self.cap)),
        };
        format!("the publisher's {window} {cap} on this campaign reached")
    }
}

/// What a call will bring, as far as that is known when it is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// At most this.
    Known(Money),
    /// It shows when the call has ended.
    Unknown,
}

impl Price {
    /// Of what was agreed, and of the bid.
    pub fn of(revenue: Revenue, bid: Option<Money>) -> Self {
        match revenue {
            Revenue::None => Self::Known(Money::ZERO),
            Revenue::Fixed(amount) => Self::Known(amount),
            Revenue::WinningBid => bid.map_or(Self::Unknown, Self::Known),
            _ => Self::Unknown,
        }
    }

    /// What is reserved for it.
    pub const fn reserved(self) -> Money {
        match self {
            Self::Known(amount) => amount,
            Self::Unknown => Money::ZERO,
        }
    }
}

/// What one dial is expected to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The price.
    pub price: Price,
    /// The currency of the call's books.
    pub currency: Currency,
}

/// A limited thing as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capped<'a> {
    /// What it is to the call.
    pub owner: CapOwner,
    /// Its row.
    pub counter: CounterId,
    /// Its caps.
    pub caps: &'a Caps,
    /// Their clock: an IANA name.
    pub time_zone: &'a str,
}

impl Capped<'_> {
    /// What a dial now must take of it; `None` when nothing is limited. A look only: the exact answer is the conditional
    /// write that takes it.
    ///
    /// # Errors
    /// The first cap that has no room left.
    pub fn room(
        self,
        usage: Option<&Usage>,
        now: Timestamp,
        expected: Expected,
    ) -> Result<Option<Limit>, CapReached> {
        if !self.caps.any() {
            return Ok(None);
        }
        let open = OpenWindows::at(now, self.time_zone);
        self.take(usage, now, &open, expected).map(Some)
    }

    /// The same for something that is counted whether it is limited or not, when the windows that are open are at hand.
    ///
    /// # Errors
    /// The first cap that has no room left.
    pub fn take(
        self,
        usage: Option<&Usage>,
        now: Timestamp,
        open: &OpenWindows,
        expected: Expected,
    ) -> Result<Limit, CapReached> {
        let outdated = usage.map(|usage| usage.outdated(open)).unwrap_or_default();
        let counts_revenue = self.caps.revenue.any() && self.caps.revenue.currency == expected.currency;
        let limit = Limit {
            owner: self.owner,
            counter: self.counter,
            caps: *self.caps,
            time_zone: self.time_zone.to_owned(),
            open: open.clone(),
            outdated,
            at: now,
            price: counts_revenue.then_some(expected.price),
        };
        // An empty row may be full as well: of a price above the cap.
        match limit.full(usage.unwrap_or(&Usage::default())) {
            Some(full) => Err(full),
            None => Ok(limit),
        }
    }
}

/// Everything needed to take one call of a limited thing, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What it is to the call.
    pub owner: CapOwner,
    /// Whose counter.
    pub counter: CounterId,
    /// Its caps.
    pub caps: Caps,
    /// Their clock.
    pub time_zone: String,
    /// The windows open now.
    pub open: OpenWindows,
    /// Windows the same write removes.
    pub outdated: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// The call's price, when revenue is counted.
    pub price: Option<Price>,
}

impl Limit {
    /// The first cap that has no room for the call.
    pub fn full(&self, usage: &Usage) -> Option<CapReached> {
        let reached = |window, measure, cap| CapReached { owner: self.owner, window, measure, cap };
        let calls = Window::ALL.into_iter().find_map(|window| {
            let cap = self.caps.of(window).filter(|cap| usage.calls(window, &self.open) >= *cap)?;
            Some(reached(window, Measure::Calls, i64::from(cap)))
        });
        let revenue = || {
            Window::ALL.into_iter().find_map(|window| {
                let (cap, most) = self.most_revenue(window)?;
                let taken = usage.revenue(window, &self.open);
                (taken > most).then(|| reached(window, Measure::Revenue, cap.micros()))
            })
        };
        calls.or_else(revenue)
    }

    /// The cap on a window's revenue, and the most that may have been taken of it before the call. A call without a known
    /// price needs any room at all: a cap that is reached takes no more calls.
    pub fn most_revenue(&self, window: Window) -> Option<(Money, Money)> {
        let needed = self.price?.reserved().micros().max(1);
        let cap = self.caps.revenue.of(window)?;
        Some((cap, Money::from_micros(cap.micros().saturating_sub(needed))))
    }

    /// What taking it adds, by attribute.
    pub fn adds(&self) -> BTreeMap<String, i64> {
        taken(&self.open.names(), self.price)
    }
}

/// What a call adds to its row when it is dialled, by attribute.
pub(super) fn taken(windows: &[String], price: Option<Price>) -> BTreeMap<String, i64> {
    let counted = windows.iter().map(String::as_str).chain(["total"]);
    let mut by = BTreeMap::from([("live".to_owned(), 1)]);
    for name in counted {
        by.insert(name.to_owned(), 1);
        if let Some(price) = price {
            by.insert(revenue_attribute(name), price.reserved().micros());
        }
    }
    if price == Some(Price::Unknown) {
        by.insert("unpriced".to_owned(), 1);
    }
    by
}
