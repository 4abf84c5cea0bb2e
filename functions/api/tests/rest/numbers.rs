//! Numbers and Twilio: proved, searched, bought, imported, assigned, verified, released.

use app::numbers::application_name;
use app::ports::CarrierRefusal;
use domain::ids::AccountSid;
use serde_json::{Value, json};
use testkit::fakes::TwilioSays;

use crate::support::{FOR_SALE, SetUp, World, account, phone};

const OURS: &str = "+18335550100";

async fn world() -> (World, SetUp) {
    let world = World::new().await;
    let own = world.set_up().await;
    (world, own)
}

/// Two numbers that can be bought, a third that is gone by then.
fn stock(world: &World) {
    for number in ["+12025550141", FOR_SALE] {
        world.telephony.say(&phone(number), TwilioSays::ForSale);
    }
    world.telephony.say(&phone("+12025550199"), TwilioSays::Refuses(CarrierRefusal::NotAvailable));
}

fn numbers(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["number"].as_str().unwrap()).collect()
}

fn codes(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_number_shows_what_twilio_says_of_it() {
    let (world, own) = world().await;
    let number = world.get(&format!("/api/numbers/{}", own.number)).await.ok(200);
    assert_eq!(
        number["twilio"],
        json!({
            "sid": format!("PN{:0>32}", "18335550100"), "friendly_name": OURS, "kind": "toll_free", "country": null,
            "capabilities": {"voice": true, "sms": false, "mms": false, "fax": false}
        })
    );
    for (method, address, body) in [
        (
            "POST",
            "/api/numbers".to_owned(),
            json!({"number": "+18335550101", "account_sid": own.account, "twilio": null}),
        ),
        ("PATCH", format!("/api/numbers/{}", own.number), json!({"version": 1, "twilio": null})),
    ] {
        let problem = world.send(&world.key, method, &address, Some(&body)).await.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!("twilio"), &json!("read_only"))
        );
    }
}

#[tokio::test]
async fn nobody_claims_a_number_that_their_account_does_not_have() {
    let (world, own) = world().await;
    world.telephony.say(&phone("+18335550155"), TwilioSays::NotYours);
    let squatted = world.number("+18335550155", Some(&own.campaign));
    let problem = world.post("/api/numbers", &squatted).await.refused(422, "invalid");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("number"), &json!("owned"))
    );
    assert_eq!(world.pages.document(&phone("+18335550155")), None);
    // Nothing was claimed: its owner can set it up.
    world.telephony.say(&phone("+18335550155"), TwilioSays::Done);
    let theirs = json!({"number": "+18335550155", "account_sid": account(world.other)});
    world.send(&world.other_key, "POST", "/api/numbers", Some(&theirs)).await.ok(201);
}

#[tokio::test]
async fn what_twilio_refuses_and_what_it_does_not_answer_are_told_apart() {
    let (world, _) = world().await;
    world.telephony.say(&phone("+18335550156"), TwilioSays::Silence);
    world.post("/api/numbers", &world.number("+18335550156", None)).await.refused(503, "busy");
    world.telephony.say(&phone("+18335550156"), TwilioSays::Broken("the network is down"));
    let answer = world.post("/api/numbers", &world.number("+18335550156", None)).await;
    answer.refused(500, "internal");
    assert!(!answer.text.contains("network"));
}

