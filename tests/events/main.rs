//! Every sample event under `events/`, through the real handler, against a database that holds what the event speaks of.
//!
//! The table below is the meaning of the events: what must have happened before, and what the function answers. A file
//! that stands in no row fails, and so does a row without a file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod answer;
mod shape;
mod signature;
mod story;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use answer::Expected::{self, Json, Kept, Nothing, Problem, Twiml, Worked};
use runtime::VaultPlace;
use serde_json::Value;
use vault::{DataVault, FileKeys};
use world::World;

/// One event.
struct Case {
    /// Function and file name, without the extension.
    event: &'static str,
    /// Events that come before it, in order.
    after: &'static [&'static str],
    /// What the function answers.
    expected: Expected,
    /// What it answers to the same event once more, when that is something else.
    again: Option<Expected>,
}

const fn case(event: &'static str, after: &'static [&'static str], expected: Expected) -> Case {
    Case { event, after, expected, again: None }
}

const ARRIVED: &[&str] = &["voice-inbound/incoming-call"];
const DIALLED: &[&str] = &["voice-inbound/incoming-call", "rtb-auction/bidders-compete"];
const ANSWERED: &[&str] =
    &["voice-inbound/incoming-call", "rtb-auction/bidders-compete", "voice-status/leg-is-answered"];

const CASES: &[Case] = &[
    case("voice-inbound/incoming-call", &[], Twiml(&["<Redirect method=\"POST\">", "/auction/1#"])),
    case("voice-inbound/caller-withholds-the-number", &[], Twiml(&["<Redirect", "/auction/1#"])),
    case("voice-inbound/number-is-not-ours", &[], Twiml(&["<Say>", "not in service", "<Hangup/>"])),
    case("voice-inbound/signed-by-somebody-else", &[], Problem(403, "signature_refused")),
    case(
        "rtb-auction/bidders-compete",
        ARRIVED,
        Twiml(&["<Dial", "/dial-result/2#", "answerOnBridge=\"true\"", "/leg/1\"", ">+12025550123</Number>"]),
    ),
    case("rtb-auction/caller-has-hung-up", ARRIVED, Twiml(&["<Response><Hangup/></Response>"])),
    case("rtb-auction/call-is-not-known", ARRIVED, Problem(404, "unknown_call")),
    case(
        "voice-dial-result/winner-was-busy",
        DIALLED,
        Twiml(&["<Dial", "/dial-result/3#", "/leg/2\"", ">+12025550199</Number>"]),
    ),
    case("voice-dial-result/conversation-is-over", ANSWERED, Twiml(&["<Response><Hangup/></Response>"])),
    case(
        "voice-dial-result/caller-hung-up-while-it-rang",
        DIALLED,
        Twiml(&["<Response><Hangup/></Response>"]),
    ),
    case("voice-status/leg-is-answered", DIALLED, Nothing),
    case("voice-status/leg-is-over", ANSWERED, Nothing),
    case("voice-status/recording-is-ready", ANSWERED, Nothing),
    case("voice-status/caller-has-left", ANSWERED, Nothing),
    case("api/health", &[], Json(200)),
    Case { again: Some(Problem(409, "taken")), ..case("api/create-target", &[], Json(201)) },
    case("bid-log/three-bidders", &[], Kept { entries: 3, failed: &[] }),
    case(
        "bid-log/one-message-is-not-ours",
        &[],
        Kept { entries: 1, failed: &["059f36b4-87a3-44ab-83d2-661970000003"] },
    ),
    case("conversion-webhook/address-of-nobody", &[], Problem(404, "unknown_webhook")),
    case("conversion-webhook/form-to-an-address-of-nobody", &[], Problem(404, "unknown_webhook")),
    case("dni-lookup/lookup-for-a-tag-of-nobody", &[], Problem(404, "unknown_tag")),
    case("dni-lookup/lookup-without-a-tag", &[], Problem(422, "invalid")),
    case("dni-lookup/release-of-nothing", &[], Problem(400, "malformed_body")),
    case("dni-lookup/call-from-a-page-without-script", &[], Problem(404, "unknown_tag")),
    case("visit-events/click-id-for-a-tag-of-nobody", &[], Problem(404, "unknown_tag")),
    case("visit-events/conversion-for-a-tag-of-nobody", &[], Problem(404, "unknown_tag")),
    case("postback-delivery/call-without-a-click", ARRIVED, Kept { entries: 0, failed: &[] }),
    case(
        "postback-delivery/one-message-is-not-ours",
        &[],
        Kept { entries: 0, failed: &["059f36b4-87a3-44ab-83d2-661970000011"] },
    ),
    case("rtb-inbound/address-of-nobody", &[], Problem(404, "unknown_rtb_id")),
    case("rtb-inbound/xml-to-an-address-of-nobody", &[], Problem(404, "unknown_rtb_id")),
    case("rtb-health/tick", &[], Worked),
    case("rtb-health/tick-from-a-rule", &[], Worked),
    case("housekeeping/tick", &[], Worked),
    case("housekeeping/tick-from-a-rule", ARRIVED, Worked),
];

/// The folder with the events.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// Function and name of every event there is.
fn files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for function in std::fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        if !function.file_type().unwrap().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(function.path()).unwrap().map(Result::unwrap) {
            let path = file.path();
            assert!(path.extension().is_some_and(|end| end == "json"), "{} is no event", path.display());
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.insert(format!("{}/{name}", function.file_name().to_string_lossy()));
        }
    }
    found
}

