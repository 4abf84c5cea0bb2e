//! Users, invitations, API keys and the account.

use app::ports::{Act, Identity};
use domain::access::{Permission, Role};
use serde_json::{Value, json};

use crate::people::{Browser, PASSWORD, add_user, ask_sign_up, open_account};
use crate::support::World;

const OWNER: &str = "owner@acme.example";

async fn world() -> World {
    let world = World::new().await;
    open_account(&world, world.tenant, "acme.example").await;
    world
}

#[tokio::test]
async fn another_role_holds_from_the_next_request_on() {
    let world = world().await;
    let manager = add_user(&world, "manager@acme.example", Role::Manager).await;
    let mut theirs = Browser::of(&world, "manager@acme.example").await;
    let mut owner = Browser::of(&world, OWNER).await;
    let address = format!("/api/users/{manager}");
    let renamed = owner.patch(&address, json!({"version": 1, "name": "Mona"})).await.ok(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Mona"), &json!(2)));
    assert!(theirs.is_signed_in().await, "another name ends nothing");
    let stale = owner.patch(&address, json!({"version": 1, "role": "analyst"})).await;
    assert_eq!(stale.refused(409, "version_conflict")["current_version"], 2);
    owner.patch(&address, json!({"version": 2, "role": "analyst"})).await.ok(200);
    assert!(!theirs.is_signed_in().await);
    let mut theirs = Browser::of(&world, "manager@acme.example").await;
    theirs.get("/api/users").await.refused(403, "not_permitted");
}

#[tokio::test]
async fn nobody_decides_over_a_role_above_their_own() {
    let world = world().await;
    let owner_id = add_user(&world, "second@acme.example", Role::Owner).await;
    let admin_id = add_user(&world, "admin@acme.example", Role::Admin).await;
    let analyst = add_user(&world, "analyst@acme.example", Role::Analyst).await;
    let mut admin = Browser::of(&world, "admin@acme.example").await;
    let user = |id| format!("/api/users/{id}");
    for (id, change) in [
        (owner_id, json!({"version": 1, "role": "admin"})),
        (owner_id, json!({"version": 1, "status": "suspended"})),
        (owner_id, json!({"version": 1, "name": "Somebody"})),
        (analyst, json!({"version": 1, "role": "owner"})),
        (admin_id, json!({"version": 1, "role": "owner"})),
    ] {
        admin.patch(&user(id), change).await.refused(403, "above_role");
    }
    admin.delete(&user(owner_id)).await.refused(403, "above_role");
    let invite = json!({"email": "x@acme.example", "role": "owner"});
    admin.post("/api/invitations", invite).await.refused(403, "above_role");
    let key = world.new_key(world.tenant, &["*"], None).await;
    let change = json!({"version": 1, "role": "owner"});
    world.send(&key, "PATCH", &user(analyst), Some(&change)).await.refused(403, "above_role");
    admin.patch(&user(analyst), json!({"version": 1, "role": "admin"})).await.ok(200);
    admin.delete(&user(analyst)).await.ok(204);
}

#[tokio::test]
async fn the_last_active_owner_stays() {
    let world = world().await;
    let second = add_user(&world, "second@acme.example", Role::Owner).await;
    let mut owner = Browser::of(&world, OWNER).await;
    let own = owner.get("/api/me").await.ok(200)["user"]["id"].as_str().unwrap().to_owned();
    let (own, second) = (format!("/api/users/{own}"), format!("/api/users/{second}"));
    owner.patch(&second, json!({"version": 1, "status": "suspended"})).await.ok(200);
    owner.patch(&own, json!({"version": 1, "role": "admin"})).await.refused(409, "last_owner");
    owner.patch(&own, json!({"version": 1, "status": "suspended"})).await.refused(409, "last_owner");
    owner.delete(&own).await.refused(409, "last_owner");
    owner.patch(&second, json!({"version": 2, "status": "active"})).await.ok(200);
    owner.delete(&own).await.ok(204);
    assert!(!owner.is_signed_in().await);
    Browser::new(&world).sign_in(OWNER, PASSWORD).await.refused(401, "wrong_credentials");
    let mut second = Browser::of(&world, "second@acme.example").await;
    assert_eq!(second.get("/api/users").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_party_belongs_to_the_roles_that_have_one() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    let buyer = json!({"buyer": format!("BU{:032x}", 1)});
    let publisher = json!({"publisher": format!("AF{:032x}", 1)});
    for (role, party, field) in [
        ("buyer", Value::Null, "party"),
        ("buyer", publisher.clone(), "party"),
        ("publisher", buyer.clone(), "party"),
        ("manager", buyer.clone(), "party"),
    ] {
        let invite = json!({"email": "x@acme.example", "role": role, "party": party});
        let problem = owner.post("/api/invitations", invite).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["field"], field, "{role}");
    }
    let made = owner.post("/api/buyers", json!({"name": "Alpine"})).await.id();
    for (party, status) in [(buyer, 422), (json!({"buyer": made}), 201)] {
        let invite = json!({"email": "x@acme.example", "role": "buyer", "party": party});
        assert_eq!(owner.post("/api/invitations", invite).await.status, status);
    }
    let token = world.mailer.token_for("x@acme.example").unwrap();
    let accept = json!({"token": token, "name": "Xenia", "password": PASSWORD});
    let me = Browser::new(&world).post("/api/invitations/accept", accept).await.ok(201);
    assert_eq!(me["user"]["party"], json!({"buyer": made}));
    assert_eq!(
        me["own_permissions"],
        json!(["calls:read", "usage:read", "adjustments:read", "adjustments:request", "ledger:read"])
    );
    let address = format!("/api/users/{}", me["user"]["id"].as_str().unwrap());
    let problem =
        owner.patch(&address, json!({"version": 1, "role": "analyst"})).await.refused(422, "invalid");
    assert_eq!(problem["fields"][0]["field"], "party");
    owner.patch(&address, json!({"version": 1, "role": "analyst", "party": null})).await.ok(200);
}

#[tokio::test]
async fn who_is_invited_joins_with_the_role_that_was_meant() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    let invite = json!({"email": "new@acme.example", "role": "manager"});
    let invited = owner.post("/api/invitations", invite.clone()).await.ok(201);
    owner.post("/api/invitations", invite).await.refused(409, "taken");
    let known = json!({"email": OWNER, "role": "manager"});
    owner.post("/api/invitations", known).await.refused(409, "taken");

    let first = world.mailer.token_for("new@acme.example").unwrap();
    let address = format!("/api/invitations/{}", invited["id"].as_str().unwrap());
    owner.send("POST", &format!("{address}/resend"), None).await.ok(200);
    let second = world.mailer.token_for("new@acme.example").unwrap();
    let accept = |token: &str| json!({"token": token, "name": "Nina", "password": PASSWORD});
    let mut nina = Browser::new(&world);
    nina.post("/api/invitations/accept", accept(&first)).await.refused(410, "token_invalid");
    let weak = json!({"token": second, "name": "Nina", "password": "new"});
    nina.post("/api/invitations/accept", weak).await.refused(422, "password_weak");
    let me = nina.post("/api/invitations/accept", accept(&second)).await.ok(201);
    assert_eq!((&me["user"]["role"], &me["user"]["name"]), (&json!("manager"), &json!("Nina")));
    assert!(nina.is_signed_in().await);
    nina.post("/api/invitations/accept", accept(&second)).await.refused(410, "token_invalid");
    assert_eq!(owner.get("/api/invitations").await.ok(200)["items"], json!([]));
    let found = owner.get("/api/users?search=nin").await.ok(200);
    assert_eq!(found["items"][0]["email"], "new@acme.example");
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_or_is_a_week_old_is_worthless() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    for (email, late) in [("a@acme.example", false), ("b@acme.example", true)] {
        let invite = json!({"email": email, "role": "analyst"});
        let id = owner.post("/api/invitations", invite).await.ok(201)["id"].as_str().unwrap().to_owned();
        let token = world.mailer.token_for(email).unwrap();
        if late {
            world.clock.advance(7 * 24 * 3600);
        } else {
            owner.delete(&format!("/api/invitations/{id}")).await.ok(204);
        }
        let accept = json!({"token": token, "name": "Late", "password": PASSWORD});
        let answer = Browser::new(&world).post("/api/invitations/accept", accept).await;
        answer.refused(410, "token_invalid");
    }
}

