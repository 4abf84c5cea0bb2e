//! Tracking tags as lookups find them: the catalogue's, with what they name, and nobody else's.

use app::ports::{Catalog, Kind, Record, Saved, Tags};
use domain::dni::tag::Source;
use domain::ids::{Id, Noun, NumberPoolId, TenantId, TrackingTagId};
use serde_json::{Value, json};

use crate::support::*;

fn record<N: Noun>(number: u128, version: u64, body: Value) -> Record {
    let id: Id<N> = id(number);
    Record { id: id.to_string(), version, created_at: noon(), updated_at: noon(), body }
}

fn tag(number: u128, version: u64, name: &str, pool: NumberPoolId) -> Record {
    let campaign: domain::ids::CampaignId = id(3);
    let body = json!({"name": name, "campaign": campaign, "shows": {"pool": pool}});
    record::<domain::ids::TrackingTagNoun>(number, version, body)
}

async fn put(store: &store::Store, tenant: TenantId, kind: Kind, record: &Record) {
    let name = record.body["name"].as_str().expect("a name");
    assert_eq!(store.create(tenant, kind, record, name, &noted()).await.expect("an answer"), Saved::Done);
}

#[tokio::test]
async fn a_tag_is_found_by_its_id_alone_with_what_it_names() {
    let database = database().await;
    let store = database.store();
    let (pool, other): (NumberPoolId, TenantId) = (id(5), id(8));
    put(&store, tenant(), Kind::TrackingTag, &tag(1, 1, "Page", pool)).await;
    put(&store, other, Kind::TrackingTag, &tag(2, 1, "Page", pool)).await;
    let parameter = record::<domain::ids::UrlParameterNoun>(6, 1, json!({"name": "sub_id"}));
    put(&store, tenant(), Kind::UrlParameter, &parameter).await;
    // As pools were stored before they had anything but a name.
    let stored = record::<domain::ids::NumberPoolNoun>(5, 1, json!({"name": "Search"}));
    put(&store, tenant(), Kind::NumberPool, &stored).await;

    let found = store.tag(id(1)).await.expect("a read").expect("a tag");
    assert_eq!((found.tenant, found.id), (tenant(), id::<domain::ids::TrackingTagNoun>(1)));
    assert_eq!(found.url_parameters, ["sub_id"]);
    let Source::Pool(of, setup) = found.source else { panic!("{:?}", found.source) };
    assert_eq!((of, setup.idle_limit_s, setup.closed_browser_delay_s, setup.shards), (pool, 300, 30, 1));

    let theirs = store.tag(id(2)).await.expect("a read").expect("a tag");
    assert_eq!((theirs.tenant, theirs.source), (other, Source::Nothing), "the pool is not theirs");
    assert!(theirs.url_parameters.is_empty());
    let nobodys: TrackingTagId = id(9);
    assert_eq!(store.tag(nobodys).await.expect("a read"), None);
}

#[tokio::test]
async fn a_refused_change_of_a_tag_changes_nothing_that_lookups_find() {
    let database = database().await;
    let store = database.store();
    let (one, renamed) = (tag(1, 1, "One", id(5)), tag(1, 2, "Renamed", id(5)));
    put(&store, tenant(), Kind::TrackingTag, &one).await;
    put(&store, tenant(), Kind::TrackingTag, &tag(2, 1, "Renamed", id(5))).await;
    let kind = Kind::TrackingTag;
    let taken = store.replace(tenant(), kind, &renamed, "Renamed", (&one, "One"), &noted()).await;
    assert_eq!(taken.expect("an answer"), Saved::Taken);
    let found = || async { store.tag(id(1)).await.expect("a read").map(|found| found.tag.name) };
    assert_eq!(found().await.as_deref(), Some("One"));
    let third = tag(1, 2, "Third", id(5));
    let done = store.replace(tenant(), kind, &third, "Third", (&one, "One"), &noted()).await;
    assert_eq!(done.expect("an answer"), Saved::Done);
    assert_eq!(found().await.as_deref(), Some("Third"));
    let stale = store.delete(tenant(), kind, &one, "One", &noted()).await;
    assert_eq!(stale.expect("an answer"), Saved::Changed);
    assert_eq!(found().await.as_deref(), Some("Third"));
    let gone = store.delete(tenant(), kind, &third, "Third", &noted()).await;
    assert_eq!(gone.expect("an answer"), Saved::Done);
    assert_eq!(found().await, None);
}