#[tokio::test]
async fn numbers_are_searched() {
    let (world, own) = world().await;
    stock(&world);
    let address = format!("/api/numbers/available?account_sid={}&area_code=202&limit=2", own.account);
    let found = world.get(&address).await.ok(200);
    assert_eq!(numbers(&found), ["+12025550141", FOR_SALE]);
    assert_eq!(found["items"][0]["capabilities"]["voice"], true);
    let nothing =
        world.get(&format!("/api/numbers/available?account_sid={}&area_code=533", own.account)).await;
    let problem = nothing.refused(422, "carrier_refused");
    assert_eq!(
        (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
        (&json!("area_code"), &json!("no_numbers_in_area"))
    );
}

#[tokio::test]
async fn a_search_is_checked_before_twilio_is_asked() {
    let (world, own) = world().await;
    let with = |rest: &str| format!("/api/numbers/available?account_sid={}&{rest}", own.account);
    for (query, field, rule) in [
        ("/api/numbers/available".to_owned(), "account_sid", "required"),
        ("/api/numbers/available?account_sid=AC1".to_owned(), "account_sid", "format"),
        (with("country=usa"), "country", "format"),
        (with("kind=pager"), "kind", "choice"),
        (with("area_code=20"), "area_code", "format"),
        (with("area_code=102"), "area_code", "format"),
        (with("country=GB&area_code=202"), "area_code", "country"),
        (with("contains=%26VoiceEnabled"), "contains", "format"),
        (with("limit=51"), "limit", "range"),
        (with("colour=red"), "colour", "unknown_parameter"),
        (with("limit=1&limit=2"), "limit", "repeated"),
    ] {
        let problem = world.get(&query).await.refused(400, "invalid_query");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(field), &json!(rule)),
            "{query}"
        );
    }
    let foreign = format!("/api/numbers/available?account_sid={}", account(world.other));
    let problem = world.get(&foreign).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "account_sid");
}

#[tokio::test]
async fn a_bought_number_rings_here_at_once() {
    let (world, own) = world().await;
    stock(&world);
    let body = json!({
        "account_sid": own.account, "number": FOR_SALE,
        "publisher": own.publisher, "fallback_number": "+12025550188"
    });
    let answer = world.post("/api/numbers/buy", &body).await;
    let bought = answer.ok(201);
    assert_eq!(answer.headers["location"], format!("/api/numbers/{}", bought["id"].as_str().unwrap()));
    assert_eq!((&bought["number"], &bought["twilio"]["country"]), (&json!(FOR_SALE), &json!("US")));
    assert!(bought.get("warnings").is_none(), "{bought}");
    assert_eq!(world.telephony.bought(), [phone(FOR_SALE)]);
    let (in_account, hooks) = world.telephony.routing(&phone(FOR_SALE)).unwrap();
    assert_eq!(in_account, account(world.tenant));
    assert_eq!(hooks.fallback_url, "https://cdn.example.com/fallback/by-number.xml");
    assert!(world.pages.document(&phone(FOR_SALE)).unwrap().contains("+12025550188"));
}

#[tokio::test]
async fn a_number_bought_for_a_published_campaign_falls_back_as_the_campaign_does() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    let bought = world.post("/api/numbers/buy", &world.number(FOR_SALE, Some(&own.campaign))).await.ok(201);
    assert!(bought.get("warnings").is_none(), "{bought}");
    assert!(world.pages.document(&phone(FOR_SALE)).unwrap().contains("+12025550180"));
}

#[tokio::test]
async fn a_number_bought_for_a_campaign_that_waits_has_its_document_already() {
    let (world, own) = world().await;
    world.post("/api/numbers/buy", &world.number(FOR_SALE, Some(&own.campaign))).await.ok(201);
    assert!(world.telephony.routing(&phone(FOR_SALE)).is_some());
    assert!(world.pages.document(&phone(FOR_SALE)).unwrap().contains("We are sorry"));
}

#[tokio::test]
async fn nothing_is_bought_twice() {
    let (world, _) = world().await;
    let body = world.number(FOR_SALE, None);
    let id = world.post("/api/numbers/buy", &body).await.id();
    world.post("/api/numbers/buy", &body).await.refused(409, "taken");
    // The number is in the account, but its setting up was lost: buying again sets it up and buys nothing.
    world.delete(&format!("/api/numbers/{id}")).await.ok(204);
    let again = world.post("/api/numbers/buy", &body).await.ok(201);
    assert_eq!(codes(&again["warnings"]), ["already_owned"]);
    assert_eq!(world.telephony.bought(), [phone(FOR_SALE)]);
}