/// The event of this name.
fn event(name: &str) -> Value {
    let path = folder().join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The events that an HTTP API sends, with their names.
fn http_events() -> Vec<(String, Value)> {
    let all = files().into_iter().map(|name| (name.clone(), event(&name)));
    all.filter(|(_, event)| event["requestContext"]["http"].is_object()).collect()
}

#[test]
fn every_file_has_a_row_and_every_row_a_file() {
    let rows: BTreeSet<String> = CASES.iter().map(|case| case.event.to_owned()).collect();
    assert_eq!(rows.len(), CASES.len(), "an event stands in the table twice");
    assert_eq!(files(), rows, "left: the files, right: the rows of the table");
    for function in [
        "api",
        "bid-log",
        "conversion-webhook",
        "dni-lookup",
        "housekeeping",
        "postback-delivery",
        "rtb-auction",
        "rtb-health",
        "rtb-inbound",
        "visit-events",
        "voice-dial-result",
        "voice-inbound",
        "voice-status",
    ] {
        let of_function = rows.iter().filter(|row| row.starts_with(&format!("{function}/"))).count();
        assert!(of_function >= 2, "{function} has {of_function} events");
    }
}

#[tokio::test]
async fn every_event_is_answered_as_the_table_says() {
    for case in CASES {
        let world = World::new().await;
        for earlier in case.after {
            world.send(earlier).await;
        }
        let answer = world.send(case.event).await;
        answer::check(case.event, &world, &answer, &case.expected).await;
        let again = world.send(case.event).await;
        let expected = case.again.as_ref().unwrap_or(&case.expected);
        answer::check(&format!("{} for the second time", case.event), &world, &again, expected).await;
    }
}

/// For `cargo lambda invoke`: see `events/README.md`.
#[tokio::test]
#[ignore = "writes to the database of a running local platform"]
async fn prepare_the_local_platform() {
    let (environment, settings) = (world::environment(), world::settings());
    let config = testkit::database::config_at(&environment["AWS_ENDPOINT_URL_DYNAMODB"]);
    let store = store::Store::connect(&config, settings.table_name.clone());
    let Ok(VaultPlace::File(key_file)) = settings.vault_place() else { panic!("no key file in demo.env") };
    let vault = DataVault::new(FileKeys::new(folder().join("..").join(key_file)));
    world::set_up(&store, &vault, &settings.outbound_allow).await;
}
