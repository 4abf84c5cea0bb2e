//! Accounts and people on the real table: what races, what is stored, what a thief of the table could read.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use app::api_keys;
use app::clock::Clock;
use app::identity::invitations::{self, Invite};
use app::identity::passwords::Argon2Passwords;
use app::identity::sessions::SignedIn;
use app::identity::sign_in::{SignIn, second_step, sign_in, sign_out};
use app::identity::sign_up::{self, SignUp};
use app::identity::users::{self, UserPatch};
use app::identity::{
    Done, NotDone, Refused, Tools, Visitor, email, keys, password, second_factor, sessions, totp,
};
use app::ports::{Act, Committed, Identity, Limiter, Passwords, PortResult, Session, Vault, Why};
use app::secret::Secret;
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use domain::access::Role;
use domain::audit::{Actor, By, Origin};
use domain::ids::{TenantId, UserId};
use domain::people::{AccountSettings, UserStatus};
use futures::future::join_all;
use jiff::Timestamp;
use store::Store;
use testkit::database::{TABLE, TestDatabase};
use testkit::fakes::{FakeCatalog, FakeClock, FakeMailer, FakePasswords, test_vault};
use testkit::faults::{FaultProxy, Rule};

use crate::support::{SEED, database, noon};

pub const PASSWORD: &str = "a long way to Tipperary";
pub const OWNER: &str = "owner@acme.example";

/// Lets everybody try as often as they like.
struct Lenient;

#[async_trait]
impl Limiter for Lenient {
    async fn count(&self, _: &str, _: Timestamp, _: Timestamp) -> PortResult<u64> {
        Ok(1)
    }

    async fn take_back(&self, _: &str, _: Timestamp) -> PortResult<()> {
        Ok(())
    }
}

pub struct Bureau {
    pub database: TestDatabase,
    limiter: Arc<dyn Limiter>,
    pub store: Store,
    pub proxy: Option<FaultProxy>,
    mailer: FakeMailer,
    vault: Arc<dyn Vault>,
    catalog: FakeCatalog,
    passwords: Arc<dyn Passwords>,
    pub counted: Arc<FakePasswords>,
    pub clock: FakeClock,
}

impl Bureau {
    pub async fn new() -> Self {
        let counted = Arc::new(FakePasswords::default());
        Self { counted: counted.clone(), ..Self::with(counted).await }
    }

    /// One whose table is in trouble, from [`Bureau::trouble`] on.
    pub async fn before_trouble() -> Self {
        let bureau = Self::new().await;
        let proxy = FaultProxy::before(&bureau.database.endpoint(), SEED).await.expect("a proxy");
        let store = TestDatabase::store_through(&proxy.endpoint());
        Self { limiter: Arc::new(store.clone()), store, proxy: Some(proxy), ..bureau }
    }

    /// From now on the table answers like this.
    pub fn trouble(&self, rules: &[Rule]) {
        let proxy = self.proxy.as_ref().expect("a proxy");
        rules.iter().for_each(|rule| proxy.inject(rule.clone()));
    }

    /// One in which nothing is locked.
    async fn lenient() -> Self {
        Self { limiter: Arc::new(Lenient), ..Self::new().await }
    }

    async fn with(passwords: Arc<dyn Passwords>) -> Self {
        let database = database().await;
        Self {
            limiter: Arc::new(database.store()),
            store: database.store(),
            database,
            proxy: None,
            mailer: FakeMailer::default(),
            vault: test_vault(),
            catalog: FakeCatalog::default(),
            passwords,
            counted: Arc::default(),
            clock: FakeClock::at(noon()),
        }
    }

