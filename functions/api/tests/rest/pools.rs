//! Number pools over the real table: where numbers stand, and what is shown to whom when they move.

use app::ports::{Leased, Leases as _, Numbers as _, PoolPlace, Tags as _};
use domain::dni::lease::Lease;
use domain::dni::tag::Source;
use domain::ids::{CampaignId, NumberPoolId, TrackingTagId, VisitId};
use domain::pool::NumberPool;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{NOW, phone};
use crate::table::OnTable;

const NUMBER: &str = "+12025550131";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

async fn pool(table: &OnTable, name: &str) -> NumberPoolId {
    table.id("/api/number-pools", json!({"name": name})).await.parse().unwrap()
}

async fn number(table: &OnTable, number: &str, pool: Option<NumberPoolId>) -> String {
    let mut body = table.world.number(number, None);
    body["pool"] = json!(pool);
    table.id("/api/numbers", body).await
}

/// Puts a number into a pool, or takes it out of any.
async fn moved(table: &OnTable, id: &str, pool: Option<NumberPoolId>) -> Value {
    let address = format!("/api/numbers/{id}");
    let (_, number) = table.send("GET", &address, json!({})).await;
    let patch = json!({"version": number["version"], "pool": pool});
    let (status, number) = table.send("PATCH", &address, patch).await;
    assert_eq!(status, 200, "{number}");
    number
}

fn lease(visit: u128, at: Timestamp) -> Lease {
    Lease {
        visit: VisitId::from_uuid(Uuid::from_u128(visit)),
        tag: TrackingTagId::from_uuid(Uuid::from_u128(1)),
        campaign: CampaignId::from_uuid(Uuid::from_u128(2)),
        publisher: None,
        since: at,
        until: at + SignedDuration::from_secs(300),
        delay_s: 30,
    }
}

/// Tries to lease the only number of the pool to somebody new; whether that worked.
async fn leased(table: &OnTable, pool: NumberPoolId, visit: u128, at: Timestamp) -> bool {
    let place = PoolPlace { pool, shard: 0, number: phone(NUMBER) };
    let lease = lease(visit, at);
    table.store().take(table.world.tenant, &place, &lease, at).await.unwrap() == Leased::Done
}

