//! The SIP domain of a Twilio account: who is let in, what is missing, passwords that are shown once.

use app::ports::{Accounts, CarrierRefusal};
use app::twilio_accounts::domain_name;
use serde_json::{Value, json};
use testkit::fakes::SipStep;

use crate::support::{World, account};

fn address(world: &World) -> String {
    format!("/api/twilio-accounts/{}/sip", account(world.tenant))
}

async fn put(world: &World, wish: &Value) -> Value {
    world.send(&world.key, "PUT", &address(world), Some(wish)).await.ok(200)
}

fn name(world: &World) -> String {
    domain_name("callcenter-pro local calls.example.com", &account(world.tenant))
}

async fn deeds(world: &World) -> Vec<String> {
    let page = world.get("/api/audit-log?action=twilio_account").await.ok(200);
    let items = page["items"].as_array().unwrap().iter().rev();
    items.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_domain_is_set_up_for_publishers_addresses() {
    let world = World::new().await;
    let nothing = world.get(&address(&world)).await.ok(200);
    assert_eq!((&nothing["domain"], &nothing["offered"]), (&Value::Null, &json!(false)));

    let wish = json!({"addresses": ["54.172.60.4", "54.172.60.0/30", "54.172.60.4/32"]});
    let made = put(&world, &wish).await;
    let name = name(&world);
    assert!(name.starts_with("ccp-") && name.ends_with(".sip.twilio.com"));
    assert_eq!(made["domain"], json!(name));
    assert_eq!(made["addresses"], json!(["54.172.60.0/30", "54.172.60.4"]), "each once");
    assert_eq!((&made["offered"], &made["missing"]), (&json!(true), &json!([])));
    let at_twilio = world.sip.domain(&name).unwrap();
    assert_eq!(at_twilio.hooks, world.context.hooks.of_application());
    assert_eq!(at_twilio.addresses.len(), 2);
    assert_eq!(world.get(&address(&world)).await.ok(200), made);

    assert_eq!(put(&world, &wish).await, made, "again");
    assert_eq!(deeds(&world).await, ["twilio_account.sip_set_up"], "and nothing was done then");
    let fewer = put(&world, &json!({"addresses": ["54.172.60.4"]})).await;
    assert_eq!(fewer["addresses"], json!(["54.172.60.4"]));
    assert_eq!(world.sip.domain(&name).unwrap().addresses.len(), 1);
}

#[tokio::test]
async fn a_password_is_shown_once_and_kept_nowhere() {
    let world = World::new().await;
    let made = put(&world, &json!({"users": ["publisher-a", "publisher_b"]})).await;
    let passwords = made["passwords"].as_object().unwrap();
    assert_eq!(passwords.len(), 2);
    for (user, password) in passwords {
        let password = password.as_str().unwrap();
        let has = |fits: fn(char) -> bool| password.chars().any(fits);
        assert!(password.len() >= 12 && has(|sign| sign.is_ascii_digit()), "{password}");
        assert!(has(|sign| sign.is_ascii_uppercase()) && has(|sign| sign.is_ascii_lowercase()), "{password}");
        assert_eq!(world.sip.domain(&name(&world)).unwrap().users.get(user).unwrap(), password);
        let row = world.accounts.account(&account(world.tenant)).await.unwrap();
        let told = world.get("/api/audit-log").await.text;
        let kept = format!("{}{told}", serde_json::to_string(&row).unwrap());
        assert!(!kept.contains(password), "{kept}");
    }
    let read = world.get(&address(&world)).await.ok(200);
    assert_eq!((read.get("passwords"), &read["users"]), (None, &json!(["publisher-a", "publisher_b"])));

    let more = put(&world, &json!({"users": ["publisher-a", "publisher_b", "third"]})).await;
    let new: Vec<&String> = more["passwords"].as_object().unwrap().keys().collect();
    assert_eq!(new, ["third"], "those that are there keep theirs");
    put(&world, &json!({"users": ["third"]})).await;
    let again = put(&world, &json!({"users": ["publisher-a", "third"]})).await;
    assert_ne!(again["passwords"]["publisher-a"], passwords["publisher-a"], "removed and named again");
}

#[tokio::test]
async fn what_twilio_does_not_do_is_missing_until_the_same_is_asked_again() {
    let world = World::new().await;
    let wish = json!({"addresses": ["54.172.60.4"], "users": ["publisher-a"]});
    world.sip.be_away(SipStep::Domain, true);
    let nothing = put(&world, &wish).await;
    assert_eq!((&nothing["offered"], &nothing["addresses"]), (&json!(false), &json!([])));
    assert!(nothing["missing"][0].as_str().unwrap().contains("the SIP domain"), "{nothing}");

    world.sip.be_away(SipStep::Domain, false);
    world.sip.be_away(SipStep::Addresses, true);
    let half = put(&world, &wish).await;
    assert_eq!(
        (&half["offered"], &half["addresses"], &half["users"]),
        (&json!(true), &json!([]), &wish["users"])
    );
    assert!(half["missing"][0].as_str().unwrap().contains("by address"), "{half}");
    assert!(half["passwords"]["publisher-a"].is_string());

    world.sip.be_away(SipStep::Addresses, false);
    let whole = put(&world, &wish).await;
    assert_eq!((&whole["missing"], &whole["addresses"]), (&json!([]), &wish["addresses"]));
    assert_eq!(whole.get("passwords"), None, "the password that was shown is still good");

    // A user whose password nobody saw gets another one.
    let wish = json!({"users": ["publisher-a", "third"]});
    world.sip.be_away(SipStep::Users, true);
    let half = put(&world, &wish).await;
    assert_eq!(half["users"], json!(["publisher-a"]));
    world.sip.be_away(SipStep::Users, false);
    assert!(put(&world, &wish).await["passwords"]["third"].is_string());
}

#[tokio::test]
async fn a_refusal_of_twilios_is_told_in_words() {
    let world = World::new().await;
    world.sip.refuse(SipStep::Domain, CarrierRefusal::NotAuthorised);
    let answer = put(&world, &json!({"users": ["a"]})).await;
    let words = answer["missing"][0].as_str().unwrap();
    assert!(words.contains("does not accept the account's token"), "{words}");
}

#[tokio::test]
async fn only_public_addresses_and_plain_names_are_taken() {
    let world = World::new().await;
    for (wish, field) in [
        (json!({}), "addresses"),
        (json!({"addresses": [], "users": []}), "addresses"),
        (json!({"addresses": ["10.0.0.1"]}), "addresses[0]"),
        (json!({"addresses": ["54.172.60.1", "192.168.1.0/24"]}), "addresses[1]"),
        (json!({"addresses": ["203.0.113.7"]}), "addresses[0]"),
        (json!({"addresses": ["54.172.60.1/30"]}), "addresses[0]"),
        (json!({"addresses": ["54.0.0.0/8"]}), "addresses[0]"),
        (json!({"addresses": ["0.0.0.0/0"]}), "addresses[0]"),
        (json!({"addresses": ["sip.example.com"]}), "addresses[0]"),
        (json!({"addresses": ["2001:4860:4860::8888"]}), "addresses[0]"),
        (json!({"users": ["a b"]}), "users[0]"),
        (json!({"users": ["fine", ""]}), "users[1]"),
        (json!({"users": ["a".repeat(33)]}), "users[0]"),
    ] {
        let answer = world.send(&world.key, "PUT", &address(&world), Some(&wish)).await;
        let problem = answer.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field, "{wish}: {problem}");
    }
    assert!(world.sip.domain(&name(&world)).is_none(), "Twilio was not asked");
}