    pub fn tools(&self) -> Tools<'_> {
        Tools {
            identity: &self.store,
            catalog: &self.catalog,
            audit: &self.store,
            limiter: self.limiter.as_ref(),
            mailer: &self.mailer,
            vault: self.vault.as_ref(),
            passwords: self.passwords.as_ref(),
            clock: &self.clock,
            app_origin: "https://app.example.com",
            even_time: Duration::ZERO,
        }
    }

    pub fn token(&self, address: &str) -> Secret {
        Secret::new(self.mailer.token_for(address).expect("a mail with a link"))
    }

    /// An account with its owner signed in.
    pub async fn opened(&self) -> SignedIn {
        let settings = AccountSettings {
            name: "Acme".to_owned(),
            currency: Default::default(),
            time_zone: "UTC".to_owned(),
        };
        let ask = SignUp { email: OWNER.parse().expect("an address"), name: "Olga".to_owned(), settings };
        sign_up::ask(&self.tools(), &visitor(), ask).await.expect("asked");
        let token = self.token(OWNER);
        sign_up::confirm(&self.tools(), &visitor(), &token, &Secret::new(PASSWORD)).await.expect("opened")
    }

    pub async fn invite(&self, tenant: TenantId, address: &str, role: Role) -> Secret {
        let invite = Invite { email: address.parse().expect("an address"), role, party: None };
        invitations::invite(&self.tools(), &system(), Role::Owner, tenant, invite).await.expect("invited");
        self.token(address)
    }

    pub async fn join(&self, tenant: TenantId, address: &str, role: Role) -> SignedIn {
        let token = self.invite(tenant, address, role).await;
        let password = Secret::new(PASSWORD);
        invitations::accept(&self.tools(), &visitor(), &token, "Jo", &password).await.expect("joined")
    }

    pub async fn sign_in(&self, address: &str, password: &str) -> Done<SignIn> {
        sign_in(&self.tools(), &visitor(), address, &Secret::new(password)).await
    }

    pub async fn session(&self, token: &Secret) -> Option<Session> {
        self.store.session(&api_keys::hash(token.expose())).await.expect("a read")
    }

    pub async fn items(&self) -> Vec<String> {
        let answer = self.database.client().scan().table_name(TABLE).send().await.expect("a scan");
        assert!(answer.last_evaluated_key.is_none(), "one page holds it all");
        let text = |value: &AttributeValue| match value {
            AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let items = answer.items.unwrap_or_default();
        items
            .iter()
            .map(|item| {
                item.iter()
                    .map(|(name, value)| format!("{name}={}", text(value)))
                    .collect::<Vec<_>>()
                    .join("\n")
            })
            .collect()
    }
}

pub fn visitor() -> Visitor {
    Visitor { by: By { actor: Actor::Visitor, origin: Origin::default() }, address: None }
}

pub fn system() -> By {
    By { actor: Actor::System, origin: Origin::default() }
}

pub fn refused<T>(done: Done<T>) -> Refused {
    match done {
        Ok(_) => panic!("it was done"),
        Err(NotDone::Refused(refused)) => refused,
        Err(NotDone::Failed(error)) => panic!("it failed: {error:?}"),
    }
}

pub fn signed_in(done: Done<SignIn>) -> SignedIn {
    match done.expect("an answer") {
        SignIn::Done(signed_in) => *signed_in,
        SignIn::SecondStep { .. } => panic!("a second factor"),
    }
}

#[tokio::test]
async fn a_life_from_sign_up_to_removal_reads_back_as_it_was_written() {
    let bureau = Bureau::new().await;
    let tools = bureau.tools();
    let owner = bureau.opened().await;
    let tenant = owner.user.tenant;
    let (account, user) = users::myself(&tools, tenant, owner.user.id).await.expect("myself");
    assert_eq!((account.settings.name.as_str(), &user), ("Acme", &owner.user));
    assert_eq!(bureau.session(&owner.token).await.as_ref(), Some(&owner.session));

    let member = bureau.join(tenant, "jo@acme.example", Role::Manager).await;
    let listed: Vec<UserId> =
        bureau.store.users(tenant).await.expect("users").iter().map(|user| user.id).collect();
    assert_eq!(listed, [owner.user.id, member.user.id]);
    assert!(bureau.store.invitations(tenant).await.expect("invitations").is_empty());

    bureau.clock.advance(700);
    let hash = api_keys::hash(member.token.expose());
    let now = bureau.clock.now();
    sessions::note_use(&bureau.store, &hash, &member.session, now).await.expect("noted");
    assert_eq!(bureau.session(&member.token).await.expect("a session").last_used_at, now);
    let listed = sessions::list(&tools, tenant, member.user.id).await.expect("listed");
    assert_eq!(listed.iter().map(|session| session.last_used_at).collect::<Vec<_>>(), [now]);

    let by = system();
    let (to, password) = ("joe@acme.example".parse().expect("an address"), Secret::new(PASSWORD));
    email::ask(&tools, &by, tenant, member.user.id, &to, &password).await.expect("asked");
    email::confirm(&tools, &visitor(), &bureau.token("joe@acme.example")).await.expect("confirmed");
    assert_eq!(refused(bureau.sign_in("jo@acme.example", PASSWORD).await), Refused::WrongCredentials);
    let again = signed_in(bureau.sign_in("joe@acme.example", PASSWORD).await);
    assert_eq!(again.user.email.as_str(), "joe@acme.example");

    sign_out(&tools, &by, tenant, again.user.id, again.session.id, &api_keys::hash(again.token.expose()))
        .await
        .expect("signed out");
    assert_eq!(bureau.session(&again.token).await, None);
    sessions::note_use(
        &bureau.store,
        &api_keys::hash(again.token.expose()),
        &again.session,
        now + Duration::from_secs(9_000),
    )
    .await
    .expect("no error");
    assert_eq!(bureau.session(&again.token).await, None, "noting a use brings no session back");

    users::remove(&tools, &by, Role::Owner, tenant, member.user.id).await.expect("removed");
    assert_eq!(bureau.session(&member.token).await, None);
    assert!(bureau.store.person(tenant, member.user.id).await.expect("a read").is_none());
    let joined_again = bureau.join(tenant, "joe@acme.example", Role::Analyst).await;
    assert_ne!(joined_again.user.id, member.user.id);
}

