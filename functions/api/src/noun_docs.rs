//! What the operations on nouns say of themselves: once for all nouns.
//!
//! A noun gives one example of itself, as somebody would write it; what is answered is made of the example by the noun's own
//! type, so an example that the type does not read fails the tests.

use app::catalog::Entry;
use contract::campaigns::{Bulk, BulkAnswer, Removed};
use contract::problem::Code;
use contract::query::ListQuery;
use domain::agent::Agent;
use domain::blocked::BlockedNumber;
use domain::campaign::Campaign;
use domain::dni::tag::TrackingTag;
use domain::dni::url_parameter::UrlParameter;
use domain::group::{RingTree, TargetGroup};
use domain::ids::{Id, Noun};
use domain::incoming_webhook::IncomingWebhook;
use domain::number::Number;
use domain::partner::{Buyer, Publisher};
use domain::pool::NumberPool;
use domain::target::{RtbTarget, Target};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::doc::Doc;
use crate::shape::Shape;

/// A noun that can be documented.
pub trait NounDoc: Entry + ToSchema {
    /// What one is good for, in a sentence or two.
    const ABOUT: &'static str;

    /// Fields with a caller's number.
    const MASKED: &'static [&'static str] = &[];

    /// Refusals of its own when one is created or changed.
    const REFUSES: &'static [Code] = &[];

    /// Refusals of its own when one is changed.
    const CHANGE_REFUSES: &'static [Code] = &[];

    /// Refusals of its own when one is deleted.
    const DELETE_REFUSES: &'static [Code] = &[];

    /// What one is called after it was changed.
    const ANOTHER_NAME: &'static str = "Another name";

    /// One of them as somebody would write it. Ids in it are of things that a test makes.
    fn example() -> Value;
}

impl NounDoc for Campaign {
    const ABOUT: &'static str = "A campaign is where phone numbers, routing and money meet. Calls run on its published \
                                 version: publish it after changing it. Making one active by a change is refused like \
                                 activating it while no call could be placed.";
    const CHANGE_REFUSES: &'static [Code] = &[Code::Archived, Code::NotReady];

    fn example() -> Value {
        json!({
            "name": "Roofing, New York",
            "description": "Storm season",
            "status": "active",
            "time_zone": "America/New_York",
            "currency": "USD",
            "auction": {
                "bidders": [{"rtb_target": "PI019abc0de1f27a3b8c4d5e6f70819203"}],
                "deadline_ms": 1000,
                "min_revenue": 10_000_000,
            },
            "plan": [{"target": "TA019abc0de1f27a3b8c4d5e6f70819203", "priority": 1, "weight": 100}],
            "recording": "from_answer",
            "fallback_number": "+12025550180",
            "payout": {"on": {"length": {"seconds": 90}}, "amount": {"fixed": 18_000_000}},
        })
    }
}

impl NounDoc for Target {
    const ABOUT: &'static str = "A target is a destination that somebody answers: a phone number or a SIP address, with \
                                 its terms and limits.";

    fn example() -> Value {
        json!({
            "name": "Front desk",
            "destination": {"number": "+12025550101"},
            "dial": {"timeout_s": 25},
            "caps": {"concurrent": 3, "daily": 50},
            "time_zone": "America/New_York",
            "revenue": {"fixed": 25_000_000},
            "conversion": {"length": {"seconds": 90, "from": "connect"}},
        })
    }
}

impl NounDoc for RtbTarget {
    const ABOUT: &'static str = "An RTB target is a bidder that is asked over HTTP while the caller waits.";

    fn example() -> Value {
        json!({
            "name": "Good bidder",
            "url": "https://bids.example.com/ping",
            "body": "{\"state\": \"[tag:InboundNumber:State]\"}",
            "headers": [["X-Partner", "42"]],
            "timeout_ms": 800,
            "answer": {
                "acceptance": ["$.accepted"],
                "amount": ["$.bid.amount", "$.bidAmount"],
                "destination": ["$.phoneNumber"],
            },
            "min_bid": 5_000_000,
            "caller_id_exposure": "masked",
        })
    }
}

impl NounDoc for Number {
    const ABOUT: &'static str =
        "A phone number of one of your Twilio accounts, and the campaign that answers it.";
    const REFUSES: &'static [Code] = &[Code::InUse, Code::CarrierRefused, Code::CarrierAway];
    const DELETE_REFUSES: &'static [Code] = &[Code::CarrierAway];

    fn example() -> Value {
        json!({
            "number": "+18335550100",
            "account_sid": "AC0000000000000000000000000000000a",
            "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
            "fallback_number": "+12025550180",
        })
    }
}

impl NounDoc for Publisher {
    const ABOUT: &'static str =
        "A publisher sends calls and is paid for them. Pausing one is effective at once.";

