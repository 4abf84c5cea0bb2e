//! Twilio accounts: proved before they are stored, one tenant's only, tokens never shown.

use app::ports::{AccountStanding, Accounts};
use domain::ids::AccountSid;
use serde_json::{Value, json};

use crate::support::{World, account};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "5eedf00d5eedf00d5eedf00d5eedf00d";
const SECOND: &str = "0ddba11c0ddba11c0ddba11c0ddba11c";

fn sid() -> AccountSid {
    SID.parse().unwrap()
}

fn wish() -> Value {
    json!({"account_sid": SID, "auth_token": TOKEN})
}

fn address() -> String {
    format!("/api/twilio-accounts/{SID}")
}

fn token_ids(account: &Value) -> Vec<String> {
    let tokens = account["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["id"].as_str().unwrap().to_owned()).collect()
}

/// A world in which the account is connected.
async fn connected() -> World {
    let world = World::new().await;
    world.post("/api/twilio-accounts", &wish()).await.ok(201);
    world
}

async fn tokens(world: &World) -> Vec<String> {
    let account = world.context.directory.tokens(&sid()).await.unwrap();
    account.map_or_else(Vec::new, |account| {
        account.tokens.iter().map(|token| token.expose().to_owned()).collect()
    })
}

#[tokio::test]
async fn an_account_is_connected_with_the_name_it_has_at_twilio_and_its_token_is_not_shown() {
    let world = World::new().await;
    let answer = world.post("/api/twilio-accounts", &wish()).await;
    let made = answer.ok(201);
    assert_eq!(answer.headers["location"].to_str().unwrap(), address());
    assert_eq!((&made["id"], &made["account_sid"], &made["version"]), (&json!(SID), &json!(SID), &json!(1)));
    assert_eq!(made["name"], "Roofing calls");
    assert_eq!(made["tokens"][0]["for_requests"], true);
    assert!(!answer.text.contains(TOKEN));
    let read = world.get(&address()).await;
    assert_eq!(read.ok(200), made);
    assert!(!read.text.contains(TOKEN));
    assert_eq!(world.telephony.tokens_tried().len(), 1, "Twilio was asked");
    assert_eq!(tokens(&world).await, [TOKEN], "and webhooks are believed at once");
    let row = world.accounts.account(&sid()).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&row).unwrap().contains(TOKEN), "{row:?}");
}

#[tokio::test]
async fn an_account_that_was_unknown_a_moment_ago_works_as_soon_as_it_is_connected() {
    let world = World::new().await;
    assert!(tokens(&world).await.is_empty());
    world.post("/api/twilio-accounts", &wish()).await.ok(201);
    assert_eq!(tokens(&world).await, [TOKEN]);
}

/// What the audit log says of accounts, oldest first.
async fn told(world: &World) -> Vec<Value> {
    let page = world.get("/api/audit-log?action=twilio_account").await.ok(200);
    page["items"].as_array().unwrap().iter().rev().cloned().collect()
}

