//! The campaign: the centre at which numbers, routing and money meet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::caps::Caps;
use crate::duplicates::DuplicateRule;
use crate::ids::{PublisherId, RingTreeId, RtbTargetId};
use crate::inbound::{InboundRtb, PublisherRtb};
use crate::ledger::{AfterCap, Conversion, Payout, PayoutCaps, PayoutLimit, Revenue};
use crate::money::{Currency, Money};
use crate::phone::E164;
use crate::plan::{self, PlanEntry, Strategy, check_place, default_weight, one};
use crate::predictive::Predictive;
use crate::screening::Screening;
use crate::target::Status;
use crate::validate::{Problem, Problems, Validate};
use crate::voice::{Recording, TIME_LIMIT_S};

/// Longest time an auction may take while a caller waits, milliseconds. Larger stored values are clamped.
pub const MAX_DEADLINE_MS: u32 = 3_500;
/// Most publishers with terms of their own on one campaign.
pub const MAX_PUBLISHERS: usize = 1_000;
/// Bounds of [`Campaign::give_up_after_s`].
const GIVE_UP_AFTER_S: std::ops::RangeInclusive<u16> = 30..=600;

/// Where a campaign is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Being set up; takes no calls.
    #[default]
    Draft,
    /// Takes calls.
    Active,
    /// Takes no calls for now.
    Paused,
    /// Over; kept for the reports.
    Archived,
}

/// Why the platform paused a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PausedReason {
    /// None of its destinations takes calls any more.
    NoActiveDestination,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Free text.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    /// Draft, active, paused or archived.
    #[serde(default)]
    pub status: CampaignStatus,
    /// Set when the platform paused it, gone when it is active again; nobody else writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_reason: Option<PausedReason>,
    /// Clock of its reports and its caps: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
    /// Currency of its books.
    #[serde(default)]
    pub currency: Currency,
    /// Bidders asked first; none means no auction.
    #[serde(default)]
    pub auction: AuctionSettings,
    /// The ring tree that is asked first, instead of bidders of its own.
    #[serde(default)]
    pub ring_tree: Option<RingTreeId>,
    /// Targets, target groups and further ring trees, tried after the auction, or without one.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub plan: Vec<PlanEntry>,
    /// Who comes first among places of one priority.
    #[serde(default)]
    pub strategy: Strategy,
    /// How destinations are ranked by what they earned, where the strategy `predictive` is chosen; `None`: in the usual way,
    /// without any slider moved.
    #[serde(default)]
    pub predictive: Option<Predictive>,
    /// What happens after a conversation that was too short; `None`: the call is over.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// Seconds after the call came in during which destinations are tried; the last one rings no longer than that.
    /// `None`: as long as there are any.
    #[serde(default)]
    #[schema(minimum = 30, maximum = 600)]
    pub give_up_after_s: Option<u16>,
    /// Which calls are refused before anybody is looked for.
    #[serde(default)]
    pub screening: Screening,
    /// What happens with callers who call again.
    #[serde(default)]
    pub duplicates: DuplicateRule,
    /// Recording of conversations.
    #[serde(default)]
    pub recording: Recording,
    /// Longest conversation, seconds.
    #[serde(default = "default_time_limit")]
    #[schema(minimum = 1, maximum = 14400, default = 7200)]
    pub time_limit_s: u32,
    /// What callees see when the caller's number cannot be shown. Defaults to the number that was dialled.
    #[serde(default)]
    pub default_caller_id: Option<E164>,
    /// Where callers go when our servers cannot answer.
    #[serde(default)]
    pub fallback_number: Option<E164>,
    /// Limits on its calls, over all destinations. When one is full, no destination is tried.
    #[serde(default)]
    pub caps: Caps,
    /// What a converted call is worth, where neither the target nor its buyer says so.
    #[serde(default)]
    pub revenue: Option<Revenue>,
    /// When a call counts as converted, where neither the destination nor its buyer says so.
    #[serde(default)]
    pub conversion: Option<Conversion>,
    /// What publishers earn.
    #[serde(default)]
    pub payout: Payout,
    /// What is agreed with single publishers; all others have the campaign's own terms.
    #[serde(default)]
    pub publishers: BTreeMap<PublisherId, PublisherTerms>,
    /// How publishers' pings are answered; `null`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtb: Option<InboundRtb>,
}

impl Campaign {
    /// Its caps on revenue are in the currency of its books: in another one they would never be reached.
    fn check_caps(&self, at: &str, caps: &Caps, problems: &mut Problems) {
        caps.check(at, problems);
        if caps.revenue.any() && caps.revenue.currency != self.currency {
            let words = format!("the campaign keeps its books in {}", self.currency.code());
            problems.add(format!("{at}.revenue.currency"), "currency", words);
        }
    }

    /// What a call of this publisher pays out.
    pub fn payout_for(&self, publisher: Option<PublisherId>) -> Payout {
        let terms = publisher.and_then(|publisher| self.publishers.get(&publisher));
        terms.and_then(|terms| terms.payout).unwrap_or(self.payout)
    }

    /// The caps on what this publisher is paid, when there are any.
    pub fn payout_limit_for(&self, publisher: Option<PublisherId>) -> Option<PayoutLimit> {
        let terms = self.publishers.get(&publisher?)?;
        let caps = Some(terms.payout_caps).filter(PayoutCaps::any)?;
        Some(PayoutLimit { caps, time_zone: self.time_zone.clone() })
    }
}

