//! What the demo tenant has: publisher, buyers, campaigns, bidders, targets, numbers, and a web page's tracking tag, made through our own API as a customer would.
//!
//! What must stay true: doing it again makes nothing twice (things are found by name), so a start that was interrupted is
//! finished by the next one; what a user changed stays as it is. All phone numbers are fictional ones (`555-01xx`).

use std::collections::BTreeMap;

use contract::page::Page;
use contract::resource::Resource;
use domain::ids::AccountSid;
use serde_json::{Value, json};

use crate::client::{ApiClient, ApiError};

/// The main demonstration: the best of the good bids is dialled.
pub const HOME_SERVICES: &str = "+12025550101";
/// The best bidder's line is busy, so the second bid is dialled.
pub const WINNER_BUSY: &str = "+12025550102";
/// Nobody bids, so the static target is dialled.
pub const NO_BIDS: &str = "+12025550103";
/// Numbers that the visitors of the demo's web page are shown.
pub const VISITORS_NUMBERS: [&str; 5] =
    ["+12025550140", "+12025550141", "+12025550142", "+12025550143", "+12025550144"];
/// The name of that page's tracking tag.
pub const SHOP: &str = "Harbour Street Plumbing";
/// A line that is always busy.
pub const BUSY_LINE: &str = "+12025550166";

/// Where callers go when our servers cannot answer.
const FALLBACK: &str = "+12025550190";
const DESK: &str = "+12025550191";
const PUBLISHER: &str = "Search Partners";
const BODY: &str = concat!(
    r#"{"CID":"[tag:InboundNumber:Number]","State":"[tag:InboundNumber:State]","zipcode":"[tag:Geo:ZipCode]","#,
    r#""campaign":"[tag:Campaign:Name]","publisherInboundCallId":"[Call:InboundCallId]"}"#
);

struct Bidder {
    name: &'static str,
    buyer: &'static str,
    scenario: &'static str,
    caps: Value,
}

fn bidders() -> Vec<Bidder> {
    let bidder = |name, buyer, scenario, caps| Bidder { name, buyer, scenario, caps };
    vec![
        bidder(
            "Alpine Plumbing",
            "Alpine Group",
            "accept?amount=18.50&number=%2B12025550111&min_duration=60&delay_ms=140&name=alpine",
            json!({"concurrent": 20, "daily": 500}),
        ),
        bidder(
            "Bayside Plumbing",
            "Bayside Group",
            "accept?amount=14.25&number=%2B12025550112&min_duration=60&delay_ms=90&name=bayside",
            json!({"daily": 300}),
        ),
        bidder(
            "Slow River",
            "River Networks",
            "slow?amount=40.00&number=%2B12025550113&delay_ms=2500&name=slow-river",
            json!({}),
        ),
        bidder("Full House", "Full House Media", "reject?delay_ms=40&name=full-house", json!({})),
        bidder(
            "Wrong Number Works",
            "Wrong Number Works",
            "invalid_number?amount=30.00&delay_ms=60&name=wrong-number",
            json!({}),
        ),
        bidder("Broken Pipes", "Broken Pipes", "malformed?delay_ms=30&name=broken", json!({})),
        bidder(
            "Always Engaged",
            "Always Engaged",
            "accept?amount=22.00&number=%2B12025550166&min_duration=60&delay_ms=70&name=engaged",
            json!({}),
        ),
        bidder("Nothing Today", "Nothing Today", "empty?delay_ms=25&name=nothing", json!({})),
    ]
}

/// A campaign of the demonstration.
struct Plan {
    name: &'static str,
    description: &'static str,
    number: &'static str,
    bidders: &'static [&'static str],
}

