//! What the operations on Twilio accounts say of themselves.

use contract::problem::Code;
use contract::query::ListQuery;
use contract::sip::SipDomain;
use domain::ids::AccountSid;
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

const ACCOUNT: &str = "AC00000000000000000000000000000063";

fn token_id() -> Shape {
    Shape::named(
        "TwilioTokenId",
        json!({"type": "string", "pattern": "^[0-9a-f]{8}$", "description": "Names a token; says nothing about it.",
            "examples": ["4d5e6f70"]}),
        [],
    )
}

fn auth_token() -> Value {
    json!({"type": "string", "pattern": "^[!-~]{16,128}$",
        "description": "The account's auth token, from the Twilio console. Kept sealed, never given out again."})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 120, "description": "For people."})
}

fn account() -> Shape {
    let sid = Shape::of::<AccountSid>();
    let token = token_id();
    let time = |about: &str| json!({"type": "string", "format": "date-time", "description": about});
    let schema = json!({
        "type": "object",
        "description": "A connected Twilio account.",
        "additionalProperties": false,
        "properties": {
            "id": sid.schema,
            "account_sid": sid.schema,
            "name": name(),
            "version": {"type": "integer", "minimum": 1, "description": "Counts changes, from 1."},
            "created_at": time("When it was connected."),
            "updated_at": time("When it was last changed."),
            "tokens": {
                "type": "array",
                "description": "One to four. Twilio may sign with any of them.",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": token.schema,
                        "added_at": time("When it was given."),
                        "for_requests": {"type": "boolean", "description": "Whether our own requests are made with it."},
                    },
                    "required": ["id", "added_at", "for_requests"],
                },
            },
        },
        "required": ["id", "account_sid", "name", "version", "created_at", "updated_at", "tokens"],
    });
    Shape::named("TwilioAccountResource", schema, [sid, token])
}

fn example() -> Value {
    json!({
        "id": ACCOUNT,
        "account_sid": ACCOUNT,
        "name": "Main account",
        "version": 1,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "tokens": [{"id": "4d5e6f70", "added_at": "2026-11-22T12:00:00Z", "for_requests": true}],
    })
}

fn of_one(doc: Doc) -> Doc {
    doc.segment("sid", Shape::of::<AccountSid>())
}

/// `GET` of all.
pub fn list() -> Doc {
    Doc::new("list_twilio_accounts", "List Twilio accounts").query(ListQuery::PARAMETERS).answers(
        200,
        Shape::page(account()),
        json!({"items": [example()]}),
    )
}

