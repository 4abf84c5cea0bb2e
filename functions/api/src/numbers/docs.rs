//! What the operations on numbers at Twilio say of themselves.

use contract::numbers::{
    ACCOUNT, AvailableNumber, AvailableQuery, BuyNumber, ImportNumbers, ImportableNumber, ImportedNumber,
    ReleaseNumber, VerifiedNumber, VerifyNumbers,
};
use contract::problem::Code;
use domain::ids::{CampaignId, NumberId};
use domain::number::Number;
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::noun_docs;
use crate::shape::Shape;

const OWN_ACCOUNT: &str = "AC0000000000000000000000000000000a";
const CAMPAIGN: &str = "CA019abc0de1f27a3b8c4d5e6f70819203";
const NUMBER_ID: &str = "PN019abc0de1f27a3b8c4d5e6f70819203";
const NUMBER: &str = "+18335550100";

fn line() -> Value {
    json!({
        "sid": "PN0000000000000000000000000000000b",
        "friendly_name": "(202) 555-0142",
        "kind": "local",
        "country": "US",
        "capabilities": capabilities(),
    })
}

fn capabilities() -> Value {
    json!({"voice": true, "sms": true, "mms": false, "fax": false})
}

/// `GET` of what can be bought.
pub fn available() -> Doc {
    let example = json!({"items": [{
        "number": "+12025550142",
        "friendly_name": "(202) 555-0142",
        "locality": "Washington",
        "region": "DC",
        "postal_code": "20001",
        "country": "US",
        "capabilities": capabilities(),
        "needs_address": false,
    }]});
    Doc::new("search_available_numbers", "Search phone numbers to buy")
        .about(
            "Numbers that carry calls, as Twilio orders them. What Twilio will not search for is told by \
             `carrier_refused`.",
        )
        .query(AvailableQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<AvailableNumber>()), example)
        .refuses(&[Code::Invalid, Code::CarrierRefused, Code::CarrierAway])
}

/// `POST`: money is spent.
pub fn buy() -> Doc {
    let body = json!({
        "account_sid": OWN_ACCOUNT,
        "number": "+12025550142",
        "campaign": CAMPAIGN,
        "fallback_number": "+12025550180",
    });
    let mut bought = noun_docs::answered::<Number>();
    bought["number"] = body["number"].clone();
    bought["twilio"] = line();
    Doc::new("buy_phone_number", "Buy a phone number")
        .about(
            "The Twilio account pays, and the number rings here at once. Everything else that could be refused is looked at \
             before. Buying it again buys nothing: a number that the account has already is set up, with the warning \
             `already_owned`.",
        )
        .body(Shape::of::<BuyNumber>(), body)
        .answers(201, noun_docs::shape::<Number>(), bought)
        .located()
        .refuses(&[Code::Taken, Code::InUse, Code::LimitReached, Code::VersionConflict, Code::CarrierRefused, Code::CarrierAway])
}

/// `POST`: given back for ever.
pub fn release() -> Doc {
    Doc::new("release_phone_number", "Give a phone number back to Twilio")
        .about(
            "This cannot be undone: the number is repeated to say that it is meant. To keep it in the Twilio account, \
             delete it here instead.",
        )
        .of(Shape::of::<NumberId>())
        .body(Shape::of::<ReleaseNumber>(), json!({"confirm": NUMBER}))
        .refuses(&[Code::InUse, Code::VersionConflict, Code::CarrierRefused, Code::CarrierAway])
}

/// `GET` of what the account has and nobody set up here.
pub fn importable() -> Doc {
    let example = json!({"items": [{
        "number": "+12025550142",
        "sid": "PN0000000000000000000000000000000b",
        "friendly_name": "(202) 555-0142",
        "kind": "local",
        "country": "US",
        "capabilities": capabilities(),
        "voice_url": "https://old.example.com/answer",
    }]});
    Doc::new("list_importable_numbers", "List phone numbers to import")
        .about("Numbers of the Twilio account that are not set up here, and where their calls lead now.")
        .query(&[ACCOUNT])
        .answers(200, Shape::page(Shape::of::<ImportableNumber>()), example)
        .refuses(&[Code::Invalid, Code::CarrierRefused, Code::CarrierAway])
}

/// `POST`: sets numbers up.
pub fn import() -> Doc {
    let body = json!({"account_sid": OWN_ACCOUNT, "numbers": ["+18335550161"], "campaign": CAMPAIGN});
    let example = json!({"items": [{"number": "+18335550161", "outcome": "imported", "id": NUMBER_ID}]});
    Doc::new("import_phone_numbers", "Import phone numbers")
        .about(
            "Sets up numbers that the Twilio account has, each for itself. A number that answers elsewhere goes on doing so \
             until it is given a published campaign.",
        )
        .body(Shape::of::<ImportNumbers>(), body)
        .answers(200, Shape::page(Shape::of::<ImportedNumber>()), example)
}

fn assignment() -> Shape {
    let campaign = Shape::of::<CampaignId>();
    let schema = json!({
        "type": "object",
        "description": "Which campaign.",
        "additionalProperties": false,
        "properties": {
            "version": {"type": "integer", "minimum": 0,
                "description": "The number's version that this change was made from, as it was read."},
            "campaign": {"anyOf": [campaign.schema, {"type": "null"}],
                "description": "The campaign that shall answer it; `null` takes the number off any."},
        },
        "required": ["version", "campaign"],
    });
    Shape::named("PhoneNumberAssignment", schema, [campaign])
}

/// `POST`: which campaign answers.
pub fn assign() -> Doc {
    let mut after = noun_docs::answered::<Number>();
    after["version"] = json!(2);
    Doc::new("assign_phone_number", "Give a phone number to a campaign")
        .about("When the campaign is published, the number rings there at once.")
        .of(Shape::of::<NumberId>())
        .body(assignment(), json!({"version": 1, "campaign": CAMPAIGN}))
        .answers(200, noun_docs::shape::<Number>(), after)
        .refuses(&[Code::VersionConflict])
}

fn verified() -> Value {
    json!({
        "id": NUMBER_ID,
        "number": NUMBER,
        "ok": true,
        "findings": [{"code": "wrong_application", "repaired": true, "message": "calls to it led elsewhere"}],
    })
}

const LOOKS: &str = "Looks whether a number is in its Twilio account, leads here and has its fallback document, puts right \
                     what can be, and tells both.";

/// `POST`: one number.
pub fn verify_one() -> Doc {
    Doc::new("verify_phone_number", "Verify a phone number").about(LOOKS).of(Shape::of::<NumberId>()).answers(
        200,
        Shape::of::<VerifiedNumber>(),
        verified(),
    )
}

/// `POST`: some numbers.
pub fn verify() -> Doc {
    Doc::new("verify_phone_numbers", "Verify phone numbers")
        .about(format!("{LOOKS} In the order of their ids; `next` goes on as `cursor`."))
        .body(Shape::of::<VerifyNumbers>(), json!({"limit": 50}))
        .answers(200, Shape::page(Shape::of::<VerifiedNumber>()), json!({"items": [verified()]}))
        .refuses(&[Code::InvalidCursor])
}