const PLANS: [Plan; 3] = [
    Plan {
        name: "Home services",
        description: "Six bidders, two of them good; the better one is dialled.",
        number: HOME_SERVICES,
        bidders: &[
            "Alpine Plumbing",
            "Bayside Plumbing",
            "Slow River",
            "Full House",
            "Wrong Number Works",
            "Broken Pipes",
        ],
    },
    Plan {
        name: "Home services, winner busy",
        description: "The best bidder's line is always busy; the second bid is dialled.",
        number: WINNER_BUSY,
        bidders: &[
            "Always Engaged",
            "Bayside Plumbing",
            "Full House",
            "Broken Pipes",
            "Nothing Today",
            "Slow River",
        ],
    },
    Plan {
        name: "Home services, no bids",
        description: "Nobody bids; the static target is dialled.",
        number: NO_BIDS,
        bidders: &["Full House", "Wrong Number Works", "Broken Pipes", "Nothing Today", "Slow River"],
    },
];

/// Makes what is missing, and publishes the campaigns that were made.
///
/// # Errors
/// The API refuses or does not answer.
pub async fn plant(api: &ApiClient, account: &AccountSid, bidders_at: &str) -> Result<(), ApiError> {
    let publisher = json!({"name": PUBLISHER, "contact_email": "calls@search-partners.example"});
    let publisher = find_or_make(api, "/api/publishers", "name", publisher).await?.0;
    let desk = json!({
        "name": "Home services desk",
        "destination": {"number": DESK},
        "caps": {"daily": 200},
        "time_zone": "America/New_York",
        "revenue": {"fixed": 9_000_000},
        "conversion": {"length": {"seconds": 45, "from": "connect"}},
    });
    let desk = find_or_make(api, "/api/targets", "name", desk).await?.0;
    let mut ids = BTreeMap::new();
    for bidder in bidders() {
        let buyer = find_or_make(api, "/api/buyers", "name", json!({"name": bidder.buyer})).await?.0;
        let body = rtb_target(&bidder, &buyer.id, bidders_at);
        ids.insert(bidder.name, find_or_make(api, "/api/rtb-targets", "name", body).await?.0.id);
    }
    let mut campaigns = BTreeMap::new();
    for plan in PLANS {
        let entries: Vec<Value> = plan
            .bidders
            .iter()
            .filter_map(|name| ids.get(name))
            .map(|id| json!({"rtb_target": id}))
            .collect();
        let campaign = json!({
            "name": plan.name,
            "description": plan.description,
            "status": "active",
            "time_zone": "America/New_York",
            "auction": {"bidders": entries, "deadline_ms": 1_000, "min_revenue": 5_000_000},
            "plan": [{"target": desk.id}],
            "recording": "from_answer_dual",
            "fallback_number": FALLBACK,
            "payout": {"on": "converted", "amount": {"share": {"basis_points": 7_000}}},
        });
        let (campaign, made) = find_or_make(api, "/api/campaigns", "name", campaign).await?;
        let number = json!({
            "number": plan.number,
            "account_sid": account,
            "campaign": campaign.id,
            "publisher": publisher.id,
        });
        let (_, number_made) = find_or_make(api, "/api/numbers", "number", number).await?;
        if made || number_made {
            publish(api, &campaign.id).await?;
        }
        campaigns.insert(plan.number, campaign.id);
    }
    let campaign = campaigns.remove(HOME_SERVICES).unwrap_or_default();
    plant_shop(api, account, &campaign, &publisher.id).await
}

/// A pool, and the tag of the page that the local platform shows: its number is replaced by one of the pool.
async fn plant_shop(
    api: &ApiClient,
    account: &AccountSid,
    campaign: &str,
    publisher: &str,
) -> Result<(), ApiError> {
    let pool = find_or_make(api, "/api/number-pools", "name", json!({"name": SHOP})).await?.0;
    for number in VISITORS_NUMBERS {
        let number = json!({
            "number": number, "account_sid": account, "campaign": campaign, "publisher": publisher, "pool": pool.id,
        });
        find_or_make(api, "/api/numbers", "number", number).await?;
    }
    let tag = json!({
        "name": SHOP, "campaign": campaign, "publisher": publisher, "shows": {"pool": pool.id},
        "replace": {"numbers": [HOME_SERVICES], "shadow": true},
        "redtrack": {"domain": "track.example.com"},
    });
    find_or_make(api, "/api/tracking-tags", "name", tag).await.map(drop)
}

