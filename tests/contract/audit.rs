//! A change and its audit entry are one: both are written, or neither; and an entry is never written over.

use std::collections::BTreeMap;

use app::ports::{
    AccountRow, Accounts, Audit, Catalog, Kind, PublishedVersion, Record, Saved, audit_position,
};
use domain::audit::{Actor, AuditEntry, Change};
use domain::ids::{ApiKeyId, CampaignId, RtbTargetId, TargetId, TenantId};
use domain::snapshot::{Prepared, Snapshot};
use jiff::civil::date;
use serde_json::json;
use store::Store;
use uuid::Uuid;

use crate::support::*;

fn entry(number: u128, minutes: i64, action: &str) -> AuditEntry {
    AuditEntry {
        id: id(number),
        at: after(minutes),
        action: action.to_owned(),
        actor: Actor::ApiKey(ApiKeyId::from_uuid(Uuid::from_u128(1))),
        changes: vec![Change { field: "caps.daily".to_owned(), before: None, after: Some(json!(5)) }],
        ..noted()
    }
}

fn record(number: u128, version: u64) -> Record {
    let id = TargetId::from_uuid(Uuid::from_u128(number)).to_string();
    Record { id, version, created_at: noon(), updated_at: noon(), body: json!({ "name": "a" }) }
}

async fn log(store: &Store) -> Vec<AuditEntry> {
    store.page(tenant(), date(2026, 11, 1), None, 100).await.expect("a page").items
}

#[tokio::test]
async fn every_change_brings_its_entry_and_a_refused_one_brings_none() {
    let database = database().await;
    let store = database.store();
    let (kind, one, two) = (Kind::Target, record(1, 1), record(2, 1));
    let changed = Record { version: 2, ..one.clone() };
    let entries: Vec<AuditEntry> =
        (1..=9).map(|number| entry(number, number as i64, "target.done")).collect();

    let saved = [
        store.create(tenant(), kind, &one, "one", &entries[0]).await,
        store.create(tenant(), kind, &two, "one", &entries[1]).await,
        store.create(tenant(), kind, &one, "other", &entries[2]).await,
        store.replace(tenant(), kind, &changed, "uno", (&one, "one"), &entries[3]).await,
        store.replace(tenant(), kind, &changed, "one", (&one, "one"), &entries[4]).await,
        store.delete(tenant(), kind, &one, "one", &entries[5]).await,
        store.delete(tenant(), kind, &changed, "uno", &entries[6]).await,
    ];
    let saved = saved.map(|saved| saved.expect("an answer"));
    use Saved::{Changed, Done, Taken};
    assert_eq!(saved, [Done, Taken, Changed, Done, Changed, Changed, Done]);
    let kept: Vec<AuditEntry> = [6, 3, 0].into_iter().map(|index: usize| entries[index].clone()).collect();
    assert_eq!(log(&store).await, kept, "newest first");
}

#[tokio::test]
async fn what_is_done_to_a_twilio_account_brings_its_entry_and_a_refused_deed_brings_none() {
    let database = database().await;
    let store = database.store();
    let row = |version: u64| AccountRow {
        account_sid: format!("AC{:032x}", 7).parse().expect("a sid"),
        tenant: tenant(),
        name: "Main".to_owned(),
        tokens: Vec::new(),
        sip: None,
        created_at: noon(),
        updated_at: noon(),
        version,
    };
    let sid = row(1).account_sid;
    let entries: Vec<AuditEntry> =
        (1..=6).map(|number| entry(number, number as i64, "twilio_account.done")).collect();
    let saved = [
        store.connect_account(tenant(), &row(1), &entries[0]).await,
        store.connect_account(tenant(), &row(1), &entries[1]).await,
        store.change_account(tenant(), &row(2), 1, &entries[2]).await,
        store.change_account(tenant(), &row(2), 1, &entries[3]).await,
        store.disconnect_account(tenant(), &sid, 1, &entries[4]).await,
        store.disconnect_account(tenant(), &sid, 2, &entries[5]).await,
    ];
    let saved = saved.map(|saved| saved.expect("an answer"));
    use Saved::{Changed, Done, Taken};
    assert_eq!(saved, [Done, Taken, Done, Changed, Changed, Done]);
    let kept: Vec<AuditEntry> = [5, 2, 0].into_iter().map(|index: usize| entries[index].clone()).collect();
    assert_eq!(log(&store).await, kept, "newest first");
}

