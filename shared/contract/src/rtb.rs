//! Being asked: the addresses at which publishers ping, and the log of pings.

use domain::ids::{CampaignId, InboundBidId, PublisherId};
use domain::inbound::{Environment, PingLine, Reject};
use domain::money::{Currency, Money};
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::query::{CURSOR, LIMIT, Parameter, Takes, by_name, day, limit};

/// The addresses of a campaign's publishers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RtbUrls {
    /// One for each publisher that was given one.
    pub items: Vec<RtbUrl>,
}

/// The address at which one publisher pings one campaign. Whoever knows it can ask for bids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RtbUrl {
    /// The publisher.
    pub publisher: PublisherId,
    /// Since when.
    pub issued_at: Timestamp,
    /// For real bids. Ending in `.xml` it answers in XML; so do the others.
    pub production: String,
    /// Decides like a real ping, and gives a number that does not ring.
    pub test: String,
    /// Answers with sample data.
    pub sandbox: String,
    /// For the bearer token or the signatures, where the campaign asks for them.
    pub secret: String,
}

/// Who is to have a new address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RtbUrlBody {
    /// The publisher.
    pub publisher: PublisherId,
}

/// A page of pings, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PingsPage {
    /// The pings.
    pub items: Vec<PingView>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One ping and what it was answered. Of the caller and the parameters no more is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PingView {
    /// The id in the answer; calls name it as `bid.id`.
    pub id: InboundBidId,
    /// When it came.
    pub at: Timestamp,
    /// Who was asked.
    pub campaign: CampaignId,
    /// Who asked.
    pub publisher: PublisherId,
    /// Where.
    pub environment: Environment,
    /// The caller, masked; `null` when none was named.
    pub caller: Option<String>,
    /// Names of the parameters.
    pub parameters: Vec<String>,
    /// The bid; `null` for a refusal.
    pub amount: Option<Money>,
    /// Its currency.
    pub currency: Currency,
    /// Whether it is a bid that had been given before.
    pub cached: bool,
    /// The refusal; `null` for a bid.
    pub rejected: Option<PingRejected>,
    /// How long the answer took.
    pub elapsed_ms: u32,
}

/// Why a ping got no bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PingRejected {
    /// The number in the answer: 1001 to 1100.
    pub code: u16,
    /// Its name.
    pub reason: Reject,
    /// Why, in words; not for publishers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl PingView {
    /// A line of the log. `with_why`: with the reasons that are the account's own business.
    pub fn of(line: PingLine, with_why: bool) -> Self {
        let why = line.why.filter(|_| with_why);
        Self {
            id: line.id,
            at: line.at,
            campaign: line.campaign,
            publisher: line.publisher,
            environment: line.environment,
            caller: line.caller,
            parameters: line.parameters,
            amount: line.amount,
            currency: line.currency,
            cached: line.cached,
            rejected: line.rejected.map(|reason| PingRejected { code: reason.code(), reason, why }),
            elapsed_ms: line.elapsed_ms,
        }
    }
}

/// Whose pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A campaign's.
    Campaign(CampaignId),
    /// A publisher's.
    Publisher(PublisherId),
}

/// `?of&day&limit&cursor` of the log of pings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingsQuery {
    /// Whose.
    pub of: Of,
    /// The UTC day; today unless given.
    pub day: Option<Date>,
    /// 1 to [`crate::query::MAX_LIMIT`].
    pub limit: u16,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl PingsQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            name: "of",
            about: "A campaign or a publisher. A publisher's people see their own.",
            takes: Takes::Needed("^(CA|AF)[0-9a-f]{32}$", "CA019abc0de1f27a3b8c4d5e6f70819203"),
        },
        Parameter { name: "day", about: "The UTC day; today unless given.", takes: Takes::Day },
        LIMIT,
        CURSOR,
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is missing, unknown, repeated or cannot be used.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let text = given.get("of").copied().unwrap_or_default();
        let publisher = || text.parse().ok().map(Of::Publisher);
        let of = text.parse().ok().map(Of::Campaign).or_else(publisher);
        if of.is_none() {
            problems.add("of", "id", "the id of a campaign (CA…) or of a publisher (AF…)");
        }
        let day = day("day", given.get("day").copied(), &mut problems);
        let limit = limit(given.get("limit").copied(), &mut problems);
        let cursor = given.get("cursor").map(|cursor| (*cursor).to_owned());
        let problems = problems.into_vec();
        match of {
            Some(of) if problems.is_empty() => Ok(Self { of, day, limit, cursor }),
            _ => Err(problems),
        }
    }
}