#[tokio::test]
async fn what_would_be_refused_is_refused_before_money_is_spent() {
    let (world, own) = world().await;
    let nowhere = format!("CA{}", "0".repeat(32));
    for (body, field) in [
        (json!({"account_sid": own.account, "number": FOR_SALE, "campaign": nowhere}), "campaign"),
        (json!({"account_sid": account(world.other), "number": FOR_SALE}), "account_sid"),
        (
            json!({"account_sid": own.account, "number": FOR_SALE, "fallback_number": FOR_SALE}),
            "fallback_number",
        ),
        (json!({"account_sid": own.account, "number": "555"}), "number"),
        (json!({"account_sid": own.account}), "number"),
        (json!({"account_sid": own.account, "number": FOR_SALE, "area_code": 202}), "area_code"),
    ] {
        let problem = world.post("/api/numbers/buy", &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field, "{problem}");
    }
    world.post("/api/numbers/buy", &world.number(OURS, None)).await.refused(409, "taken");
    assert_eq!(world.telephony.bought(), []);
}

#[tokio::test]
async fn refusals_of_a_purchase_say_what_to_do() {
    let (world, _) = world().await;
    for (refusal, field) in [
        (CarrierRefusal::NotAvailable, "number"),
        (CarrierRefusal::InvalidNumber, "number"),
        (CarrierRefusal::TrialLimit, "account_sid"),
        (CarrierRefusal::AddressRequired, "number"),
        (CarrierRefusal::BundleRequired, "number"),
        (CarrierRefusal::NotAuthorised, "account_sid"),
        (CarrierRefusal::Other { code: Some(21_999) }, "number"),
    ] {
        world.telephony.say(&phone("+12025550143"), TwilioSays::Refuses(refusal));
        let answer = world.post("/api/numbers/buy", &world.number("+12025550143", None)).await;
        let problem = answer.refused(422, "carrier_refused");
        assert_eq!(problem["fields"][0]["field"], field);
        assert_eq!(problem["fields"][0]["rule"], refusal.code());
        assert_eq!(problem["fields"][0]["message"], refusal.words());
    }
    assert_eq!(world.get("/api/numbers?search=5550143").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn numbers_of_the_account_are_imported_each_for_itself() {
    let (world, own) = world().await;
    let sid: AccountSid = own.account.parse().unwrap();
    for number in [OURS, "+18335550161", "+18335550162"] {
        world.telephony.list(&sid, &phone(number));
    }
    let importable = world.get(&format!("/api/numbers/importable?account_sid={sid}")).await.ok(200);
    assert_eq!(numbers(&importable), ["+18335550161", "+18335550162"]);
    assert_eq!(importable["items"][0]["kind"], "toll_free");

    let theirs = json!({"number": "+18335550163", "account_sid": account(world.other)});
    world.send(&world.other_key, "POST", "/api/numbers", Some(&theirs)).await.ok(201);
    world.telephony.say(&phone("+18335550164"), TwilioSays::NotYours);
    world.telephony.say(&phone("+18335550165"), TwilioSays::Broken("20003"));
    let body = json!({
        "account_sid": sid, "campaign": own.campaign,
        "numbers": [
            OURS, "+18335550161", "+18335550161", "+18335550162", "+18335550163", "+18335550164", "+18335550165"
        ]
    });
    let imported = world.post("/api/numbers/import", &body).await.ok(200);
    let outcomes: Vec<(&str, &str)> = imported["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["number"].as_str().unwrap(), item["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (OURS, "already_here"),
            ("+18335550161", "imported"),
            ("+18335550162", "imported"),
            ("+18335550163", "taken"),
            ("+18335550164", "not_in_account"),
            ("+18335550165", "failed"),
        ]
    );
    let id = imported["items"][1]["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/api/numbers/{id}")).await.ok(200)["campaign"], json!(own.campaign));
    // An import alone leads no call here.
    assert_eq!(world.telephony.routing(&phone("+18335550161")), None);
    let left = world.get(&format!("/api/numbers/importable?account_sid={sid}")).await.ok(200);
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn an_import_is_bounded_and_its_campaign_must_exist() {
    let (world, own) = world().await;
    let many: Vec<String> = (0..101).map(|number| format!("+1202555{number:04}")).collect();
    for (numbers, campaign, field) in [
        (json!([]), Value::Null, "numbers"),
        (json!(many), Value::Null, "numbers"),
        (json!(["+18335550161"]), json!(format!("CA{}", "0".repeat(32))), "campaign"),
    ] {
        let body = json!({"account_sid": own.account, "numbers": numbers, "campaign": campaign});
        let problem = world.post("/api/numbers/import", &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field);
    }
    let foreign = json!({"account_sid": account(world.other), "numbers": ["+18335550161"]});
    world.post("/api/numbers/import", &foreign).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_number_is_assigned_and_taken_off() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/numbers/{}/assign", own.number);
    let off = world.post(&address, &json!({"version": 1, "campaign": null})).await.ok(200);
    assert_eq!((&off["version"], &off["campaign"]), (&json!(2), &json!(null)));
    assert!(!world.pages.document(&phone(OURS)).unwrap().contains("Dial"));
    let on = world.post(&address, &json!({"version": 2, "campaign": own.campaign})).await.ok(200);
    assert_eq!((&on["version"], &on["campaign"]), (&json!(3), &json!(own.campaign)));
    assert!(world.pages.document(&phone(OURS)).unwrap().contains("+12025550180"));
    world.post(&address, &json!({"version": 1, "campaign": null})).await.refused(409, "version_conflict");
    for (body, field) in [
        (json!({"version": 3}), "campaign"),
        (json!({"version": 3, "campaign": null, "number": "+1"}), "number"),
        (json!({"campaign": null}), "version"),
    ] {
        let problem = world.post(&address, &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field);
    }
}

