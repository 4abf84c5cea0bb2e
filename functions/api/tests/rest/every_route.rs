//! Every route of the table, with every kind of credential: a route that is added is tested by being added.

use std::collections::HashMap;

use api::all_routes;
use api::routes::Route;
use domain::access::{Grant, Party, Permission, Role};
use domain::ids::{BuyerId, PublisherId};
use serde_json::Value;
use testkit::database::TestDatabase;
use testkit::faults::{Fault, FaultProxy, Rule};
use uuid::Uuid;

use crate::people::add_signed_in;
use crate::stage::{Stage, guarded, names_things, routes};
use crate::support::{Answer, World};
use crate::table::context_over;

/// The routes that are for everybody: each is here because somebody decided so.
const FOR_EVERYBODY: [&str; 11] = [
    "GET /api/health",
    "GET /api/openapi.json",
    "GET /api/docs",
    "POST /api/auth/sign-up",
    "POST /api/auth/sign-up/confirm",
    "POST /api/auth/sign-in",
    "POST /api/auth/sign-in/second-factor",
    "POST /api/auth/password-reset",
    "POST /api/auth/password-reset/confirm",
    "POST /api/auth/email/confirm",
    "POST /api/invitations/accept",
];

/// Operations whose example alone is not enough for a success, by name, with the refusal that a good request gets here.
const NEEDS_MORE: [(&str, u16, &str); 3] = [
    ("confirm_my_second_factor", 409, "none was begun"),
    ("remove_my_second_factor", 409, "there is none"),
    ("activate_campaign", 409, "it was never published and no number leads to it"),
];

/// The same, for a key that has nothing but the one scope.
const NEEDS_MORE_SCOPES: [(&str, u16, &str); 1] =
    [("create_api_key", 422, "nobody gives what they do not have")];

fn shown(route: &Route) -> String {
    format!("{} {}", route.verb.as_str(), route.path)
}

/// What a good request is answered.
fn good(id: &str, success: u16) -> u16 {
    NEEDS_MORE.iter().find(|(known, ..)| *known == id).map_or(success, |(_, status, _)| *status)
}

fn is_refused_as_not_permitted(answer: &Answer, route: &Route) {
    assert_eq!(answer.status, 403, "{}: {}", shown(route), answer.text);
    answer.refused(403, "not_permitted");
}

#[tokio::test]
async fn the_routes_for_everybody_are_these() {
    let open: Vec<String> =
        all_routes().table().iter().filter(|route| route.scope.is_none()).map(shown).collect();
    assert_eq!(open, FOR_EVERYBODY);
    let world = World::new().await;
    let health = world.raw("GET", "/api/health", &[], "").await.ok(200);
    assert_eq!(health["status"], "ok");
    assert!(health["version"].as_str().is_some_and(|version| version.split('.').count() == 3));
}

#[tokio::test]
async fn without_a_credential_every_route_answers_401_and_says_how() {
    let world = World::new().await;
    let mut stage = Stage::new(&world).await;
    for (route, doc, _) in guarded() {
        let address = stage.address(&route, &doc).await;
        let answer = world.raw(route.verb.as_str(), &address, &[], "").await;
        assert_eq!(answer.status, 401, "{}", shown(&route));
        answer.refused(401, "unauthenticated");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"api\"", "{}", shown(&route));
    }
}

#[tokio::test]
async fn a_wrong_or_expired_key_is_refused_on_every_route() {
    let world = World::new().await;
    let mut stage = Stage::new(&world).await;
    let expired = world.expired_key().await;
    let unknown = app::api_keys::new_token().unwrap();
    let too_long = format!("ccp_live_{}", "a".repeat(400));
    for (route, doc, _) in guarded() {
        let (address, body) = (stage.address(&route, &doc).await, stage.body(&doc).await);
        let stored = world.catalog.len();
        for key in [expired.as_str(), &unknown, "ccp_live_", "sk_live_0123", &too_long] {
            let answer = world.send(key, route.verb.as_str(), &address, body.as_ref()).await;
            assert_eq!(answer.status, 401, "{}", shown(&route));
            answer.refused(401, "unauthenticated");
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("invalid_token"), "{} {challenge}", shown(&route));
        }
        assert_eq!(world.catalog.len(), stored, "{}", shown(&route));
    }
}

#[tokio::test]
async fn every_scope_but_the_right_one_is_not_enough() {
    let world = World::new().await;
    let mut stage = Stage::new(&world).await;
    // One key for each: an account has at most a hundred.
    let mut keys = HashMap::new();
    for (route, doc, permission) in guarded() {
        let others: Vec<&str> = Permission::ALL
            .iter()
            .filter(|other| **other != permission)
            .map(|other| other.as_str())
            .collect();
        let key = match keys.get(permission.as_str()) {
            Some(key) => String::clone(key),
            None => world.new_key(world.tenant, &others, None).await,
        };
        keys.insert(permission.as_str(), key.clone());
        let (address, body) = (stage.address(&route, &doc).await, stage.body(&doc).await);
        let stored = world.catalog.len();
        let answer = world.send(&key, route.verb.as_str(), &address, body.as_ref()).await;
        if permission.is_scope() {
            assert_eq!(answer.status, 403, "{}: {}", shown(&route), answer.text);
            let problem = answer.refused(403, "missing_scope");
            assert!(problem["detail"].as_str().unwrap().contains(permission.as_str()), "{problem}");
        } else {
            is_refused_as_not_permitted(&answer, &route);
        }
        assert_eq!(world.catalog.len(), stored, "{}", shown(&route));
    }
}

