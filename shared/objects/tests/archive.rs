//! The history of bids in a folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use app::ports::{AskedFor, BidHistory as _, BidLogEntry};
use domain::auction::BidderResult;
use domain::ids::{AuctionId, Id, Noun, TenantId};
use flate2::read::GzDecoder;
use objects::{BidArchive, Kind, Objects};
use uuid::Uuid;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("callcenter-archive-{}", Uuid::now_v7().as_simple())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is not there when nothing was put.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn id<N: Noun>(number: u128) -> Id<N> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn entry(tenant: TenantId, auction: AuctionId, bidder: u128) -> BidLogEntry {
    BidLogEntry {
        tenant,
        auction,
        call: "RGB1f0c5e8b7a2d4c6f9e3b1a0d8c7f6e5d".parse().unwrap(),
        asked_for: AskedFor::Call,
        campaign: id(7),
        bidder: id(bidder),
        at: "2026-11-22T23:59:59Z".parse().unwrap(),
        url: "https://bids.example.com/v1".to_owned(),
        request: Some("{\"CID\":\"555***1234\"}".to_owned()),
        status: Some(200),
        response: Some("{\"bid\":12}".to_owned()),
        result: BidderResult {
            bidder: id(bidder),
            name: "Alpine".to_owned(),
            latency_ms: Some(120),
            amount: None,
            destination: None,
            refusal: None,
        },
        won: false,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect();
    found.sort();
    found
}

fn lines(file: &Path) -> Vec<BidLogEntry> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_one_file_of_its_tenant_and_day_however_often_it_comes() {
    let folder = Folder::new();
    let archive = BidArchive::new(Objects::in_folder(&folder.0));
    let (anna, ben) = (id(1), id(2));
    let message = [entry(anna, id(10), 5), entry(anna, id(10), 6)];
    for _ in 0..3 {
        archive.keep(&message).await.unwrap();
    }
    archive.keep(&[entry(anna, id(10), 9)]).await.unwrap();
    archive.keep(&[entry(ben, id(11), 5)]).await.unwrap();
    archive.keep(&[]).await.unwrap();
    let found = files(&folder.0);
    let of = |tenant: TenantId, auction: AuctionId, first: u128| {
        let first: domain::ids::RtbTargetId = id(first);
        folder.0.join(format!("bids/tenant={tenant}/day=2026-11-22/{auction}-{first}.jsonl.gz"))
    };
    assert_eq!(found, [of(anna, id(10), 5), of(anna, id(10), 9), of(ben, id(11), 5)]);
    assert_eq!(lines(&found[0]), message);
    assert_eq!(lines(&found[1]), [entry(anna, id(10), 9)]);
}

#[tokio::test]
async fn an_auction_is_forgotten_with_all_its_files_and_no_other() {
    let folder = Folder::new();
    let archive = BidArchive::new(Objects::in_folder(&folder.0));
    let at = entry(id(1), id(10), 5).at;
    archive.forget(id(1), id(10), at).await.unwrap();
    for (tenant, auction, bidder) in [(1, 10, 5), (1, 10, 9), (1, 11, 5), (2, 10, 5)] {
        archive.keep(&[entry(id(tenant), id(auction), bidder)]).await.unwrap();
    }
    archive.forget(id(1), id(10), at).await.unwrap();
    archive.forget(id(1), id(10), at).await.unwrap();
    let left: Vec<BidLogEntry> = files(&folder.0).iter().flat_map(|file| lines(file)).collect();
    assert_eq!(left, [entry(id(1), id(11), 5), entry(id(2), id(10), 5)]);
}

#[tokio::test]
async fn a_file_is_read_as_it_was_put() {
    const KIND: Kind = Kind { content_type: "text/plain", encoding: None, cache_control: None };
    let folder = Folder::new();
    let objects = Objects::in_folder(&folder.0);
    assert_eq!(objects.get("a/b.txt").await.unwrap(), None);
    for text in ["one", "two"] {
        objects.put("a/b.txt", KIND, text.into()).await.unwrap();
        assert_eq!(objects.get("a/b.txt").await.unwrap().as_deref(), Some(text.as_bytes()));
    }
    objects.remove("a/b").await.unwrap();
    assert_eq!(objects.get("a/b.txt").await.unwrap(), None);
    assert_eq!(files(&folder.0), Vec::<PathBuf>::new(), "nothing unfinished is left");
}