    fn example() -> Value {
        json!({
            "name": "Search ads, Ohio",
            "status": "active",
            "contact_email": "anna@example.com",
            "notes": "Pays on Fridays",
        })
    }
}

impl NounDoc for Buyer {
    const ABOUT: &'static str =
        "A buyer pays for the calls of its targets and bidders. Pausing one is effective at once.";

    fn example() -> Value {
        json!({"name": "Roofers United", "contact_email": "ben@example.com"})
    }
}

impl NounDoc for TargetGroup {
    const ABOUT: &'static str =
        "A target group stands in plans as one place; its members share that place's calls.";

    fn example() -> Value {
        json!({
            "name": "Day shift",
            "members": [{"target": "TA019abc0de1f27a3b8c4d5e6f70819203", "priority": 1, "weight": 100}],
        })
    }
}

impl NounDoc for NumberPool {
    const ABOUT: &'static str = "A number pool holds phone numbers that belong together. Tracking tags lease them to visitors, \
                                 each to one at a time; filters can ask for the pool as `DialedNumber:Pool`.";

    fn example() -> Value {
        json!({
            "name": "Search ads",
            "idle_limit_s": 300,
            "closed_browser_delay_s": 60,
            "overflow": {"number": "+12025550180"},
            "near_visitor": true,
            "buys": {"country": "US", "kind": "local", "area_code": "202"},
        })
    }
}

impl NounDoc for Agent {
    const ABOUT: &'static str =
        "An agent takes the calls of targets that agents answer. Away and back are effective at once.";

    fn example() -> Value {
        json!({
            "name": "Anna",
            "status": "available",
            "destination": {"number": "+12025550141"},
            "extension": "wwww204",
            "skills": ["spanish", "roofing"],
            "time_zone": "America/New_York",
        })
    }
}

impl NounDoc for RingTree {
    const ABOUT: &'static str = "A ring tree is an auction that several campaigns share.";

    fn example() -> Value {
        json!({
            "name": "Roofing bidders",
            "bidders": [{"rtb_target": "PI019abc0de1f27a3b8c4d5e6f70819203"}],
            "deadline_ms": 800,
            "min_revenue": 10_000_000,
        })
    }
}

impl NounDoc for BlockedNumber {
    const ABOUT: &'static str = "Callers with this number, or whose number begins like this, are refused.";
    const MASKED: &'static [&'static str] = &["number"];

    fn example() -> Value {
        json!({"number": "+14155550123", "reason": "Robocalls", "expires_at": "2027-01-01T00:00:00Z"})
    }
}

impl NounDoc for IncomingWebhook {
    const ABOUT: &'static str = "By its secret address a system of yours reports which calls converted, and for how much. \
                                 The address is read with `GET /api/incoming-webhooks/{id}/url`.";

    fn example() -> Value {
        json!({"name": "CRM sales", "call_parameter": "call_id", "revenue_parameter": "call_revenue",
               "fire_parameter": "sale_successful"})
    }
}

impl NounDoc for TrackingTag {
    const ABOUT: &'static str = "A tracking tag shows each visitor of a page a phone number of their own, so that a call is \
                                 known to be theirs. A pool gives each a number; a fixed number is shown to all.";

    fn example() -> Value {
        json!({
            "name": "Landing page, New York",
            "campaign": "CA019abc0de1f27a3b8c4d5e6f70819203",
            "publisher": "AF019abc0de1f27a3b8c4d5e6f70819203",
            "shows": {"pool": "NU019abc0de1f27a3b8c4d5e6f70819203"},
            "default_number": "+12025550180",
            "replace": {"selectors": [".phone"], "numbers": ["+12025550180"]},
            "keep": ["sub_id"],
            "allowed_origins": ["https://www.example.com"],
        })
    }
}

impl NounDoc for UrlParameter {
    const ABOUT: &'static str =
        "A parameter of landing pages that every tracking tag keeps, and the tag that calls have it as.";
    const ANOTHER_NAME: &'static str = "sub_id_2";

    fn example() -> Value {
        json!({"name": "sub_id", "reports_as": "User:sub_id", "notes": "The network's own id"})
    }
}

/// The words of the example of a removal that had consequences.
const WARNED: &str = "Roofing, New York was paused: nothing is left that its calls could go to";

/// The example as it is answered: defaults filled in by the type, the envelope around it.
pub fn answered<N: NounDoc>() -> Value {
    // An example that the type does not read becomes `null`, which its schema refuses in the tests.
    let read: Option<N> = serde_json::from_value(N::example()).ok();
    let mut shown = serde_json::to_value(read).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("id".to_owned(), json!(format!("{}019abc0de1f27a3b8c4d5e6f70819203", N::Noun::PREFIX)));
        fields.insert("version".to_owned(), json!(1));
        fields.insert("created_at".to_owned(), json!("2026-11-22T12:00:00Z"));
        fields.insert("updated_at".to_owned(), json!("2026-11-22T12:00:00Z"));
    }
    shown
}