fn rtb_target(bidder: &Bidder, buyer: &str, bidders_at: &str) -> Value {
    json!({
        "name": bidder.name,
        "buyer": buyer,
        "url": format!("http://{bidders_at}/_sim/rtb/{}", bidder.scenario),
        "body": BODY,
        "timeout_ms": 1_000,
        "answer": {
            "acceptance": ["$.accepted"],
            "amount": ["$.bidAmount"],
            "destination": ["$.sipAddress", "$.phoneNumber", "$.destinationNumber"],
            "call_length": ["$.bidTerms[0].callMinDuration", "$.requiredDuration"],
            "currency": ["$.bidCurrency"],
        },
        "min_bid": 1_000_000,
        "max_bid": 100_000_000,
        "dial": {"timeout_s": 20},
        "caps": bidder.caps,
        "time_zone": "America/New_York",
    })
}

/// After the bidder simulator moved to another address: its bidders follow, and every campaign is published again.
///
/// # Errors
/// The API refuses or does not answer.
pub async fn move_bidders(api: &ApiClient, from: &str, to: &str) -> Result<(), ApiError> {
    let (from, to) = (format!("http://{from}/_sim/rtb/"), format!("http://{to}/_sim/rtb/"));
    for bidder in all(api, "/api/rtb-targets").await? {
        let url = bidder.body.get("url").and_then(Value::as_str).unwrap_or_default();
        if let Some(scenario) = url.strip_prefix(&from) {
            let patch = json!({"version": bidder.version, "url": format!("{to}{scenario}")});
            api.patch::<Resource>(&format!("/api/rtb-targets/{}", bidder.id), &patch).await?;
        }
    }
    for campaign in all(api, "/api/campaigns").await? {
        if campaign.body.get("status").and_then(Value::as_str) == Some("active") {
            publish(api, &campaign.id).await?;
        }
    }
    Ok(())
}

/// Connects the demo tenant's Twilio account, if it is not. The simulated Twilio proves the token.
///
/// # Errors
/// The API refuses or does not answer.
pub async fn connect_account(api: &ApiClient, account: &AccountSid, token: &str) -> Result<(), ApiError> {
    let wish = json!({"account_sid": account, "auth_token": token, "name": "Simulated Twilio"});
    find_or_make(api, "/api/twilio-accounts", "account_sid", wish).await.map(drop)
}

/// The tenant's numbers, with what is needed to point them at us again.
///
/// # Errors
/// The API does not answer.
pub async fn numbers(api: &ApiClient) -> Result<Vec<Resource>, ApiError> {
    all(api, "/api/numbers").await
}

/// Points a number at us again, by a change that changes nothing.
///
/// # Errors
/// The API does not answer.
pub async fn connect_number(api: &ApiClient, number: &Resource) -> Result<(), ApiError> {
    let patch = json!({"version": number.version});
    api.patch::<Resource>(&format!("/api/numbers/{}", number.id), &patch).await.map(drop)
}

async fn publish(api: &ApiClient, campaign: &str) -> Result<(), ApiError> {
    api.post::<Value>(&format!("/api/campaigns/{campaign}/publish"), None).await.map(drop)
}

/// The thing with this name, and whether it was made just now.
async fn find_or_make(
    api: &ApiClient,
    path: &str,
    unique: &str,
    body: Value,
) -> Result<(Resource, bool), ApiError> {
    let known = all(api, path).await?.into_iter().find(|thing| thing.body.get(unique) == body.get(unique));
    match known {
        Some(thing) => Ok((thing, false)),
        None => Ok((api.post(path, Some(&body)).await?, true)),
    }
}

async fn all(api: &ApiClient, path: &str) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let cursor = next.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<Resource> = api.get(&format!("{path}?limit=100{cursor}")).await?;
        found.extend(page.items);
        match page.next {
            Some(cursor) => next = Some(cursor),
            None => return Ok(found),
        }
    }
}
