//! The platform as a whole: calls through it, what happens when parts of it die, what survives.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::time::Duration;

use contract::calls::{AuctionView, LedgerView};
use contract::page::Page;
use local_platform::call::place_and_watch;
use local_platform::running::Running;
use local_platform::simulator::Placing;
use local_platform::{Options, Platform, Scenario, Storage, seed};
use queue::Message;
use serde_json::{Value, json};
use testkit::faults::{Fault, Rule};
use testkit::phone::{CallScript, Journey};

async fn platform() -> Platform {
    Platform::start(Options::for_tests()).await.expect("a platform")
}

fn call_id(journey: &Journey) -> String {
    format!("RGB{}", journey.call_sid.trim_start_matches("CA"))
}

async fn ledger(platform: &Platform, journey: &Journey) -> LedgerView {
    let api = platform.api().expect("a client");
    for _ in 0..100 {
        let ledger: LedgerView =
            api.get(&format!("/api/calls/{}/ledger", call_id(journey))).await.expect("a ledger");
        if ledger.settled {
            return ledger;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the call was not settled");
}

/// A call's timeline, as `make call` shows it to the demo tenant.
async fn timeline(platform: &Platform, placing: Placing) -> String {
    let running = Running {
        pid: std::process::id(),
        api_url: platform.api_url(),
        phone_url: platform.phone_url(),
        api_key: platform.api_key().to_owned(),
    };
    let mut told = Vec::new();
    place_and_watch(&running, &placing, &mut told).await.expect("a timeline");
    String::from_utf8(told).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_better_bid_is_dialled_and_every_exchange_is_logged() {
    let platform = platform().await;
    let journey = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert_eq!(journey.destinations(), ["+12025550111"]);
    let ledger = ledger(&platform, &journey).await;
    let micros = [ledger.totals.revenue, ledger.totals.payout, ledger.totals.profit]
        .map(|money| money.expect("for the whole account").micros());
    assert_eq!(micros, [18_500_000, 12_950_000, 5_550_000]);

    assert!(platform.queue_drained(Duration::from_secs(10)).await.expect("a queue"));
    let api = platform.api().expect("a client");
    let auctions: Page<AuctionView> =
        api.get(&format!("/api/calls/{}/auction", call_id(&journey))).await.expect("an auction");
    let bidders = &auctions.items[0].bidders;
    assert_eq!(bidders.len(), 6);
    assert!(bidders.iter().all(|bidder| bidder.exchange.is_some()), "{bidders:#?}");
    let sent = bidders[0].exchange.as_ref().and_then(|exchange| exchange.request.clone()).expect("a request");
    assert!(sent.contains("415***0100") && !sent.contains("14155550100"), "{sent}");
    assert_eq!(platform.bidders().counts().of("alpine").requests, 1);
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_bid_and_the_static_target_have_their_turn() {
    let platform = platform().await;
    let busy = platform.phone().place_call(CallScript::new("+14155550100", seed::WINNER_BUSY)).await;
    assert_eq!(busy.destinations(), [seed::BUSY_LINE, "+12025550112"]);
    assert_eq!(
        ledger(&platform, &busy).await.totals.revenue.expect("for the whole account").micros(),
        14_250_000
    );
    let none = platform.phone().place_call(CallScript::new("+14155550100", seed::NO_BIDS)).await;
    assert_eq!(none.destinations(), ["+12025550191"]);
    assert_eq!(
        ledger(&platform, &none).await.totals.revenue.expect("for the whole account").micros(),
        9_000_000
    );
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeline_tells_the_whole_story() {
    let platform = platform().await;
    let told = timeline(&platform, Placing { scenario: Some(Scenario::Normal), ..Placing::default() }).await;
    for words in [
        "ringing",
        "auction     6 bidders",
        "18.50 USD",
        "Alpine Plumbing",
        "won",
        "timed_out",
        "declined",
        "invalid_destination",
        "malformed",
        "dialled     Alpine Plumbing at +12025550111",
        "answered    Alpine Plumbing",
        "ended       a conversation of 95 s",
        "revenue         18.50 USD",
        "payout          12.95 USD",
        "profit           5.55 USD",
    ] {
        assert!(told.contains(words), "'{words}' is missing in:\n{told}");
    }
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_api_leaves_the_caller_with_the_static_document_and_comes_back() {
    let platform = platform().await;
    platform.kill_api().await;
    let journey = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert!(journey.outcome.fallback_used && !journey.outcome.failed, "{:?}", journey.outcome);
    assert_eq!(journey.destinations(), ["+12025550190"]);
    platform.restart_api().await.expect("back again");
    let journey = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert!(!journey.outcome.fallback_used);
    assert_eq!(journey.destinations(), ["+12025550111"]);
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fault_layer_stands_before_the_functions_only() {
    let platform = Platform::start(Options::for_tests().with_faults(7)).await.expect("a platform");
    let faults = platform.faults().expect("the layer");
    faults.inject(Rule::always(Fault::ServerError));
    let journey = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert!(journey.outcome.fallback_used, "{:?}", journey.outcome);
    assert!(platform.queues().length("BidLogQueue").await.is_ok(), "the queue is not behind it");
    faults.heal();
    let journey = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert_eq!(journey.destinations(), ["+12025550111"]);
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_understands_ends_among_the_dead_letters() {
    let platform = platform().await;
    platform.queues().send("BidLogQueue", "not ours").await.expect("sent");
    let event = std::fs::read_to_string("../../events/bid-log/three-bidders.json").expect("the sample event");
    let event: Value = serde_json::from_str(&event).expect("JSON");
    let good = event["Records"][0]["body"].as_str().expect("a body");
    assert!(matches!(Message::decode(good), Ok(Message::Bids(_))));
    platform.queues().send("BidLogQueue", good).await.expect("sent");
    assert!(platform.queue_drained(Duration::from_secs(20)).await.expect("a queue"));
    let letters = platform.dead_letters().await.expect("letters");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].body.as_str(), letters[0].receive_count), ("not ours", 5));
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scheduled_functions_run_when_told_to() {
    let platform = platform().await;
    platform.tick("RtbHealth").await.expect("bidders looked at");
    let counts = platform.bidders().counts();
    assert_eq!((counts.of("alpine").heads, counts.of("broken").heads), (1, 1));
    platform.tick("Housekeeping").await.expect("calls looked at");
    assert!(platform.tick("Api").await.is_err());
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_end_of_the_platform_and_numbers_ring_again() {
    let folder = std::env::temp_dir().join(format!("callcenter-platform-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    let options = Options { storage: Storage::Folder(folder.clone()), ..Options::for_tests() };
    let platform = Platform::start(options.clone()).await.expect("a platform");
    let key = platform.api_key().to_owned();
    let first = platform.phone().place_call(CallScript::new("+14155550100", seed::NO_BIDS)).await;
    let books = ledger(&platform, &first).await;
    // Not in order: dropped, as when a process dies.
    platform.kill_api().await;
    drop(platform);

    // The bidders are at another port now, and follow.
    let platform = Platform::start(options).await.expect("a platform");
    assert_eq!(platform.api_key(), key);
    assert_eq!(ledger(&platform, &first).await, books);
    let second = platform.phone().place_call(CallScript::new("+14155550100", seed::HOME_SERVICES)).await;
    assert_eq!(second.destinations(), ["+12025550111"]);
    platform.shutdown().await;
    drop(std::fs::remove_dir_all(folder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_tenant_has_an_account_and_an_owner_who_signs_in_and_invites() {
    let platform = platform().await;
    let api = platform.api().expect("a client");
    let account: Value = api.get("/api/account").await.expect("an account");
    assert_eq!((&account["id"], &account["name"]), (&json!(platform.tenant()), &json!("Demo")));
    let (email, password) = platform.demo_owner();
    let sign_in = json!({"email": email, "password": password});
    let signed_in: Value = api.post("/api/auth/sign-in", Some(&sign_in)).await.expect("signed in");
    assert_eq!(signed_in["status"], "signed_in", "{signed_in}");
    assert_eq!(signed_in["me"]["user"]["role"], "owner");
    assert_eq!(signed_in["me"]["account"]["id"], account["id"]);
    let wish = json!({"email": "second@demo.example", "role": "admin"});
    api.post::<Value>("/api/invitations", Some(&wish)).await.expect("invited");
    platform.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spare_account_is_a_telephone_network_of_its_own_whose_numbers_ring_after_a_start_too() {
    let folder = std::env::temp_dir().join(format!("callcenter-spare-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    let options = Options { storage: Storage::Folder(folder.clone()), ..Options::for_tests() };
    let platform = Platform::start(options.clone()).await.expect("a platform");
    let api = platform.api().expect("a client");
    let (spare, token) = platform.spare_twilio_account();
    let connect = |token: &str| json!({"account_sid": spare, "auth_token": token});
    let others = connect(platform.twilio_account().1);
    let refused = api.post::<Value>("/api/twilio-accounts", Some(&others)).await.expect_err("not its token");
    assert!(refused.to_string().contains(": 422:"), "{refused}");
    api.post::<Value>("/api/twilio-accounts", Some(&connect(token))).await.expect("connected");

    // What the demo tenant's first account has is not for sale with the second.
    let search = format!("/api/numbers/available?account_sid={spare}&area_code=202&limit=3");
    let found: Value = api.get(&search).await.expect("numbers");
    let numbers: Vec<&str> = found["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["number"].as_str())
        .collect();
    assert_eq!(
        numbers,
        ["+12025550100", "+12025550104", "+12025550105"],
        "without those of the demonstration"
    );
    let http = local_platform::client::local_http().expect("a client");
    let at_twilio = format!("{}/2010-04-01/Accounts/{spare}/IncomingPhoneNumbers.json", platform.phone_url());
    let taken = format!("PhoneNumber=%2B{}", &seed::NO_BIDS[1..]);
    let answer =
        http.post(&at_twilio).basic_auth(spare, Some(token)).body(taken).send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], 21_422);

    let campaigns: Value = api.get("/api/campaigns?search=no%20bids").await.expect("campaigns");
    let campaign = &campaigns["items"][0]["id"];
    let buy = json!({"account_sid": spare, "number": "+12025550104", "campaign": campaign});
    api.post::<Value>("/api/numbers/buy", Some(&buy)).await.expect("bought");
    assert!(platform.phone().number("+12025550104").is_none());
    let placing = Placing { number: Some("+12025550104".to_owned()), ..Placing::default() };
    let told = timeline(&platform, placing.clone()).await;
    assert!(told.contains("dialled     Home services desk"), "{told}");
    platform.shutdown().await;

    let platform = Platform::start(options).await.expect("a platform");
    let told = timeline(&platform, placing.clone()).await;
    assert!(told.contains("dialled     Home services desk"), "{told}");
    platform.shutdown().await;
    drop(std::fs::remove_dir_all(folder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let options = Options { ports: local_platform::Ports::From(port), ..Options::for_tests() };
    let error = Platform::start(options).await.err().expect("refused").to_string();
    assert!(error.starts_with(&format!("port {port} (API) cannot be used")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_simulated_bidder_answers_at_the_address_of_the_api_too() {
    let platform = platform().await;
    let http = local_platform::client::local_http().expect("a client");
    let ask = |address: String| http.post(address).body("{}").send();
    let at_api = |scenario: &str| format!("{}/_sim/rtb/{scenario}?delay_ms=0&name=tried", platform.api_url());
    for (scenario, status, says) in [
        ("accept", 200, "\"phoneNumber\""),
        ("accept_sip", 200, "\"sipAddress\""),
        ("accept_with_expiration", 200, "\"expireInSeconds\":39"),
        ("reject", 200, "\"accepted\":false"),
        ("invalid_number", 200, "\"+1202555\""),
        ("timeout", 200, "\"accepted\":true"),
        ("slow", 200, "\"accepted\":true"),
        ("cached", 200, "230"),
        ("malformed", 200, "{"),
        ("nobody", 400, "Invalid scenario"),
    ] {
        let answer = ask(at_api(scenario)).await.expect("an answer");
        assert_eq!(answer.status(), status, "{scenario}");
        let text = answer.text().await.expect("text");
        assert!(text.contains(says), "{scenario}: {text}");
        let whole = serde_json::from_str::<Value>(&text).is_ok();
        assert_eq!(whole, scenario != "malformed", "{text}");
    }
    let mut huge = ask(at_api("huge")).await.expect("an answer");
    let mut read = 0;
    while read < 1_000_000 {
        read += huge.chunk().await.expect("a part").expect("no end yet").len();
    }
    drop(huge);
    // Fails at every first of two requests, under its own name.
    let flaky = || ask(format!("{}/_sim/rtb/flaky", platform.api_url()));
    assert_eq!(flaky().await.expect("an answer").status(), 503);
    assert_eq!(flaky().await.expect("an answer").status(), 200);
    // The same bidders as those that auctions ask.
    assert_eq!(platform.bidders().counts().of("tried").requests, 10);
    assert_eq!(platform.bidders().counts().of("flaky").requests, 2);
    platform.shutdown().await;
}
