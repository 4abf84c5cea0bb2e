//! What the operations on number pools say of themselves.

use contract::campaigns::BulkAnswer;
use contract::number_script::Snippet;
use contract::pools::{
    AllocateNumbers, AllocatedNumbers, PoolAdvice, PoolAdviceQuery, PoolMove, PoolNumbers, PoolUsage,
    PoolUsageQuery, ReplaceNumbers, ReplacedNumbers, ShrinkPool, ShrunkPool, VerifiedPool, VerifyPool,
};
use contract::problem::Code;
use contract::query::PageQuery;
use domain::ids::{NumberPoolId, TrackingTagId};
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const NUMBER_ID: &str = "PN019abc0de1f27a3b8c4d5e6f70819203";
const OTHER_NUMBER_ID: &str = "PN019abc0de1f27a3b8c4d5e6f70819204";
const CAMPAIGN: &str = "CA019abc0de1f27a3b8c4d5e6f70819203";
const TAG: &str = "TT019abc0de1f27a3b8c4d5e6f70819203";

fn counts() -> Value {
    json!({"numbers": 120, "free": 80, "shown": 31, "resting": 7, "on_call": 2})
}

fn moved() -> Value {
    json!([{"id": NUMBER_ID, "outcome": "done"}])
}

/// `GET …/numbers`.
pub fn numbers() -> Doc {
    let example = json!({"counts": counts(), "items": [{
        "id": NUMBER_ID,
        "number": "+12025550142",
        "state": "shown",
        "until": "2026-11-22T12:05:00Z",
        "tag": TAG,
        "since": "2026-11-22T11:58:10Z",
    }]});
    Doc::new("list_pool_numbers", "List the numbers of a pool")
        .about(
            "By id, with what each does. `shown`: a visitor sees it. `resting`: nobody does, but calls to it are still the last \
             visitor's. `counts` are of all of them.",
        )
        .of(Shape::of::<NumberPoolId>())
        .query(PageQuery::PARAMETERS)
        .answers(200, Shape::of::<PoolNumbers>(), example)
}

/// `POST …/add`.
pub fn add() -> Doc {
    Doc::new("add_pool_numbers", "Put phone numbers into a pool")
        .about(
            "Each for itself, out of the pool that it is in. A number that left a pool in the last two hours is leased only when \
             they are over: somebody may still see it. The fixed number of an active tag is `in_use`.",
        )
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<PoolMove>(), json!({"numbers": [NUMBER_ID]}))
        .answers(200, Shape::of::<BulkAnswer>(), json!({"outcomes": moved()}))
        .refuses(&[Code::VersionConflict])
}

/// `POST …/remove`.
pub fn remove() -> Doc {
    Doc::new("remove_pool_numbers", "Take phone numbers out of a pool")
        .about("Each for itself. They stay yours; calls to them go to their own campaign.")
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<PoolMove>(), json!({"numbers": [NUMBER_ID]}))
        .answers(200, Shape::of::<BulkAnswer>(), json!({"outcomes": moved()}))
}

/// `POST …/verify`.
pub fn verify() -> Doc {
    let example = json!({
        "looked_at": 100,
        "items": [{
            "id": NUMBER_ID,
            "number": "+12025550142",
            "ok": false,
            "findings": [{
                "code": "not_in_account",
                "repaired": false,
                "message": "the Twilio account does not have this number any more: calls to it do not arrive here",
            }],
        }],
        "replace": [NUMBER_ID],
    });
    Doc::new("verify_number_pool", "Look for dead numbers in a pool")
        .about(
            "Looks at a hundred numbers, as `POST /api/numbers/verify` does, puts right what can be, and tells what was wrong. Those \
             under `replace` are gone: give them to `POST …/replace`. `next` goes on as `cursor`.",
        )
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<VerifyPool>(), json!({}))
        .answers(200, Shape::of::<VerifiedPool>(), example)
        .refuses(&[Code::InvalidCursor])
}

fn allocated() -> Value {
    json!({
        "bought": [{"id": NUMBER_ID, "number": "+12025550142"}],
        "would_buy": [],
        "not_bought": [{
            "number": "+12025550143",
            "code": "not_available",
            "message": "this number is no longer available: choose another one",
        }],
        "in_area": 1,
        "remaining": 1,
    })
}