#[tokio::test]
async fn what_drifted_is_found_and_put_right() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/numbers/{}/verify", own.number);
    let verify = async || world.send(&world.key, "POST", &address, None).await.ok(200);
    let well = verify().await;
    assert_eq!((&well["ok"], &well["findings"]), (&json!(true), &json!([])));

    world.telephony.lead_elsewhere(&phone(OURS));
    world.telephony.tamper();
    world.telephony.rename(&phone(OURS), "Front desk");
    world.pages.lose(&phone(OURS));
    let found = verify().await;
    assert_eq!(
        codes(&found["findings"]),
        ["details_changed", "application_changed", "wrong_application", "fallback_missing"]
    );
    assert_eq!(found["ok"], true, "all of it was repaired: {found}");
    let (_, hooks) = world.telephony.routing(&phone(OURS)).unwrap();
    assert_eq!(hooks.voice_url, "https://calls.example.com/twilio/voice/inbound");
    assert!(world.pages.document(&phone(OURS)).unwrap().contains("+12025550180"));
    let number = world.get(&format!("/api/numbers/{}", own.number)).await.ok(200);
    assert_eq!((&number["twilio"]["friendly_name"], &number["version"]), (&json!("Front desk"), &json!(2)));
    assert_eq!(verify().await["findings"], json!([]));

    world.telephony.say(&phone(OURS), TwilioSays::NotYours);
    let gone = verify().await;
    assert_eq!((codes(&gone["findings"]), &gone["ok"]), (vec!["not_in_account"], &json!(false)));
    world.telephony.say(&phone(OURS), TwilioSays::Silence);
    assert_eq!(codes(&verify().await["findings"]), ["not_checked"]);
}

#[tokio::test]
async fn a_document_that_cannot_be_repaired_says_so() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    world.pages.lose(&phone(OURS));
    world.pages.fail(true);
    let address = format!("/api/numbers/{}/verify", own.number);
    let found = world.send(&world.key, "POST", &address, None).await.ok(200);
    assert_eq!((codes(&found["findings"]), &found["ok"]), (vec!["fallback_missing"], &json!(false)));
}