#[tokio::test]
async fn another_tenant_reads_nothing() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    let tenant = owner.user.tenant;
    bureau.invite(tenant, "x@acme.example", Role::Analyst).await;
    let other = TenantId::from_uuid(uuid::Uuid::from_u128(77));
    let store = &bureau.store;
    assert!(store.account(other).await.expect("a read").is_none());
    assert!(store.person(other, owner.user.id).await.expect("a read").is_none());
    assert!(store.users(other).await.expect("a read").is_empty());
    assert!(store.invitations(other).await.expect("a read").is_empty());
    assert!(store.api_keys(other).await.expect("a read").is_empty());
}

#[tokio::test]
async fn no_session_of_an_old_role_is_left_when_twenty_sign_in_while_it_changes() {
    let bureau = Bureau::lenient().await;
    let owner = bureau.opened().await;
    let tenant = owner.user.tenant;
    for round in 0..3 {
        let address = format!("jo{round}@acme.example");
        let member = bureau.join(tenant, &address, Role::Manager).await;
        let tools = bureau.tools();
        let patch = UserPatch { version: 1, role: Some(Role::Analyst), ..UserPatch::default() };
        let by = system();
        let change = users::update(&tools, &by, Role::Owner, tenant, member.user.id, &patch);
        let sign_ins = join_all((0..10).map(|_| bureau.sign_in(&address, PASSWORD)));
        let (first, changed, others) =
            tokio::join!(sign_ins, change, join_all((0..10).map(|_| bureau.sign_in(&address, PASSWORD))));
        assert_eq!(changed.expect("changed").role, Role::Analyst);
        let mut left = 0;
        for done in first.into_iter().chain(others) {
            let began = signed_in(done);
            if let Some(session) = bureau.session(&began.token).await {
                assert_eq!(session.role, Role::Analyst, "round {round}");
                left += 1;
            }
        }
        assert_eq!(bureau.session(&member.token).await, None);
        let person = bureau.store.person(tenant, member.user.id).await.expect("a read").expect("a person");
        assert_eq!(person.sessions.len(), left, "lists and look-ups agree");
    }
}

#[tokio::test]
async fn twenty_sign_ins_at_once_and_one_more_leave_twenty_sessions() {
    let bureau = Bureau::lenient().await;
    let owner = bureau.opened().await;
    for at_once in [20, 7] {
        bureau.clock.advance(1);
        for done in join_all((0..at_once).map(|_| bureau.sign_in(OWNER, PASSWORD))).await {
            signed_in(done);
        }
    }
    let person =
        bureau.store.person(owner.user.tenant, owner.user.id).await.expect("a read").expect("a person");
    assert_eq!((person.sessions.len(), person.sign_ins), (20, 27));
    assert_eq!(bureau.session(&owner.token).await, None, "the oldest has ended");
}

#[tokio::test]
async fn of_fifty_wrong_passwords_at_once_ten_are_judged() {
    let bureau = Bureau::new().await;
    bureau.opened().await;
    for address in [OWNER, "nobody@acme.example"] {
        let before = bureau.counted.verified();
        let done = join_all((0..50).map(|_| bureau.sign_in(address, "not the password"))).await;
        let refusals: Vec<Refused> = done.into_iter().map(refused).collect();
        let wrong = refusals.iter().filter(|refused| **refused == Refused::WrongCredentials).count();
        let locked = refusals.iter().filter(|refused| matches!(refused, Refused::Locked { .. })).count();
        assert_eq!((wrong, locked, bureau.counted.verified() - before), (10, 40, 10), "{address}");
        // Beyond the window of the network address, which both addresses share.
        bureau.clock.advance(900);
    }
}