#[tokio::test]
async fn an_address_of_another_account_is_not_taken_over_by_an_invitation() {
    let world = world().await;
    ask_sign_up(&world, "otto@other.example").await;
    let token = world.mailer.token_for("otto@other.example").unwrap();
    let confirm = json!({"token": token, "password": PASSWORD});
    Browser::new(&world).post("/api/auth/sign-up/confirm", confirm).await.ok(201);
    let mut owner = Browser::of(&world, OWNER).await;
    let invite = json!({"email": "otto@other.example", "role": "analyst"});
    owner.post("/api/invitations", invite).await.ok(201);
    let token = world.mailer.token_for("otto@other.example").unwrap();
    let accept = json!({"token": token, "name": "Otto", "password": PASSWORD});
    Browser::new(&world).post("/api/invitations/accept", accept).await.refused(409, "taken");
}

#[tokio::test]
async fn an_account_has_at_most_two_hundred_users() {
    let world = world().await;
    for users in [100, 98] {
        let acts = [Act::Seats { users, owners: 0 }];
        world.identity.commit(world.tenant, &acts, None).await.unwrap();
    }
    let mut owner = Browser::of(&world, OWNER).await;
    let mut answers = Vec::new();
    for email in ["a@acme.example", "b@acme.example"] {
        owner.post("/api/invitations", json!({"email": email, "role": "analyst"})).await.ok(201);
        let token = world.mailer.token_for(email).unwrap();
        let accept = json!({"token": token, "name": "One", "password": PASSWORD});
        answers.push(Browser::new(&world).post("/api/invitations/accept", accept).await);
    }
    answers[0].ok(201);
    answers[1].refused(409, "limit_reached");
}