#[tokio::test]
async fn all_numbers_are_verified_some_at_a_time() {
    let (world, own) = world().await;
    for last in 1..=11 {
        let number = format!("+183355502{last:02}");
        world.telephony.list(&own.account.parse().unwrap(), &phone(&number));
        world.post("/api/numbers", &world.number(&number, Some(&own.campaign))).await.ok(201);
    }
    world.telephony.list(&own.account.parse().unwrap(), &phone(OURS));
    world.publish(&own.campaign).await.ok(200);
    world.telephony.lead_elsewhere(&phone("+18335550203"));
    let mut found = Vec::new();
    let mut seen = 0;
    let mut body = json!({"limit": 9});
    loop {
        let page = world.post("/api/numbers/verify", &body).await.ok(200);
        for item in page["items"].as_array().unwrap() {
            seen += 1;
            if item["findings"] != json!([]) {
                found.push((
                    item["number"].clone(),
                    codes(&item["findings"])[0].to_owned(),
                    item["ok"].clone(),
                ));
            }
        }
        match page["next"].as_str() {
            Some(next) => body["cursor"] = json!(next),
            None => break,
        }
    }
    assert_eq!(seen, 12);
    assert_eq!(found, [(json!("+18335550203"), "wrong_application".to_owned(), json!(true))]);
    world.post("/api/numbers/verify", &json!({"limit": 0})).await.refused(422, "invalid");
    world.post("/api/numbers/verify", &json!({"cursor": "x"})).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn a_removed_number_is_taken_off_our_application_and_stays_in_the_account() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    assert!(world.telephony.routing(&phone(OURS)).is_some());
    world.delete(&format!("/api/numbers/{}", own.number)).await.ok(204);
    assert_eq!(world.telephony.routing(&phone(OURS)), None);
    assert!(!world.pages.document(&phone(OURS)).unwrap().contains("Dial"));
    assert_eq!(world.telephony.released(), []);
    world.post("/api/numbers", &world.number(OURS, None)).await.ok(201);
}

#[tokio::test]
async fn a_number_that_twilio_does_not_know_any_more_can_be_removed_and_one_that_it_does_not_speak_of_waits()
{
    let (world, own) = world().await;
    let address = format!("/api/numbers/{}", own.number);
    world.telephony.say(&phone(OURS), TwilioSays::Silence);
    world.delete(&address).await.refused(503, "busy");
    world.get(&address).await.ok(200);
    world.telephony.say(&phone(OURS), TwilioSays::NotYours);
    world.delete(&address).await.ok(204);
    world.get(&address).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_number_is_given_back_to_twilio_only_when_it_is_named_again() {
    let (world, own) = world().await;
    world.publish(&own.campaign).await.ok(200);
    let address = format!("/api/numbers/{}/release", own.number);
    for confirm in ["", "yes", "18335550100", "+18335550101"] {
        let problem = world.post(&address, &json!({"confirm": confirm})).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], "confirm");
    }
    assert_eq!(world.telephony.released(), []);
    world.post(&address, &json!({"confirm": OURS})).await.ok(204);
    assert_eq!(world.telephony.released(), [phone(OURS)]);
    world.get(&format!("/api/numbers/{}", own.number)).await.refused(404, "not_found");
    assert!(!world.pages.document(&phone(OURS)).unwrap().contains("Dial"));
    world.post(&address, &json!({"confirm": OURS})).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_release_that_stopped_half_way_is_finished_by_asking_again() {
    let (world, own) = world().await;
    let address = format!("/api/numbers/{}/release", own.number);
    world.pages.fail(true);
    world.post(&address, &json!({"confirm": OURS})).await.refused(500, "internal");
    assert_eq!(world.telephony.released(), [phone(OURS)]);
    world.pages.fail(false);
    world.post(&address, &json!({"confirm": OURS})).await.ok(204);
    assert_eq!(world.telephony.released(), [phone(OURS)], "given back once");
}

#[test]
fn an_installation_has_its_own_application_name_within_twilios_limit() {
    let name = application_name("production", "https://voice.example.com");
    assert_eq!(name, "callcenter-pro production voice.example.com");
    let long = |last: char| {
        application_name("production", &format!("https://{}.example.com:8443{last}", "a".repeat(60)))
    };
    assert_eq!(long('1').chars().count(), 64);
    assert_ne!(long('1'), long('2'), "told apart by what was cut off");
    assert_ne!(
        application_name("dev", "https://a.example"),
        application_name("staging", "https://a.example")
    );
}