#[tokio::test]
async fn of_two_who_use_one_link_at_once_one_succeeds() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    password::ask_reset(&bureau.tools(), &visitor(), &OWNER.parse().expect("an address"))
        .await
        .expect("asked");
    let token = bureau.token(OWNER);
    let (tools, visitor) = (bureau.tools(), visitor());
    let (one, other) = (Secret::new("the first new password"), Secret::new("the second new password"));
    let (first, second) = tokio::join!(
        password::reset(&tools, &visitor, &token, &one),
        password::reset(&tools, &visitor, &token, &other)
    );
    assert!(first.is_ok() != second.is_ok());
    let (good, bad) = if first.is_ok() { (one, other) } else { (other, one) };
    let loser = if first.is_ok() { second } else { first };
    assert_eq!(refused(loser), Refused::TokenInvalid);
    signed_in(bureau.sign_in(OWNER, good.expose()).await);
    assert_eq!(refused(bureau.sign_in(OWNER, bad.expose()).await), Refused::WrongCredentials);
    assert_eq!(bureau.session(&owner.token).await, None);
}

#[tokio::test]
async fn an_invitation_is_accepted_once_and_a_sign_up_opens_one_account() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    let token = bureau.invite(owner.user.tenant, "jo@acme.example", Role::Analyst).await;
    let (tools, visitor, password) = (bureau.tools(), visitor(), Secret::new(PASSWORD));
    let accept = || invitations::accept(&tools, &visitor, &token, "Jo", &password);
    let done = join_all([accept(), accept(), accept(), accept()]).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(bureau.store.users(owner.user.tenant).await.expect("users").len(), 2);

    let settings =
        AccountSettings { name: "Two".to_owned(), currency: Default::default(), time_zone: "UTC".to_owned() };
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let email = "two@two.example".parse().expect("an address");
        let ask = SignUp { email, name: "Two".to_owned(), settings: settings.clone() };
        sign_up::ask(&tools, &visitor, ask).await.expect("asked");
        tokens.push(bureau.token("two@two.example"));
    }
    let confirms = tokens.iter().map(|token| sign_up::confirm(&tools, &visitor, token, &password));
    let done = join_all(confirms).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "one address, one account");
}

#[tokio::test]
async fn two_owners_who_demote_each_other_at_once_leave_one() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    let tenant = owner.user.tenant;
    let second = bureau.join(tenant, "second@acme.example", Role::Owner).await;
    let (tools, by) = (bureau.tools(), system());
    let patch = UserPatch { version: 1, role: Some(Role::Admin), ..UserPatch::default() };
    let (one, other) = tokio::join!(
        users::update(&tools, &by, Role::Owner, tenant, owner.user.id, &patch),
        users::update(&tools, &by, Role::Owner, tenant, second.user.id, &patch)
    );
    assert!(one.is_ok() != other.is_ok());
    let loser = if one.is_ok() { other } else { one };
    assert_eq!(refused(loser), Refused::LastOwner);
    let owners = bureau.store.users(tenant).await.expect("users");
    assert_eq!(owners.iter().filter(|user| user.is_active_owner()).count(), 1);
}

#[tokio::test]
async fn seats_are_exact() {
    let bureau = Bureau::new().await;
    let tenant = bureau.opened().await.user.tenant;
    for users in [100, 98] {
        let acts = [Act::Seats { users, owners: 0 }];
        assert_eq!(bureau.store.commit(tenant, &acts, None).await.expect("a write"), Committed::Done);
    }
    let one_more = [Act::Seats { users: 1, owners: 0 }];
    let done = join_all((0..5).map(|_| bureau.store.commit(tenant, &one_more, None))).await;
    let count =
        |wanted: Committed| done.iter().filter(|done| done.as_ref().is_ok_and(|is| *is == wanted)).count();
    assert_eq!((count(Committed::Done), count(Committed::Refused(Why::Full))), (1, 4));
}