/// Revenue recovery: a caller whose conversation was too short is sent to the next destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// Conversations of fewer seconds are too short.
    #[schema(minimum = 1, maximum = 3600)]
    pub shorter_than_s: u16,
    /// How often a call is sent on at most.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 10, default = 1)]
    pub attempts: u16,
}

impl Recovery {
    /// Whether a caller is sent on after a conversation of so many seconds, who was sent on so often before.
    pub fn sends_on(self, talked_s: u32, sent_on_before: usize) -> bool {
        talked_s < u32::from(self.shorter_than_s) && sent_on_before < usize::from(self.attempts)
    }

    fn check(self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}.shorter_than_s"), self.shorter_than_s, 1..=3_600);
        problems.within(&format!("{at}.attempts"), self.attempts, 1..=10);
    }
}

/// What is agreed with one publisher on one campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublisherTerms {
    /// What it earns; `None` is what the campaign pays.
    pub payout: Option<Payout>,
    /// Whether the campaign takes its calls; effective at once.
    pub status: Status,
    /// Limits on its calls on this campaign, by the campaign's clock.
    pub caps: Caps,
    /// Limits on what it is paid on this campaign, by the campaign's clock.
    pub payout_caps: PayoutCaps,
    /// What happens with its calls when one of those is reached.
    pub after_cap: AfterCap,
    /// What is agreed about its pings, where it differs from what the campaign says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtb: Option<PublisherRtb>,
}

/// Who is asked for bids, and by which rules: a campaign's own, or a ring tree's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuctionSettings {
    /// Who is asked.
    #[schema(max_items = 50)]
    pub bidders: Vec<BidderEntry>,
    /// One absolute deadline for everything, milliseconds; on a call at most 3,500.
    #[schema(minimum = 50, maximum = 5000)]
    pub deadline_ms: u32,
    /// Valid bids below are not taken.
    pub min_revenue: Money,
    /// Fewer valid bids than this and nobody wins.
    pub min_bidders: u16,
}

impl Default for AuctionSettings {
    fn default() -> Self {
        Self { bidders: Vec::new(), deadline_ms: 1_000, min_revenue: Money::ZERO, min_bidders: 1 }
    }
}

impl AuctionSettings {
    /// The deadline that holds on a call.
    pub fn deadline_on_call_ms(&self) -> u32 {
        self.deadline_ms.clamp(50, MAX_DEADLINE_MS)
    }

    /// Rules for saving; `at` comes before the names of the fields.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        problems.within(&format!("{at}deadline_ms"), self.deadline_ms, 50..=5_000);
        if self.min_revenue < Money::ZERO {
            problems.add(format!("{at}min_revenue"), "range", "the least revenue is not negative");
        }
        problems.at_most(&format!("{at}bidders"), self.bidders.len(), 50);
        let mut known = BTreeSet::new();
        for (index, entry) in self.bidders.iter().enumerate() {
            check_place(problems, &format!("{at}bidders[{index}]"), entry.priority, entry.weight);
            if !known.insert(entry.rtb_target) {
                let field = format!("{at}bidders[{index}].rtb_target");
                problems.add(field, "duplicate", format!("{} stands in the list twice", entry.rtb_target));
            }
        }
    }
}

/// A bidder's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BidderEntry {
    /// The bidder.
    pub rtb_target: RtbTargetId,
    /// Breaks ties: lower first.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub priority: u16,
    /// Breaks ties after priority: higher first.
    #[serde(default = "default_weight")]
    #[schema(minimum = 1, maximum = 10000, default = 100)]
    pub weight: u16,
}

fn utc() -> String {
    "UTC".to_owned()
}
const fn default_time_limit() -> u32 {
    7_200
}

impl Validate for Campaign {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.at_most("description", self.description.len(), 2_000);
        problems.time_zone("time_zone", &self.time_zone);
        problems.within("time_limit_s", self.time_limit_s, TIME_LIMIT_S);
        self.auction.check("auction.", &mut problems);
        if self.ring_tree.is_some() && self.auction != AuctionSettings::default() {
            let words =
                "a campaign has an auction of its own or names a ring tree: set auction or ring_tree to null";
            problems.add("ring_tree", "one_of", words);
        }
        plan::check(&self.plan, self.ring_tree, &mut problems);
        self.screening.check("screening", &mut problems);
        self.duplicates.check("duplicates", &mut problems);
        if let Some(predictive) = &self.predictive {
            predictive.check("predictive", &mut problems);
        }
        if let Some(recovery) = self.recovery {
            recovery.check("recovery", &mut problems);
        }
        if let Some(seconds) = self.give_up_after_s {
            problems.within("give_up_after_s", seconds, GIVE_UP_AFTER_S);
        }
        if let Some(revenue) = &self.revenue {
            revenue.check("revenue", &mut problems);
        }
        self.payout.check("payout", &mut problems);
        if let Some(rtb) = &self.rtb {
            rtb.check("rtb", &mut problems);
        }
        problems.at_most("publishers", self.publishers.len(), MAX_PUBLISHERS);
        self.check_caps("caps", &self.caps, &mut problems);
        for (publisher, terms) in &self.publishers {
            self.check_caps(&format!("publishers.{publisher}.caps"), &terms.caps, &mut problems);
            terms.payout_caps.check(&format!("publishers.{publisher}.payout_caps"), &mut problems);
            if let Some(payout) = terms.payout {
                payout.check(&format!("publishers.{publisher}.payout"), &mut problems);
            }
            if let Some(rtb) = &terms.rtb {
                rtb.check(&format!("publishers.{publisher}.rtb"), &mut problems);
            }
        }
        problems.into_result()
    }
}
