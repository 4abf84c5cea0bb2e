//! People in the tests' worlds, and the browsers they use.

use app::identity::sign_up::SignUp;
use app::identity::{Visitor, sign_up};
use app::ports::{Act, Credentials};
use app::secret::Secret;
use domain::access::{Party, Role};
use domain::audit::{Actor, By, Origin};
use domain::ids::{TenantId, UserId};
use domain::people::{Account, AccountSettings, User, UserStatus};
use http::header::{CONTENT_TYPE, COOKIE, HeaderName, ORIGIN, SET_COOKIE};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{APP_ORIGIN, Answer, NOW, World};

pub const PASSWORD: &str = "a long way to Tipperary";
pub const OWN_PAGES: HeaderName = HeaderName::from_static("x-ccp-request");

pub fn visitor() -> Visitor {
    Visitor { by: By { actor: Actor::Visitor, origin: Origin::default() }, address: None }
}

fn user_id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// The tenant's account, with one owner: `owner@…`.
pub async fn open_account(world: &World, tenant: TenantId, domain: &str) -> UserId {
    let now: Timestamp = NOW.parse().unwrap();
    let settings = AccountSettings {
        name: "Acme Calls".to_owned(),
        currency: Default::default(),
        time_zone: "UTC".to_owned(),
    };
    let account = Account { id: tenant, settings, created_at: now, updated_at: now, version: 1 };
    let owner = user(world, tenant, &format!("owner@{domain}"), Role::Owner, None);
    let id = owner.id;
    let acts = [Act::CreateAccount(account), create(owner)];
    world.context.identity.commit(tenant, &acts, None).await.unwrap();
    id
}

fn user(world: &World, tenant: TenantId, email: &str, role: Role, party: Option<Party>) -> User {
    let now: Timestamp = NOW.parse().unwrap();
    User {
        id: UserId::from_uuid(app::clock::Clock::new_id(world.clock.as_ref())),
        tenant,
        email: email.parse().unwrap(),
        name: format!("The {role}"),
        role,
        party,
        status: UserStatus::Active,
        second_factor: false,
        created_at: now,
        updated_at: now,
        last_sign_in_at: None,
        version: 1,
    }
}

fn create(user: User) -> Act {
    let password = format!("$fake$v=2${}", app::api_keys::hash(PASSWORD));
    let credentials =
        Credentials { password, password_number: 1, second_factor: None, begun: None, revision: 1 };
    Act::CreateUser { user, credentials }
}

/// The person behind [`World::sign_in`].
pub async fn add_signed_in(world: &World, role: Role, party: Option<Party>) {
    let mut new = user(world, world.tenant, "somebody@acme.example", role, party);
    new.id = user_id(2);
    let owners = i8::from(role == Role::Owner);
    let acts = [Act::Seats { users: 1, owners }, create(new)];
    world.context.identity.commit(world.tenant, &acts, None).await.unwrap();
}

/// One more user of the tenant, with the usual password.
pub async fn add_user(world: &World, email: &str, role: Role) -> UserId {
    let new = user(world, world.tenant, email, role, None);
    let id = new.id;
    let owners = i8::from(role == Role::Owner);
    let acts = [Act::Seats { users: 1, owners }, create(new)];
    world.context.identity.commit(world.tenant, &acts, None).await.unwrap();
    id
}

/// Asks for an account, as the handler does.
pub async fn ask_sign_up(world: &World, email: &str) {
    let settings = AccountSettings {
        name: "Other".to_owned(),
        currency: Default::default(),
        time_zone: "UTC".to_owned(),
    };
    let sign_up = SignUp { email: email.parse().unwrap(), name: "Otto".to_owned(), settings };
    sign_up::ask(&world.context.identity_tools(), &visitor(), sign_up).await.unwrap();
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// A browser on our own pages. It keeps its cookie.
pub struct Browser<'a> {
    world: &'a World,
    pub cookie: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, cookie: None }
    }

    /// One that has signed in with the usual password.
    pub async fn of(world: &'a World, email: &str) -> Self {
        let mut browser = Self::new(world);
        browser.sign_in(email, PASSWORD).await.ok(200);
        browser
    }

    pub async fn send(&mut self, method: &str, address: &str, body: Option<Value>) -> Answer {
        self.send_with(None, method, address, body).await
    }

    /// The same with an Idempotency-Key.
    pub async fn post_once(&mut self, key: &str, address: &str, body: Value) -> Answer {
        self.send_with(Some(key), "POST", address, Some(body)).await
    }

    async fn send_with(
        &mut self,
        key: Option<&str>,
        method: &str,
        address: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut headers = vec![(ORIGIN, APP_ORIGIN), (OWN_PAGES, "1")];
        headers.extend(key.map(|key| (api::idempotency::KEY, key)));
        if body.is_some() {
            headers.push((CONTENT_TYPE, "application/json"));
        }
        let cookie = self.cookie.clone();
        if let Some(cookie) = &cookie {
            headers.push((COOKIE, cookie));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.world.raw(method, address, &headers, body).await;
        if let Some(set) = answer.headers.get(SET_COOKIE) {
            let set = set.to_str().unwrap();
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                assert!(set.starts_with("__Host-ccp_session=") && set.contains(part), "{set}");
            }
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = (!set.contains("Max-Age=0")).then_some(pair);
        }
        answer
    }

    pub async fn get(&mut self, address: &str) -> Answer {
        self.send("GET", address, None).await
    }

    pub async fn post(&mut self, address: &str, body: Value) -> Answer {
        self.send("POST", address, Some(body)).await
    }

    pub async fn patch(&mut self, address: &str, body: Value) -> Answer {
        self.send("PATCH", address, Some(body)).await
    }

    pub async fn delete(&mut self, address: &str) -> Answer {
        self.send("DELETE", address, None).await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/sign-in", json!({"email": email, "password": password})).await
    }

    /// Whether the cookie signs in.
    pub async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/api/me").await;
        assert!([200, 401].contains(&answer.status), "{answer:?}");
        answer.status == 200
    }
}