#[tokio::test]
async fn a_code_and_a_recovery_code_are_good_once_also_at_once() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    let (tools, by, visitor) = (bureau.tools(), system(), visitor());
    let (tenant, user) = (owner.user.tenant, owner.user.id);
    let begun = second_factor::begin(&tools, &by, tenant, user, &Secret::new(PASSWORD)).await.expect("begun");
    let code = totp::code_at(&begun.seed, bureau.clock.now()).expect("a code");
    let (on, recovery) = second_factor::confirm(&tools, &by, tenant, user, &code).await.expect("on");
    assert!(on.user.second_factor);
    assert_eq!(bureau.session(&owner.token).await, None);
    bureau.clock.advance(60);
    let code = totp::code_at(&begun.seed, bureau.clock.now()).expect("a code");
    for code in [code.as_str(), recovery[0].expose()] {
        let mut tokens = Vec::new();
        for _ in 0..4 {
            match bureau.sign_in(OWNER, PASSWORD).await.expect("an answer") {
                SignIn::SecondStep { token, .. } => tokens.push(token),
                SignIn::Done(_) => panic!("no second factor was asked"),
            }
        }
        let done = join_all(tokens.iter().map(|token| second_step(&tools, &visitor, token, code))).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{code}");
    }
    let person = bureau.store.person(tenant, user).await.expect("a read").expect("a person");
    assert_eq!(person.credentials.second_factor.expect("a factor").recovery.len(), 9);
}

#[tokio::test]
async fn a_refused_commit_writes_no_audit_entry_and_nothing_else() {
    let bureau = Bureau::new().await;
    let owner = bureau.opened().await;
    // The attributes of an item come in any order.
    let in_order = |item: String| {
        let mut attributes: Vec<&str> = item.lines().collect();
        attributes.sort_unstable();
        attributes.join("\n")
    };
    let before: HashSet<String> = bureau.items().await.into_iter().map(in_order).collect();
    let patch = UserPatch { version: 1, status: Some(UserStatus::Suspended), ..UserPatch::default() };
    let tools = bureau.tools();
    let done = users::update(&tools, &system(), Role::Owner, owner.user.tenant, owner.user.id, &patch).await;
    assert_eq!(refused(done), Refused::LastOwner);
    let after: HashSet<String> = bureau.items().await.into_iter().map(in_order).collect();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_stolen_table_holds_no_password_token_or_seed() {
    let passwords = Argon2Passwords::with(64, 1).expect("parameters");
    let bureau = Bureau::with(Arc::new(passwords)).await;
    let (tools, by, visitor) = (bureau.tools(), system(), visitor());
    let owner = bureau.opened().await;
    let (tenant, user) = (owner.user.tenant, owner.user.id);
    let mut secrets = vec![PASSWORD.to_owned(), owner.token.expose().to_owned()];
    secrets.push(bureau.invite(tenant, "jo@acme.example", Role::Analyst).await.expose().to_owned());
    password::ask_reset(&tools, &visitor, &OWNER.parse().expect("an address")).await.expect("asked");
    secrets.push(bureau.token(OWNER).expose().to_owned());
    let key = keys::NewKey { name: "a key".to_owned(), scopes: vec!["*".to_owned()], expires_at: None };
    let (_, token) = keys::create(&tools, &by, tenant, key, &|_| true).await.expect("a key");
    secrets.push(token.expose().to_owned());
    let begun = second_factor::begin(&tools, &by, tenant, user, &Secret::new(PASSWORD)).await.expect("begun");
    secrets.push(begun.seed.expose().to_owned());
    let items = bureau.items().await;
    let code = totp::code_at(&begun.seed, bureau.clock.now()).expect("a code");
    let (again, recovery) = second_factor::confirm(&tools, &by, tenant, user, &code).await.expect("on");
    secrets.push(again.token.expose().to_owned());
    secrets.extend(recovery.iter().map(|code| code.expose().to_owned()));
    match bureau.sign_in(OWNER, PASSWORD).await.expect("an answer") {
        SignIn::SecondStep { token, .. } => secrets.push(token.expose().to_owned()),
        SignIn::Done(_) => panic!("no second factor was asked"),
    }

    let table = [items, bureau.items().await].concat().join("\n").to_lowercase();
    assert!(table.contains("$argon2id$v=19$m=64,t=1,p=1$"), "the password is there as a hash");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    for secret in secrets {
        // A token is as good without its prefix.
        let bare = secret.rsplit('_').next().unwrap_or(&secret).to_owned();
        for plain in [secret, bare.replace('-', ""), bare] {
            for form in [plain.clone(), hex(plain.as_bytes()), engine.encode(plain.as_bytes())] {
                assert!(!table.contains(&form.to_lowercase()), "in the table: {form}");
            }
        }
    }
}
