//! The catalogue: names and numbers are unique, and nobody's change is lost.

use app::ports::{Catalog, Kind, MAX_OF_A_KIND, Numbers, Record, Saved};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{CampaignId, NumberId, TargetId, TenantId};
use domain::phone::E164;
use futures::future::join_all;
use serde_json::json;
use testkit::database::TABLE;
use uuid::Uuid;

use crate::support::*;

fn record(id: impl ToString, version: u64, body: serde_json::Value) -> Record {
    Record {
        id: id.to_string(),
        version,
        created_at: noon(),
        updated_at: after(i64::try_from(version).expect("small")),
        body,
    }
}

fn target_record(number: u128, version: u64) -> Record {
    record(TargetId::from_uuid(Uuid::from_u128(number)), version, json!({ "name": "a", "big": u64::MAX }))
}

#[tokio::test]
async fn what_is_created_is_found_listed_changed_and_removed() {
    let database = database().await;
    let store = database.store();
    let (kind, one, two) = (Kind::Target, target_record(1, 1), target_record(2, 1));
    assert_eq!(store.create(tenant(), kind, &two, "two", &noted()).await.expect("an answer"), Saved::Done);
    assert_eq!(store.create(tenant(), kind, &one, "one", &noted()).await.expect("an answer"), Saved::Done);
    assert_eq!(Catalog::get(&store, tenant(), kind, &one.id).await.expect("a read"), Some(one.clone()));
    assert_eq!(store.list(tenant(), kind).await.expect("a list"), [one.clone(), two.clone()]);
    assert!(store.list(tenant(), Kind::Campaign).await.expect("a list").is_empty());
    assert!(store.list(id::<domain::ids::TenantNoun>(8), kind).await.expect("a list").is_empty());

    let changed = Record { version: 2, updated_at: after(9), body: json!({ "name": "b" }), ..one.clone() };
    let replaced =
        store.replace(tenant(), kind, &changed, "uno", (&one, "one"), &noted()).await.expect("an answer");
    assert_eq!(replaced, Saved::Done);
    assert_eq!(Catalog::get(&store, tenant(), kind, &one.id).await.expect("a read"), Some(changed.clone()));

    assert_eq!(
        store.delete(tenant(), kind, &one, "one", &noted()).await.expect("an answer"),
        Saved::Changed,
        "an old version"
    );
    assert_eq!(
        store.delete(tenant(), kind, &changed, "uno", &noted()).await.expect("an answer"),
        Saved::Done
    );
    assert_eq!(Catalog::get(&store, tenant(), kind, &one.id).await.expect("a read"), None);
    assert_eq!(store.list(tenant(), kind).await.expect("a list"), [two]);
    for stranger in ["", "META", "TA#x", "CA00000000000000000000000000000001"] {
        assert_eq!(Catalog::get(&store, tenant(), kind, stranger).await.expect("a read"), None);
    }
}

#[tokio::test]
async fn a_name_is_taken_until_it_is_given_up() {
    let database = database().await;
    let store = database.store();
    let (kind, one, two) = (Kind::Target, target_record(1, 1), target_record(2, 1));
    assert_eq!(store.create(tenant(), kind, &one, "one", &noted()).await.expect("an answer"), Saved::Done);
    assert_eq!(store.create(tenant(), kind, &two, "one", &noted()).await.expect("an answer"), Saved::Taken);
    assert_eq!(
        Catalog::get(&store, tenant(), kind, &two.id).await.expect("a read"),
        None,
        "nothing was written"
    );
    // Other kinds and other tenants have names of their own.
    let campaign = record(CampaignId::from_uuid(Uuid::from_u128(1)), 1, json!({}));
    assert_eq!(
        store.create(tenant(), Kind::Campaign, &campaign, "one", &noted()).await.expect("an answer"),
        Saved::Done
    );
    let other: TenantId = id(8);
    assert_eq!(
        store.create(other, kind, &target_record(3, 1), "one", &noted()).await.expect("an answer"),
        Saved::Done
    );

    let renamed = Record { version: 2, ..one.clone() };
    assert_eq!(store.create(tenant(), kind, &two, "two", &noted()).await.expect("an answer"), Saved::Done);
    let to_two =
        store.replace(tenant(), kind, &renamed, "two", (&one, "one"), &noted()).await.expect("an answer");
    assert_eq!(to_two, Saved::Taken);
    let to_three =
        store.replace(tenant(), kind, &renamed, "three", (&one, "one"), &noted()).await.expect("an answer");
    assert_eq!(to_three, Saved::Done);
    let four = target_record(4, 1);
    assert_eq!(
        store.create(tenant(), kind, &four, "one", &noted()).await.expect("an answer"),
        Saved::Done,
        "given up"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_that_want_a_name_one_gets_it() {
    let troubled = troubled(&a_busy_table()).await;
    let creations = (1..=20).map(|number| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            store.create(tenant(), Kind::Target, &target_record(number, 1), "wanted", &noted()).await
        })
    });
    let saved: Vec<Saved> = join_all(creations)
        .await
        .into_iter()
        .map(|joined| joined.expect("no panic").expect("an answer"))
        .collect();
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::Done).count(), 1);
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::Taken).count(), 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_changes_to_one_version_one_holds() {
    let troubled = troubled(&a_busy_table()).await;
    let before = target_record(1, 1);
    troubled
        .database
        .store()
        .create(tenant(), Kind::Target, &before, "one", &noted())
        .await
        .expect("created");
    let changes = (0..10).map(|number| {
        let (store, before) = (troubled.store.clone(), before.clone());
        tokio::spawn(async move {
            let after = Record { version: 2, body: json!({ "by": number }), ..before.clone() };
            store.replace(tenant(), Kind::Target, &after, "one", (&before, "one"), &noted()).await
        })
    });
    let saved: Vec<Saved> = join_all(changes)
        .await
        .into_iter()
        .map(|joined| joined.expect("no panic").expect("an answer"))
        .collect();
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::Done).count(), 1);
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::Changed).count(), 9);
}