#[tokio::test]
async fn users_are_searched_sorted_and_paged_like_every_list() {
    let world = world().await;
    for name in ["cora", "abel", "bela"] {
        add_user(&world, &format!("{name}@acme.example"), Role::Analyst).await;
    }
    let mut owner = Browser::of(&world, OWNER).await;
    let first = owner.get("/api/users?sort=-created_at&limit=3").await.ok(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().unwrap();
    let rest = owner.get(&format!("/api/users?sort=-created_at&limit=3&cursor={next}")).await.ok(200);
    assert_eq!(rest["items"][0]["email"], OWNER);
    assert!(rest.get("next").is_none());
    owner.get(&format!("/api/users?limit=3&cursor={next}")).await.refused(400, "invalid_cursor");
    let found = owner.get("/api/users?search=BEL").await.ok(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
}

#[tokio::test]
async fn a_key_is_shown_once_does_no_more_than_its_maker_and_is_revoked_at_once() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    let made =
        owner.post("/api/api-keys", json!({"name": "Reports", "scopes": ["calls:read"]})).await.ok(201);
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ccp_live_"));
    let id = made["id"].as_str().unwrap();
    world.send(&token, "GET", "/api/calls", None).await.ok(200);
    world.send(&token, "GET", "/api/targets", None).await.refused(403, "missing_scope");
    world.send(&token, "GET", "/api/me", None).await.refused(403, "not_permitted");
    let listed = owner.get("/api/api-keys?search=rep").await;
    assert!(!listed.text.contains(&token) && !listed.text.contains(&app::api_keys::hash(&token)));
    let item = &listed.ok(200)["items"][0];
    assert_eq!((&item["id"], &item["last_used_at"]), (&json!(id), &json!("2026-11-22T12:00:00Z")));

    let maker = world.new_key(world.tenant, &["api_keys:write", "calls:read"], None).await;
    for (scopes, rule) in [
        (json!(["calls:read", "targets:read"]), "not_yours"),
        (json!(["*"]), "not_yours"),
        (json!(["myself"]), "choice"),
        (json!(["calls:write"]), "choice"),
        (json!(["calls:read", "calls:read"]), "unique"),
        (json!([]), "required"),
    ] {
        let body = json!({"name": "Too much", "scopes": scopes});
        let problem = world.send(&maker, "POST", "/api/api-keys", Some(&body)).await.refused(422, "invalid");
        assert_eq!(problem["fields"][0]["rule"], rule, "{problem}");
    }
    for expires_at in ["2026-11-22T12:00:00Z", "2033-01-01T00:00:00Z"] {
        let body = json!({"name": "k", "scopes": ["calls:read"], "expires_at": expires_at});
        owner.post("/api/api-keys", body).await.refused(422, "invalid");
    }

    owner.delete(&format!("/api/api-keys/{id}")).await.ok(204);
    world.send(&token, "GET", "/api/calls", None).await.refused(401, "unauthenticated");
    owner.delete(&format!("/api/api-keys/{id}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_keys_use_is_noted_every_ten_minutes_at_most() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    let made = owner.post("/api/api-keys", json!({"name": "R", "scopes": ["calls:read"]})).await.ok(201);
    let token = made["token"].as_str().unwrap().to_owned();
    let mut seen = Vec::new();
    for seconds in [0, 599, 1] {
        world.clock.advance(seconds);
        world.send(&token, "GET", "/api/calls", None).await.ok(200);
        let listed = owner.get("/api/api-keys?search=R").await.ok(200);
        let item = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == made["id"]).unwrap();
        seen.push(item["last_used_at"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T12:10:00Z"]);
}

#[tokio::test]
async fn the_accounts_settings_change_from_the_version_that_was_read() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    let change = json!({"version": 1, "name": "Acme", "time_zone": "America/New_York"});
    let changed = owner.patch("/api/account", change.clone()).await.ok(200);
    assert_eq!((&changed["name"], &changed["version"]), (&json!("Acme"), &json!(2)));
    let conflict = owner.patch("/api/account", change).await.refused(409, "version_conflict");
    assert_eq!(conflict["current_version"], 2);
    let wrong = json!({"version": 2, "time_zone": "Nowhere"});
    owner.patch("/api/account", wrong).await.refused(422, "invalid");
    assert_eq!(owner.get("/api/account").await.ok(200), changed);
}

#[tokio::test]
async fn me_tells_what_the_role_may_do_and_takes_another_name() {
    let world = world().await;
    add_user(&world, "analyst@acme.example", Role::Analyst).await;
    let mut analyst = Browser::of(&world, "analyst@acme.example").await;
    let me = analyst.get("/api/me").await.ok(200);
    let expected: Vec<&str> = Permission::ALL
        .iter()
        .filter(|permission| Role::Analyst.grant(**permission) == domain::access::Grant::All)
        .map(|permission| permission.as_str())
        .collect();
    assert_eq!(me["permissions"], json!(expected));
    assert!(me["user"]["last_sign_in_at"].is_string());
    let renamed = analyst.patch("/api/me", json!({"version": 1, "name": "Ann"})).await.ok(200);
    assert_eq!(renamed["name"], "Ann");
    assert_eq!(analyst.get("/api/me").await.ok(200)["user"]["name"], "Ann");
}

#[tokio::test]
async fn the_audit_log_holds_no_address_and_no_name_of_a_person() {
    let world = world().await;
    let mut owner = Browser::of(&world, OWNER).await;
    owner.post("/api/invitations", json!({"email": "nina@acme.example", "role": "analyst"})).await.ok(201);
    let token = world.mailer.token_for("nina@acme.example").unwrap();
    let accept = json!({"token": token, "name": "Nina Nobel", "password": PASSWORD});
    let me = Browser::new(&world).post("/api/invitations/accept", accept).await.ok(201);
    let address = format!("/api/users/{}", me["user"]["id"].as_str().unwrap());
    owner.patch(&address, json!({"version": 1, "name": "Nina Noether"})).await.ok(200);
    owner.delete(&address).await.ok(204);
    let entries = serde_json::to_string(&world.desk.entries()).unwrap();
    for action in ["user.invited", "invitation.accepted", "user.updated", "user.removed"] {
        assert!(entries.contains(action), "{action}");
    }
    for personal in ["nina@", "Nina", "Nobel", "Noether", "owner@", &token] {
        assert!(!entries.contains(personal), "{personal}: {entries}");
    }
}
