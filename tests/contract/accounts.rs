//! Twilio accounts and wrapped data keys: whose they are, and that nobody writes over anybody.

use std::sync::Arc;

use app::ports::{AccountRow, Accounts, Saved, Sealed, SealedToken, WrappedKey, WrappedKeys};
use domain::ids::{AccountSid, TenantId};
use futures::future::join_all;
use testkit::fakes::FakeAccounts;
use testkit::faults::{Fault, Rule};

use crate::support::*;

fn sid(number: u32) -> AccountSid {
    format!("AC{number:032x}").parse().expect("a sid")
}

fn other() -> TenantId {
    id(8)
}

fn row(tenant: TenantId, number: u32, version: u64) -> AccountRow {
    AccountRow {
        account_sid: sid(number),
        tenant,
        name: format!("Account {number}"),
        tokens: vec![SealedToken {
            id: "0123abcd".to_owned(),
            sealed: Sealed("v1.k1.c2VhbGVk".to_owned()),
            added_at: noon(),
        }],
        sip: None,
        created_at: noon(),
        updated_at: after(i64::try_from(version).expect("small")),
        version,
    }
}

/// What every implementation promises.
async fn holds(accounts: &dyn Accounts) {
    let (mine, theirs) = (row(tenant(), 2, 1), row(other(), 1, 1));
    assert_eq!(accounts.account(&sid(2)).await.expect("a read"), None);
    assert_eq!(accounts.connect_account(tenant(), &mine, &noted()).await.expect("a write"), Saved::Done);
    assert_eq!(accounts.connect_account(other(), &theirs, &noted()).await.expect("a write"), Saved::Done);
    for (tenant, again) in [(tenant(), row(tenant(), 2, 1)), (other(), row(other(), 2, 1))] {
        assert_eq!(accounts.connect_account(tenant, &again, &noted()).await.expect("a write"), Saved::Taken);
    }
    assert_eq!(accounts.account(&sid(2)).await.expect("a read"), Some(mine.clone()));
    assert!(
        accounts.connect_account(other(), &row(tenant(), 5, 1), &noted()).await.is_err(),
        "another tenant's"
    );

    assert_eq!(
        accounts.connect_account(tenant(), &row(tenant(), 1 << 20, 1), &noted()).await.expect("a write"),
        Saved::Done
    );
    let sids = |rows: Vec<AccountRow>| rows.into_iter().map(|row| row.account_sid).collect::<Vec<_>>();
    assert_eq!(sids(accounts.accounts_of(tenant()).await.expect("a list")), [sid(2), sid(1 << 20)]);
    assert_eq!(accounts.accounts_of(other()).await.expect("a list"), std::slice::from_ref(&theirs));
    assert_eq!(accounts.accounts_of(id(9)).await.expect("a list"), []);

    let renamed = AccountRow { name: "Renamed".to_owned(), ..row(tenant(), 2, 2) };
    assert_eq!(accounts.change_account(tenant(), &renamed, 1, &noted()).await.expect("a write"), Saved::Done);
    assert_eq!(
        accounts.change_account(tenant(), &renamed, 1, &noted()).await.expect("a write"),
        Saved::Changed
    );
    assert_eq!(accounts.account(&sid(2)).await.expect("a read"), Some(renamed.clone()));
    let stolen = row(other(), 2, 3);
    assert_eq!(
        accounts.change_account(other(), &stolen, 2, &noted()).await.expect("a write"),
        Saved::Changed
    );
    let absent = row(tenant(), 77, 2);
    assert_eq!(
        accounts.change_account(tenant(), &absent, 1, &noted()).await.expect("a write"),
        Saved::Changed
    );

    for (tenant, account, before) in
        [(other(), sid(2), 2), (tenant(), sid(2), 1), (tenant(), sid(77), 1), (tenant(), sid(1), 1)]
    {
        let left = accounts.disconnect_account(tenant, &account, before, &noted()).await.expect("a write");
        assert_eq!(left, Saved::Changed, "{tenant} {account} {before}");
    }
    assert_eq!(
        accounts.disconnect_account(tenant(), &sid(2), 2, &noted()).await.expect("a write"),
        Saved::Done
    );
    assert_eq!(accounts.account(&sid(2)).await.expect("a read"), None);
    assert_eq!(
        accounts.connect_account(other(), &row(other(), 2, 1), &noted()).await.expect("a write"),
        Saved::Done
    );
}

#[tokio::test]
async fn a_twilio_account_is_one_tenants_and_changes_from_the_version_that_was_read() {
    holds(&FakeAccounts::default()).await;
    holds(&database().await.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_connect_an_account_at_once_one_has_it_even_when_answers_are_lost() {
    for fault in [None, Some(Fault::LostAnswer)] {
        let troubled = troubled(&[]).await;
        if let Some(fault) = fault {
            troubled.proxy.inject(Rule::percent(30, fault).on("TransactWriteItems"));
        }
        let store = Arc::new(troubled.store.clone());
        let connecting = (0..12_u128).map(|number| {
            let store = store.clone();
            let tenant: TenantId = id(100 + number);
            async move { (tenant, store.connect_account(tenant, &row(tenant, 3, 1), &noted()).await) }
        });
        let done: Vec<TenantId> = join_all(connecting)
            .await
            .into_iter()
            .filter(|(_, saved)| matches!(saved, Ok(Saved::Done)))
            .map(|(tenant, _)| tenant)
            .collect();
        let stored = troubled.database.store().account(&sid(3)).await.expect("a read").expect("connected");
        assert_eq!(done, [stored.tenant], "whoever was told so has it, and nobody else was");
    }
}

#[tokio::test]
async fn a_wrapped_key_is_kept_once_and_never_changed() {
    let database = database().await;
    let store = database.store();
    assert_eq!(store.wrapped_keys().await.expect("a read"), []);
    let key = |number: u32, byte: u8| WrappedKey { number, wrapped: vec![byte; 180] };
    assert!(store.keep_wrapped_key(&key(1, 1)).await.expect("a write"));
    assert!(!store.keep_wrapped_key(&key(1, 2)).await.expect("a write"));
    for number in [10, 2] {
        assert!(store.keep_wrapped_key(&key(number, 3)).await.expect("a write"));
    }
    assert_eq!(store.wrapped_keys().await.expect("a read"), [key(1, 1), key(2, 3), key(10, 3)]);
}