fn number_record(number: u128, version: u64, campaign: Option<CampaignId>) -> Record {
    let body = json!({
        "number": "+14155550100",
        "account_sid": format!("AC{:032x}", 1),
        "campaign": campaign,
    });
    record(NumberId::from_uuid(Uuid::from_u128(number)), version, body)
}

#[tokio::test]
async fn a_number_belongs_to_one_tenant_and_the_call_path_knows_whose() {
    let database = database().await;
    let store = database.store();
    let dialled: E164 = "+14155550100".parse().expect("a number");
    assert_eq!(store.owner(&dialled).await.expect("a read"), None);

    let silent = number_record(1, 1, None);
    let saved =
        store.create(tenant(), Kind::Number, &silent, dialled.as_str(), &noted()).await.expect("an answer");
    assert_eq!(saved, Saved::Done);
    let other: TenantId = id(8);
    let taken =
        store.create(other, Kind::Number, &number_record(2, 1, None), dialled.as_str(), &noted()).await;
    assert_eq!(taken.expect("an answer"), Saved::Taken);
    let owner = store.owner(&dialled).await.expect("a read").expect("an owner");
    assert_eq!((owner.tenant, owner.campaign), (tenant(), None));
    assert_eq!(owner.number_id.to_string(), silent.id);

    let answered = number_record(1, 2, Some(campaign()));
    let number = dialled.as_str();
    let replaced =
        store.replace(tenant(), Kind::Number, &answered, number, (&silent, number), &noted()).await;
    assert_eq!(replaced.expect("an answer"), Saved::Done);
    let owner = store.owner(&dialled).await.expect("a read").expect("an owner");
    assert_eq!(owner.campaign, Some(campaign()));

    assert_eq!(
        store.delete(tenant(), Kind::Number, &answered, number, &noted()).await.expect("an answer"),
        Saved::Done
    );
    assert_eq!(store.owner(&dialled).await.expect("a read"), None);
    let again = store
        .create(other, Kind::Number, &number_record(2, 1, None), number, &noted())
        .await
        .expect("an answer");
    assert_eq!(again, Saved::Done);
}

/// Makes the table believe that there are so many targets.
async fn pretend(database: &testkit::database::TestDatabase, targets: u32) {
    let key = store::keys::count(tenant(), Kind::Target);
    let put = database.client().put_item().table_name(TABLE);
    let put = put
        .item("pk", AttributeValue::S(key.pk))
        .item("sk", AttributeValue::S(key.sk))
        .item("things", AttributeValue::N(targets.to_string()));
    put.send().await.expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_as_many_of_a_kind_are_created_as_there_is_room_for() {
    let troubled = troubled(&a_busy_table()).await;
    pretend(&troubled.database, MAX_OF_A_KIND - 5).await;
    let creations = (1..=20).map(|number: u128| {
        let store = troubled.store.clone();
        tokio::spawn(async move {
            let record = target_record(number, 1);
            // Many at once at one count: whoever is told that the table is busy asks again.
            loop {
                match store.create(tenant(), Kind::Target, &record, &number.to_string(), &noted()).await {
                    Err(app::ports::PortError::Busy { .. }) => {}
                    answer => break answer,
                }
            }
        })
    });
    let saved: Vec<Saved> = join_all(creations)
        .await
        .into_iter()
        .map(|joined| joined.expect("no panic").expect("an answer"))
        .collect();
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::Done).count(), 5);
    assert_eq!(saved.iter().filter(|saved| **saved == Saved::LimitReached).count(), 15);

    let store = troubled.database.store();
    let there = store.list(tenant(), Kind::Target).await.expect("a list");
    assert_eq!(there.len(), 5, "what was refused was not written");
    let other = store.create(id(8), Kind::Target, &target_record(30, 1), "30").await.expect("an answer");
    assert_eq!(other, Saved::Done, "another tenant has room of its own");

    let one = &there[0];
    let name = one.id.parse::<TargetId>().expect("an id").uuid().as_u128().to_string();
    assert_eq!(
        store.delete(tenant(), Kind::Target, one, &name, &noted()).await.expect("an answer"),
        Saved::Done
    );
    let again =
        store.create(tenant(), Kind::Target, &target_record(31, 1), "31", &noted()).await.expect("an answer");
    assert_eq!(again, Saved::Done, "a removal makes room");
    let beyond =
        store.create(tenant(), Kind::Target, &target_record(32, 1), "32", &noted()).await.expect("an answer");
    assert_eq!(beyond, Saved::LimitReached);
}

#[tokio::test]
async fn a_creation_that_is_refused_is_not_counted() {
    let database = database().await;
    let store = database.store();
    pretend(&database, MAX_OF_A_KIND - 2).await;
    store.create(tenant(), Kind::Target, &target_record(1, 1), "one", &noted()).await.expect("created");
    for number in 2..=5 {
        let taken = store.create(tenant(), Kind::Target, &target_record(number, 1), "one", &noted()).await;
        assert_eq!(taken.expect("an answer"), Saved::Taken);
    }
    let last =
        store.create(tenant(), Kind::Target, &target_record(6, 1), "six", &noted()).await.expect("an answer");
    assert_eq!(last, Saved::Done);
    let full =
        store.create(tenant(), Kind::Target, &target_record(7, 1), "one", &noted()).await.expect("an answer");
    assert_eq!(full, Saved::Taken, "the name is told first: it stays wrong when there is room");
}