/// `POST`.
pub fn connect() -> Doc {
    let sid = Shape::of::<AccountSid>();
    let schema = json!({
        "type": "object",
        "description": "Which account, and its token.",
        "additionalProperties": false,
        "properties": {"account_sid": sid.schema, "auth_token": auth_token(), "name": {
            "type": ["string", "null"], "minLength": 1, "maxLength": 120,
            "description": "For people; unless given, the name at Twilio.",
        }},
        "required": ["account_sid", "auth_token"],
    });
    let body = json!({"account_sid": ACCOUNT, "auth_token": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"});
    Doc::new("connect_twilio_account", "Connect a Twilio account")
        .about("The token is tried at Twilio first. An account is connected in one place only.")
        .body(Shape::named("TwilioAccount", schema, [sid]), body)
        .answers(201, account(), example())
        .located()
        .refuses(&[Code::Taken, Code::CarrierAway])
}

/// `GET` of one.
pub fn get() -> Doc {
    of_one(Doc::new("get_twilio_account", "Read a Twilio account")).answers(200, account(), example())
}

/// `PATCH`.
pub fn change() -> Doc {
    let token = token_id();
    let schema = json!({
        "type": "object",
        "description": "What is left out stays.",
        "additionalProperties": false,
        "properties": {
            "version": {"type": "integer", "minimum": 0,
                "description": "The version that this change was made from, as it was read."},
            "name": name(),
            "request_token": {"type": "string", "description": "The id of the token with which our own requests are made."},
        },
        "required": ["version"],
    });
    let mut after = example();
    after["version"] = json!(2);
    of_one(Doc::new("update_twilio_account", "Change a Twilio account"))
        .about("Renames it, or makes another of its tokens the one for our own requests.")
        .body(
            Shape::named("TwilioAccountPatch", schema, [token]),
            json!({"version": 1, "name": "Another name"}),
        )
        .answers(200, account(), after)
}

/// `DELETE`.
pub fn disconnect() -> Doc {
    of_one(Doc::new("disconnect_twilio_account", "Disconnect a Twilio account"))
        .about(
            "An account whose phone numbers are set up here stays: the refusal names them. So does one with a SIP domain: \
             remove that first.",
        )
        .refuses(&[Code::InUse, Code::Invalid, Code::VersionConflict])
}

/// `POST` of a token.
pub fn add_token() -> Doc {
    let schema = json!({
        "type": "object",
        "description": "A further token.",
        "additionalProperties": false,
        "properties": {"auth_token": auth_token()},
        "required": ["auth_token"],
    });
    of_one(Doc::new("add_twilio_token", "Add a token to a Twilio account"))
        .about("From now on Twilio may sign with it too. Four at most.")
        .body(
            Shape::named("TwilioToken", schema, []),
            json!({"auth_token": "fedcba9876543210fedcba9876543210"}),
        )
        .answers(201, account(), example())
        .refuses(&[Code::VersionConflict, Code::CarrierAway])
}

/// `DELETE` of a token.
pub fn drop_token() -> Doc {
    of_one(Doc::new("drop_twilio_token", "Drop a token of a Twilio account"))
        .about("Twilio must not sign with it any more. The last one stays.")
        .segment("token", token_id())
        .answers(200, account(), example())
        .refuses(&[Code::Invalid, Code::VersionConflict])
}

/// `GET` of its SIP domain.
pub fn sip() -> Doc {
    of_one(Doc::new("get_sip_domain", "Read the SIP domain of a Twilio account"))
        .about("Publishers who can send calls by SIP are given an address there with their bids.")
        .answers(200, Shape::of::<SipDomain>(), sip_example())
}

/// `PUT` of its SIP domain.
pub fn set_up_sip() -> Doc {
    let schema = json!({
        "type": "object",
        "description": "Who may send calls by SIP.",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "addresses": {"type": "array", "maxItems": 50,
                "items": {"type": "string", "examples": ["54.172.60.0/30"]},
                "description": "Public IPv4 addresses, and blocks of them from /16 on."},
            "users": {"type": "array", "maxItems": 20,
                "items": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,32}$"},
                "description": "User names. Each new one gets a password."},
        },
    });
    of_one(Doc::new("set_up_sip_domain", "Set up the SIP domain of a Twilio account"))
        .about(
            "Makes the domain at Twilio and lets in whom the request names, and nobody else. Twilio asks everybody for both \
             when both addresses and users are named. What Twilio does not do is in `missing`: send the same again. \
             Passwords of new users are shown once; for another one, remove the user and name it again.",
        )
        .body(Shape::named("SipCallers", schema, []), json!({"addresses": ["54.172.60.0/30"], "users": []}))
        .answers(200, Shape::of::<SipDomain>(), sip_example())
        .refuses(&[Code::VersionConflict])
}

/// `DELETE` of its SIP domain.
pub fn remove_sip() -> Doc {
    of_one(Doc::new("remove_sip_domain", "Remove the SIP domain of a Twilio account"))
        .about("No bid names it from now on; calls to addresses that were given out before do not arrive any more.")
        .refuses(&[Code::VersionConflict, Code::CarrierAway, Code::CarrierRefused])
}

fn sip_example() -> Value {
    json!({
        "domain": "ccp-5d41402abc4b2a76b9719d91.sip.twilio.com",
        "offered": true,
        "addresses": ["54.172.60.0/30"],
        "users": [],
        "missing": [],
    })
}
