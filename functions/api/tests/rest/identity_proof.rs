//! What people prove themselves with: passwords, addresses, second factors.

use app::identity::totp;
use domain::access::Role;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::people::{Browser, PASSWORD, add_user, open_account, secret};
use crate::support::{NOW, World};

const OWNER: &str = "owner@acme.example";
const NEW: &str = "quite another password";

async fn world() -> World {
    let world = World::new().await;
    open_account(&world, world.tenant, "acme.example").await;
    world
}

#[tokio::test]
async fn a_new_password_ends_every_other_sign_in_and_renews_ones_own() {
    let world = world().await;
    let mut other = Browser::of(&world, OWNER).await;
    let mut own = Browser::of(&world, OWNER).await;
    let old_cookie = own.cookie.clone();
    let wrong = json!({"old_password": "not the old one", "password": NEW});
    own.post("/api/me/password", wrong).await.refused(403, "wrong_password");
    let weak = json!({"old_password": PASSWORD, "password": "acme calls"});
    own.post("/api/me/password", weak).await.refused(422, "password_weak");
    own.post("/api/me/password", json!({"old_password": PASSWORD, "password": NEW})).await.ok(204);
    assert_ne!(own.cookie, old_cookie);
    assert!(own.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    own.cookie = old_cookie;
    assert!(!own.is_signed_in().await);
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.refused(401, "wrong_credentials");
    Browser::new(&world).sign_in(OWNER, NEW).await.ok(200);
    assert!(world.mailer.to(OWNER).last().unwrap().subject.contains("password was changed"));
}

#[tokio::test]
async fn a_change_of_the_password_that_is_repeated_with_its_key_keeps_the_browser_signed_in() {
    let world = world().await;
    let mut browser = Browser::of(&world, OWNER).await;
    let body = json!({"old_password": PASSWORD, "password": NEW});
    let first = browser.post_once("one", "/api/me/password", body.clone()).await;
    first.ok(204);
    let again = browser.post_once("one", "/api/me/password", body).await;
    again.ok(204);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["set-cookie"], first.headers["set-cookie"]);
    assert!(browser.is_signed_in().await);
    assert_eq!(world.mailer.to(OWNER).len(), 1, "it was changed once");
}

