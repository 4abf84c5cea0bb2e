//! The fault layer does what it says, and the store passes through what passes by itself.

use std::time::{Duration, Instant};

use app::ports::{Calls, Numbers, PortError};
use domain::phone::E164;
use futures::future::join_all;
use store::create_table;
use testkit::database::{EmbeddedDatabase, TABLE, TestDatabase, client_at};
use testkit::faults::{Fault, Rule};

use crate::support::*;

fn dialled() -> E164 {
    "+14155550100".parse().expect("a number")
}

#[tokio::test]
async fn each_passing_fault_is_survived() {
    for fault in [Fault::TableThrottled, Fault::Throttled, Fault::ServerError, Fault::LostAnswer] {
        let troubled = troubled(&[Rule::always(fault).times(2)]).await;
        assert_eq!(troubled.store.owner(&dialled()).await.expect("in the end"), None, "{fault:?}");
        assert_eq!(troubled.proxy.count("GetItem"), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn throttling_without_end_is_busy() {
    let troubled = troubled(&[Rule::always(Fault::TableThrottled)]).await;
    let answer = troubled.store.owner(&dialled()).await;
    assert!(matches!(answer, Err(PortError::Busy { .. })), "{answer:?}");
}

#[tokio::test]
async fn an_outage_is_a_failure_and_passes() {
    let troubled = troubled(&[]).await;
    assert!(troubled.store.owner(&dialled()).await.is_ok());
    troubled.proxy.begin_outage();
    let began = Instant::now();
    let answer = troubled.store.write_step(&first_step(&call(1), "hello")).await;
    assert!(matches!(answer, Err(PortError::Failed { .. })), "{answer:?}");
    assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
    troubled.proxy.heal();
    assert!(troubled.store.owner(&dialled()).await.is_ok());
    assert!(troubled.store.load(tenant(), call_id(1)).await.expect("a read").is_none());
}

#[tokio::test]
async fn requests_that_overlap_count_as_one_round() {
    let troubled = troubled(&[Rule::always(Fault::Delay(Duration::from_millis(60)))]).await;
    let began = Instant::now();
    let number = dialled();
    join_all((0..5).map(|_| troubled.store.owner(&number))).await;
    assert_eq!(troubled.proxy.sequential_rounds(began), 1);
    let later = Instant::now();
    troubled.store.owner(&number).await.expect("a read");
    troubled.store.owner(&number).await.expect("a read");
    assert_eq!(troubled.proxy.sequential_rounds(later), 2);
    assert_eq!(troubled.proxy.sequential_rounds(began), 3);
    assert!(began.elapsed() >= Duration::from_millis(180));
}

#[tokio::test]
async fn a_database_on_a_file_keeps_what_was_acknowledged() {
    let folder = std::env::temp_dir().join(format!("contract-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("table.sqlite");
    let open = || EmbeddedDatabase::on_file(&file, 0);
    {
        let database = open().await.expect("a database");
        create_table(&client_at(&database.endpoint()), TABLE).await.expect("a table");
        let store = TestDatabase::store_through(&database.endpoint());
        store.write_step(&first_step(&call(1), "hello")).await.expect("written");
        database.stop().await;
    }
    let database = open().await.expect("a database");
    create_table(&client_at(&database.endpoint()), TABLE).await.expect("it is there already");
    let store = TestDatabase::store_through(&database.endpoint());
    let record = store.load(tenant(), call_id(1)).await.expect("a read");
    assert_eq!(*record.expect("a call").call, *call(1));
    database.stop().await;
    std::fs::remove_dir_all(&folder).expect("removed");
}
