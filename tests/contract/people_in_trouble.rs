//! Accounts and people on a table in trouble: a fifth of all transactions in conflict, a tenth of all requests throttled, and
//! answers that are lost. What happens once happens once, and nothing is left half done.

use app::api_keys;
use app::clock::Clock;
use app::identity::sign_up::{self, SignUp};
use app::identity::{Done, NotDone, Refused, invitations, password, sessions};
use app::ports::{Audit, Identity, PortError};
use app::secret::Secret;
use domain::access::Role;
use domain::ids::TenantId;
use domain::people::AccountSettings;
use futures::future::join_all;
use jiff::SignedDuration;
use jiff::civil::date;
use testkit::faults::{Fault, Rule};

use crate::people::{Bureau, OWNER, PASSWORD, refused, signed_in, system, visitor};
use crate::support::a_busy_table;

/// How often each story is told; the dice of the faults go on from one to the next.
const ROUNDS: usize = 6;

/// A busy table that also loses answers of transactions it has made.
fn trouble() -> Vec<Rule> {
    let mut rules = a_busy_table().to_vec();
    rules.push(Rule::percent(10, Fault::LostAnswer).on("TransactWriteItems"));
    rules
}

/// How many items of the table have this kind.
async fn count(bureau: &Bureau, kind: &str) -> usize {
    let wanted = format!("kind={kind}");
    bureau.items().await.iter().filter(|item| item.lines().any(|line| line == wanted)).count()
}

async fn actions(bureau: &Bureau, tenant: TenantId) -> Vec<String> {
    let page = bureau.database.store().page(tenant, date(2026, 11, 1), None, 200).await.expect("a page");
    page.items.into_iter().map(|entry| entry.action).collect()
}

fn times(actions: &[String], wanted: &str) -> usize {
    actions.iter().filter(|action| *action == wanted).count()
}