#[tokio::test]
async fn guessing_the_password_while_signed_in_is_slow_too() {
    let world = world().await;
    let mut browser = Browser::of(&world, OWNER).await;
    for _ in 0..10 {
        let body = json!({"old_password": "not the old one", "password": NEW});
        browser.post("/api/me/password", body).await.refused(403, "wrong_password");
    }
    let right = json!({"old_password": PASSWORD, "password": NEW});
    browser.post("/api/me/password", right).await.refused(429, "locked");
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once_with_the_mailed_link() {
    let world = world().await;
    let mut signed_in = Browser::of(&world, OWNER).await;
    let mut browser = Browser::new(&world);
    let known = browser.post("/api/auth/password-reset", json!({"email": OWNER})).await;
    let unknown = browser.post("/api/auth/password-reset", json!({"email": "no@body.example"})).await;
    assert_eq!((known.status, &known.text), (202, &unknown.text));
    assert_eq!(world.mailer.sent().len(), 1);
    let first = world.mailer.token_for(OWNER).unwrap();
    browser.post("/api/auth/password-reset", json!({"email": OWNER})).await.ok(202);
    let second = world.mailer.token_for(OWNER).unwrap();

    let weak = json!({"token": first, "password": "owner"});
    browser.post("/api/auth/password-reset/confirm", weak).await.refused(422, "password_weak");
    let good = json!({"token": first, "password": NEW});
    browser.post("/api/auth/password-reset/confirm", good.clone()).await.ok(204);
    browser.post("/api/auth/password-reset/confirm", good).await.refused(410, "token_invalid");
    let stale = json!({"token": second, "password": "yet another password"});
    browser.post("/api/auth/password-reset/confirm", stale).await.refused(410, "token_invalid");
    assert!(!signed_in.is_signed_in().await);
    browser.sign_in(OWNER, NEW).await.ok(200);
}

#[tokio::test]
async fn a_link_is_good_for_an_hour_and_for_its_own_purpose() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    browser.post("/api/auth/password-reset", json!({"email": OWNER})).await.ok(202);
    let token = world.mailer.token_for(OWNER).unwrap();
    let body = json!({"token": token, "password": NEW});
    browser.post("/api/auth/sign-up/confirm", body.clone()).await.refused(410, "token_invalid");
    browser.post("/api/auth/email/confirm", json!({"token": token})).await.refused(410, "token_invalid");
    let code = json!({"token": token, "code": "123456"});
    browser.post("/api/auth/sign-in/second-factor", code).await.refused(410, "token_invalid");
    world.clock.advance(3600);
    browser.post("/api/auth/password-reset/confirm", body).await.refused(410, "token_invalid");
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_does_not_tell_that_the_address_is_known() {
    let world = world().await;
    world.mailer.be_down(true);
    let mut browser = Browser::new(&world);
    for email in [OWNER, "no@body.example"] {
        browser.post("/api/auth/password-reset", json!({"email": email})).await.ok(202);
    }
}

#[tokio::test]
async fn another_address_is_confirmed_there_and_told_to_the_old_one() {
    let world = world().await;
    let mut browser = Browser::of(&world, OWNER).await;
    let body = json!({"email": "boss@acme.example", "password": "not the password"});
    browser.post("/api/me/email", body).await.refused(403, "wrong_password");
    let same = json!({"email": OWNER, "password": PASSWORD});
    browser.post("/api/me/email", same).await.refused(422, "invalid");
    let body = json!({"email": "boss@acme.example", "password": PASSWORD});
    browser.post("/api/me/email", body).await.ok(202);
    assert!(world.mailer.to(OWNER)[0].subject.contains("about to change"));
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.ok(200);

    let token = world.mailer.token_for("boss@acme.example").unwrap();
    let mut anywhere = Browser::new(&world);
    anywhere.post("/api/auth/email/confirm", json!({"token": token})).await.ok(204);
    anywhere.post("/api/auth/email/confirm", json!({"token": token})).await.refused(410, "token_invalid");
    assert!(browser.is_signed_in().await);
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.refused(401, "wrong_credentials");
    Browser::of(&world, "boss@acme.example").await;
    let entries = serde_json::to_string(&world.desk.entries()).unwrap();
    assert!(entries.contains("b***@acme.example #"), "{entries}");
    assert!(!entries.contains("boss@") && !entries.contains("owner@"));
}

#[tokio::test]
async fn an_address_that_signs_in_elsewhere_is_not_taken_over() {
    let world = world().await;
    add_user(&world, "analyst@acme.example", Role::Analyst).await;
    let mut browser = Browser::of(&world, OWNER).await;
    let body = json!({"email": "analyst@acme.example", "password": PASSWORD});
    browser.post("/api/me/email", body).await.ok(202);
    let token = world.mailer.token_for("analyst@acme.example").unwrap();
    browser.post("/api/auth/email/confirm", json!({"token": token})).await.refused(409, "taken");
}

async fn enrolled(world: &World) -> (Browser<'_>, String, Vec<Value>) {
    let mut browser = Browser::of(world, OWNER).await;
    let begun = browser.post("/api/me/second-factor", json!({"password": PASSWORD})).await.ok(200);
    let seed = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["uri"].as_str().unwrap().contains(&format!("secret={seed}&issuer=CallCenter%20Pro")));
    let wrong = browser.post("/api/me/second-factor/confirm", json!({"code": "000000"})).await;
    assert!([403, 200].contains(&wrong.status));
    let code = code(&seed, world);
    let on = browser.post("/api/me/second-factor/confirm", json!({"code": code})).await.ok(200);
    let codes = on["recovery_codes"].as_array().unwrap().clone();
    (browser, seed, codes)
}

fn code(seed: &str, world: &World) -> String {
    totp::code_at(&secret(seed), app::clock::Clock::now(world.clock.as_ref())).unwrap()
}

