//! Signing in and out: sessions, lock-out, nothing told to strangers.

use app::ports::{Act, Identity};
use serde_json::{Value, json};
use testkit::fakes::FakePasswords;

use crate::people::{Browser, PASSWORD, add_user, open_account};
use crate::support::{Answer, World};

const OWNER: &str = "owner@acme.example";

async fn world() -> World {
    let world = World::new().await;
    open_account(&world, world.tenant, "acme.example").await;
    world
}

/// A problem without what is different every time.
fn words(answer: &Answer) -> Value {
    let mut problem = answer.problem();
    for field in ["timestamp", "request_id"] {
        problem.as_object_mut().unwrap().remove(field);
    }
    problem
}

#[tokio::test]
async fn who_signs_in_is_known_until_they_sign_out() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let answer = browser.sign_in(" OWNER@acme.example ", PASSWORD).await.ok(200);
    assert_eq!(answer["status"], "signed_in");
    assert_eq!(answer["me"]["user"]["email"], OWNER);
    assert!(browser.is_signed_in().await);
    let old = browser.cookie.clone();
    browser.send("POST", "/api/auth/sign-out", None).await.ok(204);
    assert_eq!(browser.cookie, None);
    browser.cookie = old;
    assert!(!browser.is_signed_in().await, "also the kept cookie is worthless at once");
}

#[tokio::test]
async fn an_unknown_address_costs_a_verification_and_gets_the_same_words() {
    let world = world().await;
    let suspended = add_user(&world, "gone@acme.example", domain::access::Role::Manager).await;
    let mut owner = Browser::of(&world, OWNER).await;
    let change = json!({"version": 1, "status": "suspended"});
    owner.patch(&format!("/api/users/{suspended}"), change).await.ok(200);

    let mut answers = Vec::new();
    let guesses = [
        (OWNER, "not the password at all"),
        ("nobody@acme.example", PASSWORD),
        ("gone@acme.example", PASSWORD),
        ("not an address", PASSWORD),
    ];
    for (email, password) in guesses {
        let before = world.passwords.verified();
        let answer = Browser::new(&world).sign_in(email, password).await;
        assert_eq!(world.passwords.verified(), before + 1, "{email}");
        answer.refused(401, "wrong_credentials");
        assert!(answer.headers.contains_key("www-authenticate"));
        assert_eq!(answer.headers.get("set-cookie"), None);
        answers.push(words(&answer));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn ten_failures_lock_an_address_for_the_right_password_too() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    for _ in 0..12 {
        browser.sign_in(OWNER, PASSWORD).await.ok(200);
    }
    for _ in 0..10 {
        browser.sign_in(OWNER, "not the password").await.refused(401, "wrong_credentials");
    }
    let verified = world.passwords.verified();
    for password in ["not the password", PASSWORD] {
        let answer = Browser::new(&world).sign_in(OWNER, password).await;
        let problem = answer.refused(429, "locked");
        assert_eq!(problem["retry_after_s"], 900);
        assert_eq!(answer.headers["retry-after"], "900");
    }
    assert_eq!(world.passwords.verified(), verified, "nothing is judged any more");
    world.clock.advance(900);
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn an_unknown_address_is_locked_alike() {
    let world = world().await;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for _ in 0..12 {
        known.push(words(&Browser::new(&world).sign_in(OWNER, "wrong wrong wrong").await));
        unknown.push(words(&Browser::new(&world).sign_in("no@body.example", "wrong wrong wrong").await));
    }
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn fifty_failures_lock_the_network_address() {
    let world = world().await;
    for number in 0..50 {
        let answer = Browser::new(&world).sign_in(&format!("{number}@x.example"), "a wrong password").await;
        answer.refused(401, "wrong_credentials");
    }
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.refused(429, "locked");
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    let world = world().await;
    let mut browsers = Vec::new();
    for _ in 0..21 {
        world.clock.advance(1);
        browsers.push(Browser::of(&world, OWNER).await);
    }
    let mut signed_in = Vec::new();
    for browser in &mut browsers {
        signed_in.push(browser.is_signed_in().await);
    }
    assert_eq!(signed_in.iter().position(|is| *is), Some(1));
    assert_eq!(signed_in.iter().filter(|is| **is).count(), 20);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_in_any_case_after_two_weeks() {
    let world = world().await;
    let mut browser = Browser::of(&world, OWNER).await;
    world.clock.advance(12 * 3600 - 1);
    assert!(browser.is_signed_in().await, "and its use is noted");
    world.clock.advance(12 * 3600 - 1);
    assert!(browser.is_signed_in().await);
    world.clock.advance(12 * 3600);
    assert!(!browser.is_signed_in().await);

    let mut busy = Browser::of(&world, OWNER).await;
    for _ in 0..33 {
        world.clock.advance(10 * 3600);
        assert!(busy.is_signed_in().await);
    }
    world.clock.advance(6 * 3600);
    assert!(!busy.is_signed_in().await);
}

#[tokio::test]
async fn a_hash_of_yesterday_is_renewed_when_its_password_is_given() {
    let world = world().await;
    let (tenant, user) = world.identity.owner_of_email(&OWNER.parse().unwrap()).await.unwrap().unwrap();
    let mut credentials = world.identity.person(tenant, user).await.unwrap().unwrap().credentials;
    credentials.password = FakePasswords::old_hash(PASSWORD);
    credentials.revision = 2;
    let act = Act::ChangeCredentials { user, credentials, before: 1 };
    world.identity.commit(tenant, &[act], None).await.unwrap();

    Browser::new(&world).sign_in(OWNER, "not the password").await.refused(401, "wrong_credentials");
    assert_eq!(world.passwords.hashed(), 0);
    Browser::of(&world, OWNER).await;
    Browser::of(&world, OWNER).await;
    assert_eq!(world.passwords.hashed(), 1);
}

#[tokio::test]
async fn failed_and_done_sign_ins_stand_in_the_audit_log_without_an_address() {
    let world = world().await;
    Browser::new(&world).sign_in(OWNER, "not the password").await.refused(401, "wrong_credentials");
    Browser::of(&world, OWNER).await;
    let entries = world.desk.entries();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["session.refused", "session.began"]);
    assert!(!serde_json::to_string(&entries).unwrap().contains("owner@"));
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let world = world().await;
    let body = json!({"email": OWNER, "password": PASSWORD}).to_string();
    let headers =
        [(http::header::ORIGIN, "https://evil.example"), (http::header::CONTENT_TYPE, "application/json")];
    world.raw("POST", "/api/auth/sign-in", &headers, body).await.refused(403, "cross_site");
}