#[tokio::test]
async fn every_deed_is_told_with_names_and_token_ids_and_no_token() {
    let world = World::new().await;
    let mut wish = wish();
    wish["name"] = json!("Ask anna@example.com");
    let first = token_ids(&world.post("/api/twilio-accounts", &wish).await.ok(201)).remove(0);
    let add = format!("{}/tokens", address());
    let second = token_ids(&world.post(&add, &json!({"auth_token": SECOND})).await.ok(201)).remove(1);
    let patch = json!({"version": 2, "name": "Main", "request_token": second});
    world.patch(&address(), &patch).await.ok(200);
    world.delete(&format!("{add}/{first}")).await.ok(200);
    // Refused, or nothing changed: not told.
    world.patch(&address(), &json!({"version": 4, "name": "Main"})).await.ok(200);
    world.patch(&address(), &json!({"version": 1, "name": "Late"})).await.refused(409, "version_conflict");
    world.send(&world.other_key, "DELETE", &address(), None).await.refused(404, "not_found");
    world.delete(&address()).await.ok(204);

    let told = told(&world).await;
    let actions: Vec<&str> = told.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let deeds = ["connected", "token_added", "updated", "token_dropped", "disconnected"];
    assert_eq!(actions, deeds.map(|deed| format!("twilio_account.{deed}")));
    let masked = told[0]["changes"][0]["after"].as_str().unwrap();
    assert!(masked.starts_with("Ask a***@example.com #"), "{masked}");
    let before_and_after = |entry: &Value, place: usize| {
        let change = &entry["changes"][place];
        (change["field"].clone(), change["before"].clone(), change["after"].clone())
    };
    let tokens = |before: Value, after: Value| (json!("tokens"), before, after);
    assert_eq!(before_and_after(&told[0], 1), tokens(Value::Null, json!([first])));
    assert_eq!(before_and_after(&told[1], 0), tokens(json!([first]), json!([first, second])));
    assert_eq!(before_and_after(&told[2], 0), (json!("name"), json!(masked), json!("Main")));
    assert_eq!(before_and_after(&told[2], 1), tokens(json!([first, second]), json!([second, first])));
    assert_eq!(before_and_after(&told[3], 0), tokens(json!([second, first]), json!([second])));
    assert_eq!(before_and_after(&told[4], 1), tokens(json!([second]), Value::Null));
    for entry in &told {
        assert_eq!(entry["object"], SID);
        assert_eq!(entry["actor"]["kind"], "api_key");
        assert_eq!(entry["origin"]["request_id"], "JKJaXmPLvHcESHA=");
        let text = entry.to_string();
        for hidden in [TOKEN, SECOND, "anna@", "v1.k1"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }
}

#[tokio::test]
async fn while_twilio_does_not_answer_nothing_is_stored_and_the_answer_says_whose_fault_it_is() {
    let world = connected().await;
    world.telephony.be_away(true);
    let third = json!({"account_sid": format!("AC{:032x}", 5), "auth_token": TOKEN});
    let added = json!({"auth_token": SECOND});
    for (address, body) in
        [("/api/twilio-accounts".to_owned(), third.clone()), (format!("{}/tokens", address()), added)]
    {
        let problem = world.post(&address, &body).await.refused(502, "carrier_away");
        assert!(problem["detail"].as_str().unwrap().starts_with("Twilio does not answer"), "{problem}");
    }
    assert_eq!(tokens(&world).await, [TOKEN]);
    world.get(&format!("/api/twilio-accounts/AC{:032x}", 5)).await.refused(404, "not_found");
    assert_eq!(told(&world).await.len(), 1);
    world.telephony.be_away(false);
    world.post("/api/twilio-accounts", &third).await.ok(201);
}

#[tokio::test]
async fn what_twilio_does_not_confirm_is_not_stored() {
    for (standing, field, rule) in [
        (AccountStanding::WrongToken, "auth_token", "credentials"),
        (AccountStanding::Suspended, "account_sid", "active"),
        (AccountStanding::Closed, "account_sid", "active"),
    ] {
        let world = World::new().await;
        world.telephony.account_stands(&sid(), standing);
        let answer = world.post("/api/twilio-accounts", &wish()).await;
        let problem = answer.refused(422, "invalid");
        assert_eq!(
            (&problem["fields"][0]["field"], &problem["fields"][0]["rule"]),
            (&json!(field), &json!(rule))
        );
        assert!(!answer.text.contains(TOKEN));
        assert_eq!(world.accounts.account(&sid()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_account_is_connected_in_one_place_only() {
    let world = connected().await;
    for key in [&world.key, &world.other_key] {
        let answer = world.send(key, "POST", "/api/twilio-accounts", Some(&wish())).await;
        let problem = answer.refused(409, "taken");
        assert_eq!(problem["fields"][0]["field"], "account_sid");
    }
    let guessed = World::new().await;
    guessed.telephony.account_stands(&account(guessed.other), AccountStanding::WrongToken);
    let wish = json!({"account_sid": account(guessed.other), "auth_token": TOKEN});
    let answer = guessed.post("/api/twilio-accounts", &wish).await;
    answer.refused(422, "invalid");
    assert!(
        !answer.text.contains("connected already"),
        "who cannot prove it learns nothing: {}",
        answer.text
    );
}

#[tokio::test]
async fn a_body_that_is_not_right_says_what_is_wrong_and_asks_nobody() {
    let world = World::new().await;
    for (body, field, rule) in [
        (json!({"auth_token": TOKEN}), "account_sid", "required"),
        (json!({"account_sid": "AC1", "auth_token": TOKEN}), "account_sid", "format"),
        (json!({"account_sid": SID}), "auth_token", "required"),
        (json!({"account_sid": SID, "auth_token": "short"}), "auth_token", "format"),
        (json!({"account_sid": SID, "auth_token": "with a space in the middle"}), "auth_token", "format"),
        (json!({"account_sid": SID, "auth_token": TOKEN, "name": " "}), "name", "length"),
        (json!({"account_sid": SID, "auth_token": TOKEN, "tenant": "x"}), "tenant", "unknown_field"),
    ] {
        let problem = world.post("/api/twilio-accounts", &body).await.refused(422, "invalid");
        let first = &problem["fields"][0];
        assert_eq!((&first["field"], &first["rule"]), (&json!(field), &json!(rule)), "{problem}");
    }
    assert!(world.telephony.tokens_tried().is_empty());
}

#[tokio::test]
async fn accounts_are_listed_by_name_without_those_of_others() {
    let world = connected().await;
    let named = json!({"account_sid": format!("AC{:032x}", 5), "auth_token": TOKEN, "name": "Zebra"});
    world.post("/api/twilio-accounts", &named).await.ok(201);
    let answer = world.get("/api/twilio-accounts").await;
    let page = answer.ok(200);
    let names: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A test", "Roofing calls", "Zebra"]);
    assert!(!answer.text.contains(TOKEN) && !answer.text.contains("v1.k1"), "{}", answer.text);
    let first = world.get("/api/twilio-accounts?limit=2").await.ok(200);
    let next = first["next"].as_str().unwrap();
    let rest = world.get(&format!("/api/twilio-accounts?limit=2&cursor={next}")).await.ok(200);
    assert_eq!((&rest["items"][0]["name"], rest["items"].as_array().unwrap().len()), (&json!("Zebra"), 1));
    let found = world.get("/api/twilio-accounts?search=zeb").await.ok(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    world.get("/api/twilio-accounts?colour=red").await.refused(400, "invalid_query");
}

#[tokio::test]
async fn a_rename_names_its_version() {
    let world = connected().await;
    let renamed = world.patch(&address(), &json!({"version": 1, "name": "Main"})).await.ok(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Main"), &json!(2)));
    let conflict = world.patch(&address(), &json!({"version": 1, "name": "Late"})).await;
    assert_eq!(conflict.refused(409, "version_conflict")["current_version"], 2);
    let same = world.patch(&address(), &json!({"version": 2, "name": "Main"})).await.ok(200);
    assert_eq!(same["version"], 2, "nothing changed");
    for (body, field) in [
        (json!({"name": "x"}), "version"),
        (json!({"version": 2, "name": ""}), "name"),
        (json!({"version": 2, "name": null}), "name"),
        (json!({"version": 2, "auth_token": TOKEN}), "auth_token"),
        (json!({"version": 2, "request_token": "00000000"}), "request_token"),
    ] {
        let problem = world.patch(&address(), &body).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_token_is_exchanged_without_a_gap() {
    let world = connected().await;
    let add = format!("{}/tokens", address());
    let added = world.post(&add, &json!({"auth_token": SECOND})).await;
    assert!(!added.text.contains(SECOND));
    let ids = token_ids(&added.ok(201));
    assert_eq!(tokens(&world).await, [TOKEN, SECOND], "both are believed, the old one is used for requests");

    let promoted = world.patch(&address(), &json!({"version": 2, "request_token": ids[1]})).await.ok(200);
    assert_eq!(token_ids(&promoted), [ids[1].clone(), ids[0].clone()]);
    assert_eq!(tokens(&world).await, [SECOND, TOKEN]);

    let old = format!("{add}/{}", ids[0]);
    let dropped = world.delete(&old).await.ok(200);
    assert_eq!(token_ids(&dropped), [ids[1].clone()]);
    assert_eq!(tokens(&world).await, [SECOND]);
    world.delete(&old).await.refused(404, "not_found");
    let last = world.delete(&format!("{add}/{}", ids[1])).await.refused(422, "invalid");
    assert!(last["detail"].as_str().unwrap().contains("only token"), "{last}");
    assert_eq!(tokens(&world).await, [SECOND]);
}

#[tokio::test]
async fn a_token_is_added_once_proved_and_four_are_enough() {
    let world = connected().await;
    let add = format!("{}/tokens", address());
    let again = world.post(&add, &json!({"auth_token": TOKEN})).await.refused(422, "invalid");
    assert_eq!(again["fields"][0]["rule"], "unique");
    world.telephony.account_stands(&sid(), AccountStanding::WrongToken);
    let wrong = world.post(&add, &json!({"auth_token": SECOND})).await.refused(422, "invalid");
    assert_eq!(wrong["fields"][0]["rule"], "credentials");
    world.telephony.account_stands(&sid(), AccountStanding::Active { name: String::new() });
    for number in 1..4 {
        let token = format!("{number:032}");
        world.post(&add, &json!({"auth_token": token})).await.ok(201);
    }
    let fifth = world.post(&add, &json!({"auth_token": SECOND})).await.refused(422, "invalid");
    assert_eq!(fifth["fields"][0]["rule"], "count");
    assert_eq!(tokens(&world).await.len(), 4);
}

#[tokio::test]
async fn an_account_that_numbers_use_stays_and_says_which() {
    let world = World::new().await;
    let own = world.set_up().await;
    let address = format!("/api/twilio-accounts/{}", account(world.tenant));
    let problem = world.delete(&address).await.refused(409, "in_use");
    assert_eq!(
        problem["used_by"],
        json!([{"kind": "phone_number", "id": own.number, "name": "+18335550100"}])
    );
    world.delete(&format!("/api/numbers/{}", own.number)).await.ok(204);
    world.delete(&address).await.ok(204);
    world.get(&address).await.refused(404, "not_found");
    world.delete(&address).await.refused(404, "not_found");
    let number = world.number("+18335550101", None);
    let problem = world.post("/api/numbers", &number).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "account_sid");
}

#[tokio::test]
async fn another_tenant_neither_sees_nor_touches_it() {
    let world = connected().await;
    let before = world.get(&address()).await.ok(200);
    let token = token_ids(&before).remove(0);
    let version = json!({"version": 1, "name": "Mine now"});
    let added = json!({"auth_token": SECOND});
    for (method, address, body) in [
        ("GET", address(), None),
        ("PATCH", address(), Some(&version)),
        ("DELETE", address(), None),
        ("POST", format!("{}/tokens", address()), Some(&added)),
        ("DELETE", format!("{}/tokens/{token}", address()), None),
    ] {
        world.send(&world.other_key, method, &address, body).await.refused(404, "not_found");
    }
    assert_eq!(world.get(&address()).await.ok(200), before);
    assert_eq!(world.telephony.tokens_tried().len(), 1, "and Twilio was not asked for them");
}