async fn first_step(world: &World) -> String {
    let answer = Browser::new(world).sign_in(OWNER, PASSWORD).await;
    assert_eq!(answer.headers.get("set-cookie"), None);
    let answer = answer.ok(200);
    assert_eq!(answer["status"], "second_factor_needed");
    answer["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_factor_asks_for_a_code_which_is_good_once() {
    let world = world().await;
    let mut before = Browser::of(&world, OWNER).await;
    let (mut browser, seed, codes) = enrolled(&world).await;
    assert_eq!(codes.len(), 10);
    assert!(browser.is_signed_in().await, "with a new cookie");
    assert!(!before.is_signed_in().await, "what signed in without a code has ended");

    let token = first_step(&world).await;
    let used = json!({"token": token, "code": code(&seed, &world)});
    browser.post("/api/auth/sign-in/second-factor", used).await.refused(403, "wrong_code");
    world.clock.advance(30);
    let good = json!({"token": token, "code": code(&seed, &world)});
    let mut other = Browser::new(&world);
    other.post("/api/auth/sign-in/second-factor", good.clone()).await.ok(200);
    assert!(other.is_signed_in().await);
    other.post("/api/auth/sign-in/second-factor", good.clone()).await.refused(410, "token_invalid");
    let again = json!({"token": first_step(&world).await, "code": good["code"]});
    other.post("/api/auth/sign-in/second-factor", again).await.refused(403, "wrong_code");
}

#[tokio::test]
async fn the_token_of_the_first_step_is_no_session_and_lasts_five_minutes() {
    let world = world().await;
    let (_, seed, _) = enrolled(&world).await;
    let token = first_step(&world).await;
    let mut thief = Browser::new(&world);
    thief.cookie = Some(format!("__Host-ccp_session={token}"));
    assert!(!thief.is_signed_in().await);
    world.clock.advance(300);
    let late = json!({"token": token, "code": code(&seed, &world)});
    Browser::new(&world).post("/api/auth/sign-in/second-factor", late).await.refused(410, "token_invalid");
}

#[tokio::test]
async fn a_recovery_code_is_good_once_however_it_is_written() {
    let world = world().await;
    let (_, _, codes) = enrolled(&world).await;
    let code = codes[3].as_str().unwrap().to_lowercase().replace('-', " ");
    for status in [200, 403] {
        let body = json!({"token": first_step(&world).await, "code": code});
        let answer = Browser::new(&world).post("/api/auth/sign-in/second-factor", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn ten_wrong_codes_lock_the_second_step() {
    let world = world().await;
    let (_, seed, _) = enrolled(&world).await;
    world.clock.advance(90);
    let token = first_step(&world).await;
    for _ in 0..10 {
        let body = json!({"token": token, "code": "no code"});
        Browser::new(&world).post("/api/auth/sign-in/second-factor", body).await.refused(403, "wrong_code");
    }
    let body = json!({"token": token, "code": code(&seed, &world)});
    Browser::new(&world).post("/api/auth/sign-in/second-factor", body).await.refused(429, "locked");
}

#[tokio::test]
async fn switching_it_off_takes_the_password_and_ends_the_other_sign_ins() {
    let world = world().await;
    let (mut browser, seed, _) = enrolled(&world).await;
    world.clock.advance(60);
    let mut other = Browser::new(&world);
    let body = json!({"token": first_step(&world).await, "code": code(&seed, &world)});
    other.post("/api/auth/sign-in/second-factor", body).await.ok(200);
    let again = browser.post("/api/me/second-factor", json!({"password": PASSWORD})).await;
    again.refused(409, "wrong_state");
    let wrong = Some(json!({"password": "not the password"}));
    browser.send("DELETE", "/api/me/second-factor", wrong).await.refused(403, "wrong_password");
    let right = Some(json!({"password": PASSWORD}));
    browser.send("DELETE", "/api/me/second-factor", right.clone()).await.ok(204);
    assert!(browser.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    browser.send("DELETE", "/api/me/second-factor", right).await.refused(409, "wrong_state");
    Browser::of(&world, OWNER).await;
}

#[tokio::test]
async fn one_that_was_begun_waits_a_quarter_of_an_hour() {
    let world = world().await;
    let mut browser = Browser::of(&world, OWNER).await;
    let begun = browser.post("/api/me/second-factor", json!({"password": PASSWORD})).await.ok(200);
    world.clock.advance(15 * 60);
    let body = json!({"code": code(begun["secret"].as_str().unwrap(), &world)});
    browser.post("/api/me/second-factor/confirm", body).await.refused(409, "wrong_state");
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_whom_they_belong_to() {
    let world = world().await;
    add_user(&world, "analyst@acme.example", Role::Analyst).await;
    let mut analyst = Browser::of(&world, "analyst@acme.example").await;
    let mut one = Browser::of(&world, OWNER).await;
    let mut two = Browser::of(&world, OWNER).await;
    let mut three = Browser::of(&world, OWNER).await;
    let listed = one.get("/api/me/sessions").await.ok(200)["items"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed.iter().filter(|session| session["current"] == true).count(), 1);
    let expires: Timestamp = listed[0]["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires.duration_since(NOW.parse().unwrap()), SignedDuration::from_hours(14 * 24));
    let of_two = two.get("/api/me/sessions").await.ok(200)["items"].as_array().unwrap().clone();
    let id = of_two.iter().find(|session| session["current"] == true).unwrap()["id"].clone();
    let address = format!("/api/me/sessions/{}", id.as_str().unwrap());
    analyst.delete(&address).await.refused(404, "not_found");
    one.delete(&address).await.ok(204);
    one.delete(&address).await.refused(404, "not_found");
    assert!(!two.is_signed_in().await);
    assert_eq!(one.delete("/api/me/sessions").await.ok(200), json!({"ended": 1}));
    assert!(!three.is_signed_in().await);
    assert!(one.is_signed_in().await && analyst.is_signed_in().await);
}