/// What was done, or why not; on a table like this one may also be told to come back later, and nothing has happened then.
fn settled<T>(done: Done<T>) -> Option<Result<T, Refused>> {
    match done {
        Ok(done) => Some(Ok(done)),
        Err(NotDone::Refused(refused)) => Some(Err(refused)),
        Err(NotDone::Failed(PortError::Busy { .. })) => None,
        Err(NotDone::Failed(error)) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_signs_up_twice_at_once_has_one_account() {
    let bureau = Bureau::before_trouble().await;
    for round in 0..ROUNDS {
        let address = format!("owner{round}@acme.example");
        let mut links = Vec::new();
        for _ in 0..2 {
            let settings = AccountSettings {
                name: "Acme".to_owned(),
                currency: Default::default(),
                time_zone: "UTC".to_owned(),
            };
            let email = address.parse().expect("an address");
            let ask = SignUp { email, name: "Olga".to_owned(), settings };
            sign_up::ask(&bureau.tools(), &visitor(), ask).await.expect("asked");
            links.push(bureau.token(&address));
        }
        bureau.trouble(&trouble());
        let (tools, visitor, password) = (bureau.tools(), visitor(), Secret::new(PASSWORD));
        // Each of the two links is followed twice.
        let confirms = links.iter().chain(&links);
        let confirms = confirms.map(|link| sign_up::confirm(&tools, &visitor, link, &password));
        let done: Vec<_> = join_all(confirms).await.into_iter().filter_map(settled).collect();
        bureau.proxy.as_ref().expect("a proxy").heal();
        let (opened, others): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
        let why: Vec<Refused> = others.into_iter().filter_map(Result::err).collect();
        assert_eq!(opened.len(), 1, "round {round}: {why:?}");
        assert!(
            why.iter().all(|why| matches!(why, Refused::EmailTaken | Refused::TokenInvalid)),
            "round {round}: {why:?}"
        );
        let owner = opened.into_iter().find_map(Result::ok).expect("opened");
        assert_eq!(actions(&bureau, owner.user.tenant).await, ["account.opened"]);
        assert_eq!(bureau.session(&owner.token).await, Some(owner.session));
        signed_in(bureau.sign_in(&address, PASSWORD).await);
        let so_far = round + 1;
        for kind in ["account", "user", "credentials", "email"] {
            assert_eq!(count(&bureau, kind).await, so_far, "{kind}");
        }
        bureau.clock.advance(3_600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_is_accepted_twice_at_once_makes_one_person() {
    let bureau = Bureau::before_trouble().await;
    let tenant = bureau.opened().await.user.tenant;
    for round in 0..ROUNDS {
        let address = format!("jo{round}@acme.example");
        let link = bureau.invite(tenant, &address, Role::Analyst).await;
        bureau.trouble(&trouble());
        let (tools, visitor) = (bureau.tools(), visitor());
        let passwords = ["the first new password", "the second new password", "a third new password"];
        let passwords = passwords.map(Secret::new);
        let accepts =
            passwords.iter().map(|password| invitations::accept(&tools, &visitor, &link, "Jo", password));
        let done: Vec<_> = join_all(accepts).await.into_iter().map(settled).collect();
        bureau.proxy.as_ref().expect("a proxy").heal();
        let joined: Vec<&Secret> = passwords
            .iter()
            .zip(&done)
            .filter(|(_, done)| matches!(done, Some(Ok(_))))
            .map(|(one, _)| one)
            .collect();
        assert_eq!(joined.len(), 1, "round {round}: {done:?}");
        for password in &passwords {
            let tried = bureau.sign_in(&address, password.expose()).await;
            if password.expose() == joined[0].expose() {
                signed_in(tried);
            } else {
                assert_eq!(refused(tried), Refused::WrongCredentials);
            }
        }
        let users = bureau.store.users(tenant).await.expect("users");
        assert_eq!(users.len(), round + 2);
        assert!(bureau.store.invitations(tenant).await.expect("invitations").is_empty());
        assert_eq!(times(&actions(&bureau, tenant).await, "invitation.accepted"), round + 1);
        let seats = format!("users={}", round + 2);
        let items = bureau.items().await;
        let accounts: Vec<&String> = items
            .iter()
            .filter(|item| item.contains("kind=account\n") || item.ends_with("kind=account"))
            .collect();
        assert!(accounts.iter().any(|item| item.lines().any(|line| line == seats)), "{seats}: {accounts:?}");
        bureau.clock.advance(3_600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_and_wrong_passwords_are_counted_exactly() {
    let bureau = Bureau::before_trouble().await;
    let owner = bureau.opened().await;
    let (tenant, user) = (owner.user.tenant, owner.user.id);
    bureau.trouble(&trouble());
    let mut began = 0;
    for _ in 0..ROUNDS {
        let done = join_all((0..4).map(|_| bureau.sign_in(OWNER, PASSWORD))).await;
        began += done.into_iter().filter_map(settled).filter(Result::is_ok).count();
    }
    bureau.proxy.as_ref().expect("a proxy").heal();
    assert!(began > ROUNDS, "most of them go through: {began}");
    let person = bureau.store.person(tenant, user).await.expect("a read").expect("a person");
    assert_eq!(usize::try_from(person.sign_ins).expect("a number"), began);
    assert_eq!(
        person.sessions.len(),
        (began + 1).min(20),
        "sessions of sign-ins, and the one of the sign-up"
    );
    for kept in &person.sessions {
        let found = bureau.store.session(&kept.token_hash).await.expect("a read");
        assert_eq!(found.as_ref(), Some(&kept.session), "lists and look-ups agree");
    }
    assert_eq!(times(&actions(&bureau, tenant).await, "session.began"), began);

    // Wrong passwords: never more than ten are judged, however often counting them has to be repeated.
    bureau.clock.advance(3_600);
    bureau.trouble(&a_busy_table());
    let before = bureau.counted.verified();
    let done = join_all((0..40).map(|_| bureau.sign_in(OWNER, "not the password"))).await;
    let done: Vec<Refused> = done.into_iter().filter_map(settled).filter_map(Result::err).collect();
    bureau.proxy.as_ref().expect("a proxy").heal();
    let wrong = done.iter().filter(|why| **why == Refused::WrongCredentials).count();
    let locked = done.iter().filter(|why| matches!(why, Refused::Locked { .. })).count();
    assert_eq!((wrong, wrong + locked, bureau.counted.verified() - before), (10, done.len(), 10));
    assert!(matches!(refused(bureau.sign_in(OWNER, PASSWORD).await), Refused::Locked { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_is_gone_everywhere_and_no_other_with_it() {
    let bureau = Bureau::before_trouble().await;
    let owner = bureau.opened().await;
    let (tenant, user) = (owner.user.tenant, owner.user.id);
    for round in 0..ROUNDS {
        let doomed = signed_in(bureau.sign_in(OWNER, PASSWORD).await);
        let kept = signed_in(bureau.sign_in(OWNER, PASSWORD).await);
        bureau.trouble(&trouble());
        let (tools, by) = (bureau.tools(), system());
        let hash = api_keys::hash(doomed.token.expose());
        let later = bureau.clock.now() + SignedDuration::from_secs(700);
        let revoke = || sessions::revoke(&tools, &by, tenant, user, doomed.session.id);
        // While it is revoked twice it is used, and somebody signs in.
        let (first, second, used, other) = tokio::join!(
            revoke(),
            revoke(),
            sessions::note_use(&bureau.store, &hash, &doomed.session, later),
            bureau.sign_in(OWNER, PASSWORD)
        );
        let done: Vec<_> = [first, second].into_iter().filter_map(settled).collect();
        bureau.proxy.as_ref().expect("a proxy").heal();
        assert!(done.iter().any(Result::is_ok), "round {round}: {done:?}");
        assert!(done.iter().all(|done| matches!(done, Ok(()) | Err(Refused::NotFound))), "{done:?}");
        if let Err(error) = used {
            assert!(matches!(error, PortError::Busy { .. }), "{error:?}");
        }
        assert_eq!(bureau.session(&doomed.token).await, None, "round {round}");
        assert!(bureau.session(&kept.token).await.is_some());
        if let Some(Ok(other)) = settled(other) {
            assert!(bureau.session(&signed_in(Ok(other)).token).await.is_some());
        }
        let person = bureau.store.person(tenant, user).await.expect("a read").expect("a person");
        assert!(person.sessions.iter().all(|kept| kept.session.id != doomed.session.id));
        assert_eq!(count(&bureau, "session").await, count(&bureau, "listed_session").await, "round {round}");

        // A new password ends them all, in one commit.
        bureau.clock.advance(3_600);
    }
    bureau.trouble(&trouble());
    let new = Secret::new("quite another password");
    let tools = bureau.tools();
    let changed = loop {
        let done = password::change(&tools, &system(), tenant, user, &Secret::new(PASSWORD), &new).await;
        if let Some(done) = settled(done) {
            break done.expect("changed");
        }
    };
    bureau.proxy.as_ref().expect("a proxy").heal();
    let person = bureau.store.person(tenant, user).await.expect("a read").expect("a person");
    let left: Vec<_> = person.sessions.iter().map(|kept| kept.session.id).collect();
    assert_eq!(left, [changed.session.id]);
    assert_eq!((count(&bureau, "session").await, count(&bureau, "listed_session").await), (1, 1));
    assert_eq!(times(&actions(&bureau, tenant).await, "user.password_changed"), 1);
}