/// `POST …/allocate`: money is spent.
pub fn allocate() -> Doc {
    Doc::new("allocate_pool_numbers", "Buy phone numbers for a pool")
        .about(
            "Which ones, the pool's `buys` says: first those with its area code, then others. The Twilio account pays. What came of \
             each is told, also when only some could be bought; ask again for what is `remaining`. Send an `Idempotency-Key`: \
             the same request again then buys nothing.",
        )
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<AllocateNumbers>(), json!({"count": 2, "campaign": CAMPAIGN}))
        .answers(200, Shape::of::<AllocatedNumbers>(), allocated())
        .refuses(&[Code::VersionConflict, Code::CarrierRefused, Code::CarrierAway])
}

/// `POST …/replace`: money is spent.
pub fn replace() -> Doc {
    let example = json!({
        "allocated": allocated(),
        "removed": [
            {"id": NUMBER_ID, "outcome": "done"},
            {"id": OTHER_NUMBER_ID, "outcome": "refused", "code": "invalid",
             "detail": "numbers: this number is in another pool"},
        ],
    });
    Doc::new("replace_pool_numbers", "Buy new phone numbers for others of a pool")
        .about(
            "Buys as many as are named, as `POST …/allocate` does, then takes as many of the old ones out of the pool as were bought. \
             The old ones stay yours: give them back when nobody can see them any more, two hours later.",
        )
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<ReplaceNumbers>(), json!({"numbers": [NUMBER_ID]}))
        .answers(200, Shape::of::<ReplacedNumbers>(), example)
        .refuses(&[Code::VersionConflict, Code::CarrierRefused, Code::CarrierAway])
}

/// `POST …/shrink`: given back for ever.
pub fn shrink() -> Doc {
    let example = json!({"outcomes": moved(), "would_release": [], "remaining": 1});
    Doc::new("shrink_number_pool", "Give phone numbers of a pool back to Twilio")
        .about(
            "This cannot be undone. Those that are free and were shown longest ago go first; what is shown, resting or on a call stays, \
             and so does what is to be kept. `dry_run` tells which would go.",
        )
        .of(Shape::of::<NumberPoolId>())
        .body(Shape::of::<ShrinkPool>(), json!({"count": 2, "keep": [NUMBER_ID]}))
        .answers(200, Shape::of::<ShrunkPool>(), example)
}

/// `GET …/usage`.
pub fn usage() -> Doc {
    let example = json!({"now": counts(), "hours": [{
        "begins": "2026-11-22T11:00:00Z",
        "numbers": 120,
        "mean_occupied_hundredths": 3_850,
        "peak_occupied": 61,
        "exhausted": 0,
    }]});
    Doc::new("read_pool_usage", "How a pool is used")
        .about("Now, and by the hour: how many numbers could not be leased, and how often none was free.")
        .of(Shape::of::<NumberPoolId>())
        .query(PoolUsageQuery::PARAMETERS)
        .answers(200, Shape::of::<PoolUsage>(), example)
}

/// `GET …/advice`.
pub fn advice() -> Doc {
    let example = json!({
        "basis": "expected",
        "hour": null,
        "exhausted": null,
        "load_thousandths": 100_000,
        "numbers": 100,
        "overflow_now_millionths": 75_700,
        "needs": [
            {"overflow_millionths": 10_000, "numbers": 117},
            {"overflow_millionths": 1_000, "numbers": 128},
        ],
        "words": "At this traffic you need 117 numbers for 1 % overflow, and 128 numbers for 0.1 % overflow. With the 100 you have, \
                  7.57 % of the visitors find none free.",
    });
    Doc::new("advise_number_pool", "How many numbers a pool needs")
        .about("By Erlang's loss formula: visitors come by chance, and who finds no number free goes without one of their own.")
        .of(Shape::of::<NumberPoolId>())
        .query(PoolAdviceQuery::PARAMETERS)
        .answers(200, Shape::of::<PoolAdvice>(), example)
}

/// `GET /api/tracking-tags/{id}/snippet`.
pub fn snippet() -> Doc {
    let release = contract::number_script::Release {
        version: "1.0.0".to_owned(),
        integrity: "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC".to_owned(),
    };
    let example = serde_json::to_value(Snippet::of("https://calls.example.com", TAG, release));
    Doc::new("read_tracking_tag_snippet", "What is put into a page")
        .about("One line of HTML, and another for pages without script.")
        .of(Shape::of::<TrackingTagId>())
        .answers(200, Shape::of::<Snippet>(), example.unwrap_or_default())
}