async fn numbers_of(table: &OnTable, pool: NumberPoolId) -> Vec<String> {
    let rows = table.store().numbers(table.world.tenant, pool, 10).await.unwrap();
    rows.into_iter().map(|row| row.number.as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_number_is_leased_exactly_while_it_stands_in_a_pool() {
    let table = OnTable::new().await;
    let (one, two) = (pool(&table, "One").await, pool(&table, "Two").await);
    let id = number(&table, NUMBER, Some(one)).await;
    let owner = table.store().owner(&phone(NUMBER)).await.unwrap().unwrap();
    assert_eq!((owner.pool, owner.shard), (Some(one), 0));
    assert_eq!(
        (numbers_of(&table, one).await, numbers_of(&table, two).await),
        (vec![NUMBER.to_owned()], vec![])
    );

    // A change of something else leaves the row, and who was shown the number, alone.
    assert!(leased(&table, one, 5, now()).await);
    let address = format!("/api/numbers/{id}");
    let renamed = json!({"version": 1, "fallback_number": "+12025550180"});
    assert_eq!(table.send("PATCH", &address, renamed).await.0, 200);
    let row = table.store().numbers(table.world.tenant, one, 1).await.unwrap().remove(0);
    assert_eq!(row.lease.map(|lease| lease.visit), Some(VisitId::from_uuid(Uuid::from_u128(5))));

    moved(&table, &id, Some(two)).await;
    assert_eq!(
        (numbers_of(&table, one).await, numbers_of(&table, two).await),
        (vec![], vec![NUMBER.to_owned()])
    );
    assert_eq!(table.store().owner(&phone(NUMBER)).await.unwrap().unwrap().pool, Some(two));
    assert_eq!(table.send("DELETE", &address, json!({})).await.0, 204);
    assert!(numbers_of(&table, two).await.is_empty());
}

#[tokio::test]
async fn a_number_that_left_a_pool_is_shown_to_nobody_else_for_two_hours() {
    let table = OnTable::new().await;
    let (one, two) = (pool(&table, "One").await, pool(&table, "Two").await);
    let id = number(&table, NUMBER, Some(one)).await;
    assert!(leased(&table, one, 1, now()).await, "a number that was in no pool is free at once");
    table.world.clock.advance(10);
    let left = now() + SignedDuration::from_secs(10);
    let number = moved(&table, &id, None).await;
    assert_eq!(number["left_pool_at"], json!(left.to_string()));
    assert!(numbers_of(&table, one).await.is_empty());

    // It comes back within the two hours, or goes elsewhere: the old visitor may still see it.
    table.world.clock.advance(3_600);
    for pool in [one, two] {
        moved(&table, &id, Some(pool)).await;
        let row = table.store().numbers(table.world.tenant, pool, 1).await.unwrap().remove(0);
        // Moving it once more starts the two hours anew.
        let left = if pool == one { left } else { left + SignedDuration::from_secs(3_600) };
        let seen_until = left + SignedDuration::from_secs(7_200);
        assert_eq!(row.free_after, seen_until);
        assert!(!leased(&table, pool, 2, seen_until).await);
        if pool == two {
            assert!(leased(&table, pool, 2, seen_until + SignedDuration::from_millis(1)).await);
        }
    }
}

#[tokio::test]
async fn a_number_keeps_the_partition_that_it_was_put_in() {
    let table = OnTable::new().await;
    let pool = pool(&table, "Big").await;
    let old = NumberPool { shards: 1, ..serde_json::from_value(json!({"name": "Big"})).unwrap() };
    let wide = NumberPool { shards: 7, ..old.clone() };
    let first = phone("+12025550101");
    let id = number(&table, first.as_str(), Some(pool)).await;
    table.widen(pool, &old, &wide).await;
    let mut shards = Vec::new();
    for line in 0..20 {
        let number_text = format!("+120255502{line:02}");
        let id = number(&table, &number_text, Some(pool)).await;
        let shard = wide.shard_of(&phone(&number_text));
        let (_, shown) = table.send("GET", &format!("/api/numbers/{id}"), json!({})).await;
        assert_eq!(shown.get("pool_shard").and_then(Value::as_u64).unwrap_or(0), u64::from(shard));
        assert_eq!(table.store().owner(&phone(&number_text)).await.unwrap().unwrap().shard, shard);
        shards.push(shard);
    }
    shards.sort_unstable();
    shards.dedup();
    assert!(shards.len() > 3, "{shards:?}");
    assert_eq!(table.store().owner(&first).await.unwrap().unwrap().shard, 0);
    let rows = table.store().numbers(table.world.tenant, pool, 7).await.unwrap();
    assert_eq!(rows.len(), 21);
    moved(&table, &id, None).await;
    assert_eq!(table.store().numbers(table.world.tenant, pool, 7).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_number_knows_the_state_of_its_area_code() {
    let table = OnTable::new().await;
    let pool = pool(&table, "Places").await;
    number(&table, "+14155550100", Some(pool)).await;
    number(&table, "+18335550131", Some(pool)).await;
    let rows: Vec<String> =
        table.items().await.into_iter().filter(|item| item.contains("S(\"pool_number\")")).collect();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(!row.contains("\"ttl\""), "{row}");
        assert_eq!(row.contains("\"state\": S(\"CA\")"), row.contains("+1415"), "{row}");
        assert_eq!(row.contains("\"state\""), row.contains("+1415"), "{row}");
    }
}

#[tokio::test]
async fn a_lookup_finds_the_tag_as_it_was_saved_last() {
    let table = OnTable::new().await;
    let pool = pool(&table, "Search").await;
    let campaign = table.id("/api/campaigns", json!({"name": "Roofing"})).await;
    table.id("/api/url-parameters", json!({"name": "sub_id"})).await;
    let tag = json!({"name": "Page", "campaign": campaign, "shows": {"pool": pool}, "keep": ["aff"]});
    let id = table.id("/api/tracking-tags", tag).await;
    let tag_id: TrackingTagId = id.parse().unwrap();
    let setup = table.store().tag(tag_id).await.unwrap().unwrap();
    assert_eq!((setup.tenant, setup.id, setup.tag.name.as_str()), (table.world.tenant, tag_id, "Page"));
    assert!(matches!(&setup.source, Source::Pool(of, found) if *of == pool && found.name == "Search"));
    assert_eq!(setup.kept(), ["aff", "sub_id"]);

    let number = number(&table, NUMBER, None).await;
    let shows = json!({"version": 1, "shows": {"pool": null, "number": number}});
    let address = format!("/api/tracking-tags/{id}");
    assert_eq!(table.send("PATCH", &address, shows).await.0, 200);
    assert_eq!(table.store().tag(tag_id).await.unwrap().unwrap().source, Source::Number(phone(NUMBER)));
    assert_eq!(table.send("DELETE", &address, json!({})).await.0, 204);
    assert_eq!(table.store().tag(tag_id).await.unwrap(), None);
    assert!(!table.items().await.iter().any(|item| item.contains("TAG#")), "nothing is left of it");
}