#[tokio::test]
async fn a_domain_is_removed_and_not_offered_while_twilio_is_away() {
    let world = World::new().await;
    world.delete(&address(&world)).await.ok(204);
    put(&world, &json!({"addresses": ["54.172.60.4"]})).await;
    let account_address = format!("/api/twilio-accounts/{}", account(world.tenant));
    let problem = world.delete(&account_address).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "sip", "the account stays as long: {problem}");

    world.sip.be_away(SipStep::Removal, true);
    world.delete(&address(&world)).await.refused(502, "carrier_away");
    let closed = world.get(&address(&world)).await.ok(200);
    assert_eq!(closed["offered"], false);
    assert!(closed["missing"][0].as_str().unwrap().contains("being removed"), "{closed}");
    world.sip.be_away(SipStep::Removal, false);
    world.delete(&address(&world)).await.ok(204);
    assert!(world.sip.domain(&name(&world)).is_none());
    assert_eq!(world.get(&address(&world)).await.ok(200)["domain"], Value::Null);
    let told = deeds(&world).await;
    assert_eq!(
        told,
        ["sip_set_up", "sip_closed", "sip_removed"].map(|deed| format!("twilio_account.{deed}"))
    );
    world.delete(&account_address).await.ok(204);
}

#[tokio::test]
async fn another_tenants_account_has_no_domain_for_us() {
    let world = World::new().await;
    let theirs = format!("/api/twilio-accounts/{}/sip", account(world.other));
    world.get(&theirs).await.refused(404, "not_found");
    world.delete(&theirs).await.refused(404, "not_found");
    let wish = json!({"addresses": ["54.172.60.4"]});
    world.send(&world.key, "PUT", &theirs, Some(&wish)).await.refused(404, "not_found");
}