#[tokio::test]
async fn the_right_scope_alone_is_enough() {
    for (route, doc, permission) in guarded() {
        let world = World::new().await;
        let mut stage = Stage::new(&world).await;
        let scope = if permission.is_scope() { permission.as_str() } else { "*" };
        let key = world.new_key(world.tenant, &[scope], None).await;
        let (address, body) = (stage.address(&route, &doc).await, stage.body(&doc).await);
        let answer = world.send(&key, route.verb.as_str(), &address, body.as_ref()).await;
        if permission.is_scope() {
            let alone = NEEDS_MORE_SCOPES.iter().find(|(id, ..)| *id == doc.id());
            let wanted = alone.map_or_else(|| good(doc.id(), doc.status()), |(_, status, _)| *status);
            assert_eq!(answer.status, wanted, "{}: {}", shown(&route), answer.text);
        } else {
            is_refused_as_not_permitted(&answer, &route);
        }
    }
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    for (route, doc, permission) in guarded() {
        for role in Role::ALL {
            let world = World::new().await;
            let mut stage = Stage::new(&world).await;
            let party = match role {
                Role::Buyer => Some(Party::Buyer(BuyerId::from_uuid(Uuid::from_u128(7)))),
                Role::Publisher => Some(Party::Publisher(PublisherId::from_uuid(Uuid::from_u128(3)))),
                _ => None,
            };
            add_signed_in(&world, role, party).await;
            let cookie = world.sign_in(role, party);
            let (address, body) = (stage.address(&route, &doc).await, stage.body(&doc).await);
            let answer = world.send_as(&cookie, route.verb.as_str(), &address, body.as_ref()).await;
            match role.grant(permission) {
                Grant::All => {
                    let wanted = good(doc.id(), doc.status());
                    assert_eq!(answer.status, wanted, "{} as {role}: {}", shown(&route), answer.text);
                }
                // Somebody else's thing is none of theirs.
                Grant::Own if route.own => {
                    let fits = answer.status == doc.status() || answer.status == 404;
                    assert!(fits, "{} as {role}: {}", shown(&route), answer.text);
                }
                Grant::Own | Grant::No => is_refused_as_not_permitted(&answer, &route),
            }
        }
    }
}

/// What begins with this belongs to the owner. Every request to the database that names it fails.
/// (With the quotation mark before it: a Twilio account's row begins with `ACCT#`.)
const OWNERS_ROWS: &str = "\"T#AC0000000000000000000000000000000a";

async fn refuses_the_owners_rows(proxy: &FaultProxy) {
    proxy.inject(Rule::always(Fault::ServerError).about(OWNERS_ROWS));
}

#[tokio::test]
async fn another_tenants_things_do_not_exist_and_are_not_looked_at() {
    let database = TestDatabase::start().await.unwrap();
    let proxy = FaultProxy::before(&database.endpoint(), 1).await.unwrap();
    let world = World::new().await;
    let context = context_over(&world, TestDatabase::store_through(&proxy.endpoint()).into()).await;
    let world = world.over(context).await;
    let mut stage = Stage::on_table(&world).await;
    let mut looked_at = 0;
    for (route, doc, permission) in guarded() {
        // What is one's own by the session names no thing of the account.
        if !permission.is_scope() {
            continue;
        }
        let (address, body) = (stage.address(&route, &doc).await, stage.body(&doc).await);
        let with_body = body.as_ref().is_some_and(names_things) && !route.path.contains('{');
        if !route.path.contains('{') && !with_body {
            continue;
        }
        refuses_the_owners_rows(&proxy).await;
        if looked_at == 0 {
            // The rule bites: the owner's own request cannot be answered.
            let answer = world.send(&world.key, route.verb.as_str(), &address, body.as_ref()).await;
            assert!(answer.status >= 500, "{}: {}", shown(&route), answer.text);
        }
        let answer = world.send(&world.other_key, route.verb.as_str(), &address, body.as_ref()).await;
        proxy.heal();
        if with_body {
            // It names things that this tenant does not have: refused as a whole, or one by one.
            let refused_each = |answer: &Value| {
                let outcomes = answer["outcomes"].as_array().unwrap();
                !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome["code"] == "not_found")
            };
            let refused = answer.status == 422 || (answer.status == 200 && refused_each(&answer.json()));
            assert!(refused, "{}: {}", shown(&route), answer.text);
        } else {
            assert_eq!(answer.status, 404, "{}: {}", shown(&route), answer.text);
            answer.refused(404, "not_found");
        }
        looked_at += 1;
    }
    assert!(looked_at >= 20, "only {looked_at} routes were tried");
    // The owner still has everything.
    for (route, doc) in routes() {
        if route.path.ends_with("/{id}") && route.verb.as_str() == "GET" {
            let address = stage.address(&route, &doc).await;
            world.get(&address).await.ok(200);
        }
    }
}

#[tokio::test]
async fn a_parameter_that_no_doc_names_is_refused() {
    let world = World::new().await;
    let mut stage = Stage::new(&world).await;
    for (route, doc, _) in guarded() {
        if doc.takes_query() {
            let address = stage.address(&route, &doc).await;
            let sign = if address.contains('?') { '&' } else { '?' };
            let answer = world.get(&format!("{address}{sign}no_such_parameter=1")).await;
            let problem = answer.refused(400, "invalid_query");
            assert_eq!(problem["fields"][0]["rule"], "unknown_parameter", "{}", shown(&route));
        }
    }
}
