//! Opening an account.

use serde_json::json;

use crate::people::{Browser, PASSWORD, open_account};
use crate::support::{World, target};

fn sign_up(email: &str) -> serde_json::Value {
    json!({"email": email, "name": "Ada", "account_name": "Ada's Calls", "currency": "EUR", "time_zone": "Europe/Berlin"})
}

#[tokio::test]
async fn from_the_mailed_link_to_an_account_with_its_owner_signed_in() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    browser.post("/api/auth/sign-up", sign_up("Ada@New.Example")).await.ok(202);
    assert!(!browser.is_signed_in().await, "nothing is opened before the link was followed");
    let token = world.mailer.token_for("ada@new.example").unwrap();
    let confirm = json!({"token": token, "password": PASSWORD});
    let me = browser.post("/api/auth/sign-up/confirm", confirm.clone()).await.ok(201);
    assert_eq!(me["user"]["role"], "owner");
    assert_eq!(me["user"]["email"], "ada@new.example");
    assert_eq!(me["account"]["name"], "Ada's Calls");
    assert_eq!(me["account"]["currency"], "EUR");
    let permissions = me["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("account:write")));

    assert_eq!(browser.get("/api/me").await.ok(200), me);
    browser.post("/api/targets", target("Front desk")).await.ok(201);
    browser.post("/api/auth/sign-up/confirm", confirm).await.refused(410, "token_invalid");

    let entries = world.desk.entries();
    let opened = entries.iter().find(|entry| entry.action == "account.opened").unwrap();
    assert_eq!(opened.object.as_deref(), me["account"]["id"].as_str());
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_another_mail() {
    let world = World::new().await;
    open_account(&world, world.tenant, "acme.example").await;
    let mut browser = Browser::new(&world);
    let known = browser.post("/api/auth/sign-up", sign_up("owner@acme.example")).await;
    let unknown = browser.post("/api/auth/sign-up", sign_up("ada@new.example")).await;
    assert_eq!((known.status, &known.text), (202, &unknown.text));
    assert_eq!(known.headers.get("set-cookie"), None);
    assert!(world.mailer.token_for("owner@acme.example").is_none());
    assert!(world.mailer.to("owner@acme.example")[0].text.contains("It has one already"));
    assert!(world.mailer.token_for("ada@new.example").is_some());
}

#[tokio::test]
async fn the_link_is_good_for_a_day_and_only_with_a_good_password() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    browser.post("/api/auth/sign-up", sign_up("adalovelace@new.example")).await.ok(202);
    let token = world.mailer.token_for("adalovelace@new.example").unwrap();
    let too_long = "x1".repeat(65);
    let wrong = [
        ("short", "length"),
        (too_long.as_str(), "length"),
        ("password1234", "common"),
        ("ffffffffffffffff", "common"),
        ("adalovelace@new.example", "personal"),
        ("ADALOVELACE ", "personal"),
    ];
    for (password, rule) in wrong {
        let body = json!({"token": token, "password": password});
        let problem = browser.post("/api/auth/sign-up/confirm", body).await.refused(422, "password_weak");
        assert_eq!(problem["fields"][0]["rule"], rule, "{password}");
    }
    world.clock.advance(24 * 60 * 60);
    let late = json!({"token": token, "password": PASSWORD});
    browser.post("/api/auth/sign-up/confirm", late).await.refused(410, "token_invalid");
}

#[tokio::test]
async fn broken_rules_name_their_field() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let body = json!({"email": "a@b.example", "name": "", "account_name": " ", "time_zone": "Mars/Base"});
    let problem = browser.post("/api/auth/sign-up", body).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "account_name", "time_zone"]);
    let problem = browser.post("/api/auth/sign-up", sign_up("nobody")).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "email");
    assert!(world.mailer.sent().is_empty());
}

#[tokio::test]
async fn nobody_makes_us_flood_a_mailbox() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    for _ in 0..8 {
        browser.post("/api/auth/sign-up", sign_up("ada@new.example")).await.ok(202);
    }
    assert_eq!(world.mailer.sent().len(), 5, "the answer stays the same, the mails stop");
    for number in 0..12 {
        browser.post("/api/auth/sign-up", sign_up(&format!("a{number}@new.example"))).await.ok(202);
    }
    let answer = browser.post("/api/auth/sign-up", sign_up("one@more.example")).await;
    answer.refused(429, "locked");
}