fn word<N: NounDoc>() -> &'static str {
    N::Noun::NAME
}

/// `a campaign`, `an RTB target`.
pub fn one_of_them<N: NounDoc>() -> String {
    let word = word::<N>();
    let vowel = word.starts_with(['a', 'e', 'i', 'o', 'u', 'A']) || word.starts_with("RTB");
    format!("{} {word}", if vowel { "an" } else { "a" })
}

fn many<N: NounDoc>() -> String {
    format!("{}s", word::<N>())
}

fn id(verb: &str, words: &str) -> String {
    format!("{verb}_{}", words.to_lowercase().replace([' ', '-'], "_"))
}

pub(crate) fn shape<N: NounDoc>() -> Shape {
    Shape::resource::<N, N::Noun>().masking(N::MASKED)
}

/// `GET` of all.
pub fn list<N: NounDoc>() -> Doc {
    let example = json!({"items": [answered::<N>()], "next": "eyJhdCI6WyJmcm9udCBkZXNrIiwiVEEwMSJdfQ"});
    Doc::new(id("list", &many::<N>()), format!("List {}", many::<N>())).query(ListQuery::PARAMETERS).answers(
        200,
        Shape::page(shape::<N>()),
        example,
    )
}

/// `POST`.
pub fn create<N: NounDoc>() -> Doc {
    Doc::new(id("create", word::<N>()), format!("Create {}", one_of_them::<N>()))
        .about(N::ABOUT)
        .body(Shape::new::<N>(N::SYSTEM_FIELDS), N::example())
        .answers(201, shape::<N>(), answered::<N>())
        .located()
        .refuses(&[Code::Taken, Code::LimitReached, Code::VersionConflict])
        .refuses(N::REFUSES)
}

/// `GET` of one.
pub fn get<N: NounDoc>() -> Doc {
    Doc::new(id("get", word::<N>()), format!("Read {}", one_of_them::<N>()))
        .of(Shape::of::<Id<N::Noun>>())
        .answers(200, shape::<N>(), answered::<N>())
}

/// `PATCH`.
pub fn update<N: NounDoc>() -> Doc {
    let field = N::UNIQUE_FIELD;
    let example = match field {
        "name" => json!({"version": 1, "name": N::ANOTHER_NAME}),
        _ => json!({"version": 1}),
    };
    let mut after = answered::<N>();
    after["version"] = json!(2);
    if let Some(value) = example.get(field) {
        after[field] = value.clone();
    }
    Doc::new(id("update", word::<N>()), format!("Change {}", one_of_them::<N>()))
        .about(
            "A merge patch: what is left out stays, `null` takes a field away, a list is replaced whole. `version` is the \
             one that was read; when somebody changed it meanwhile, the answer is `version_conflict`.",
        )
        .of(Shape::of::<Id<N::Noun>>())
        .body(Shape::patch::<N>(N::SYSTEM_FIELDS), example)
        .answers(200, shape::<N>(), after)
        .refuses(&[Code::Taken])
        .refuses(N::REFUSES)
        .refuses(N::CHANGE_REFUSES)
}

/// `DELETE`.
pub fn delete<N: NounDoc>() -> Doc {
    Doc::new(id("delete", word::<N>()), format!("Delete {}", one_of_them::<N>()))
        .about("What is still in use is not deleted: the refusal says what uses it.")
        .of(Shape::of::<Id<N::Noun>>())
        .or(
            200,
            Shape::of::<Removed>(),
            json!({"warnings": [{"code": "campaign_paused", "message": WARNED}]}),
        )
        .refuses(&[Code::InUse, Code::VersionConflict])
        .refuses(N::DELETE_REFUSES)
}

/// `POST …/bulk`.
pub fn bulk<N: NounDoc>() -> Doc {
    let one = format!("{}019abc0de1f27a3b8c4d5e6f70819203", N::Noun::PREFIX);
    let answer = json!({"outcomes": [{"id": one, "outcome": "done"}]});
    Doc::new(id("change_many", &many::<N>()), format!("Do the same to many {}", many::<N>()))
        .about(
            "Up to 100 at once. The answer says for each what became of it; one that is refused does not stop the others. \
             `pause` and `activate` are for what has a status, `archive` for campaigns.",
        )
        .body(Shape::of::<Bulk>(), json!({"action": "delete", "ids": [one]}))
        .answers(200, Shape::of::<BulkAnswer>(), answer)
}