#[tokio::test]
async fn an_entry_is_never_written_over() {
    let database = database().await;
    let store = database.store();
    let first = entry(1, 1, "target.created");
    store.create(tenant(), Kind::Target, &record(1, 1), "one", &first).await.expect("an answer");
    let forged = AuditEntry { action: "target.forged".to_owned(), ..first.clone() };
    store.note(&forged).await.expect("an answer");
    let saved = store.create(tenant(), Kind::Target, &record(2, 1), "two", &forged).await.expect("an answer");
    assert_eq!(saved, Saved::Changed, "and so the change is not made either");
    assert_eq!(Catalog::get(&store, tenant(), Kind::Target, &record(2, 1).id).await.expect("a read"), None);
    assert_eq!(log(&store).await, [first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_busy_table_there_are_as_many_entries_as_changes() {
    let troubled = troubled(&a_busy_table()).await;
    let mut done = 0;
    for number in 1..=30 {
        let name = format!("name {}", number % 20);
        let entry = entry(number, number as i64, "target.created");
        let saved = troubled.store.create(tenant(), Kind::Target, &record(number, 1), &name, &entry).await;
        done += usize::from(saved.expect("an answer") == Saved::Done);
    }
    assert_eq!(done, 20);
    assert_eq!(log(&troubled.database.store()).await.len(), 20);
}

#[tokio::test]
async fn pages_go_on_at_any_entry() {
    let database = database().await;
    let store = database.store();
    let all: Vec<AuditEntry> = (1..=7).rev().map(|number| entry(number, number as i64, "a.b")).collect();
    for entry in &all {
        store.note(entry).await.expect("noted");
    }
    let month = date(2026, 11, 30);
    let first = store.page(tenant(), month, None, 3).await.expect("a page");
    assert_eq!((&first.items[..], first.next), (&all[..3], Some(audit_position(&all[3]))));
    for (index, entry) in all.iter().enumerate() {
        let rest = store.page(tenant(), month, Some(&audit_position(entry)), 100).await.expect("a page");
        assert_eq!((&rest.items[..], rest.next), (&all[index..], None));
    }
    for (of, month) in [(id::<domain::ids::TenantNoun>(8), month), (tenant(), date(2026, 10, 1))] {
        assert!(store.page(of, month, None, 10).await.expect("a page").items.is_empty());
    }
}

fn snapshot(campaign: CampaignId, version: u64, bidder: u128) -> Snapshot {
    let bidder: RtbTargetId = id(bidder);
    let body = json!({
        "name": "A bidder", "url": "https://bids.example.com", "body": "{}",
        "answer": {"acceptance": ["$.ok"], "amount": ["$.bid"]}
    });
    Snapshot {
        rtb_numbers: Default::default(),
        campaign_id: campaign,
        version,
        published_at: after(i64::try_from(version).expect("small")),
        campaign: serde_json::from_value(json!({ "name": "roofing" })).expect("a campaign"),
        targets: BTreeMap::new(),
        target_groups: BTreeMap::new(),
        ring_trees: BTreeMap::new(),
        agents: Default::default(),
        buyers: BTreeMap::new(),
        prepared: Prepared::default(),
        rtb_targets: [(bidder, serde_json::from_value(body).expect("a bidder"))].into(),
    }
}

#[tokio::test]
async fn publications_say_who_and_what_they_use() {
    let database = database().await;
    let store = database.store();
    let (one, two): (CampaignId, CampaignId) = (id(3), id(4));
    let other: TenantId = id(8);
    for (campaign, version, bidder) in [(one, 1, 1), (one, 2, 2), (two, 1, 1)] {
        let entry = entry(version.into(), i64::try_from(version).expect("small"), "campaign.published");
        let entry = AuditEntry { id: id(u128::from(version) * 10 + campaign.uuid().as_u128()), ..entry };
        let saved = store.publish(tenant(), &snapshot(campaign, version, bidder), &entry).await;
        assert_eq!(saved.expect("an answer"), Saved::Done);
    }
    let raced = store.publish(tenant(), &snapshot(one, 2, 3), &entry(99, 1, "campaign.published")).await;
    assert_eq!(raced.expect("an answer"), Saved::Changed);
    assert_eq!(log(&store).await.len(), 3, "a refused publication stands nowhere");

    let in_use = store.in_use(tenant()).await.expect("a list");
    let told: Vec<(CampaignId, u64, Vec<String>)> =
        in_use.into_iter().map(|one| (one.campaign, one.version, one.uses.into_iter().collect())).collect();
    let used = |bidder: u128| vec![id::<domain::ids::RtbTargetNoun>(bidder).to_string()];
    assert_eq!(told, [(one, 2, used(2)), (two, 1, used(1))], "the newest version alone counts");
    assert!(store.in_use(other).await.expect("a list").is_empty());

    let versions = store.versions(tenant(), one, 2, 10).await.expect("a list");
    let told: Vec<(u64, &str)> =
        versions.iter().map(|version| (version.version, version.action.as_str())).collect();
    assert_eq!(told, [(2, "campaign.published"), (1, "campaign.published")]);
    let PublishedVersion { by, published_at, sha256, .. } = &versions[0];
    assert_eq!((by, *published_at, sha256.len()), (&entry(1, 1, "").actor, after(2), 64));
    assert_eq!(store.versions(tenant(), one, 2, 1).await.expect("a list").len(), 1);
    assert_eq!(store.versions(tenant(), one, 1, 10).await.expect("a list").len(), 1);
    assert!(store.versions(other, one, 2, 10).await.expect("a list").is_empty());
    assert!(store.versions(tenant(), one, 0, 10).await.expect("a list").is_empty());
}
