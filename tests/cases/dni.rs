//! Whose a call to a pool's number is: the row as it stood when the call arrived, and the moment.

use domain::dni::lease::{Attribution, Lease, PoolNumber};
use domain::ids::{CampaignId, PublisherId, TrackingTagId, VisitId};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::each;

/// Times are seconds after some moment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The latest lease, also one that has ended.
    lease: Option<CaseLease>,
    /// The one before, and until when calls were its visitor's.
    previous: Option<CaseLease>,
    #[serde(default)]
    previous_free_after: f64,
    /// When the number may be leased again; unless given, the lease's end and its delay.
    free_after: Option<f64>,
    /// Other calls on it that have not closed, and until when those are believed.
    #[serde(default)]
    talking: Vec<u32>,
    #[serde(default)]
    talking_until: f64,
    /// The call, at several moments.
    calls: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseLease {
    visit: String,
    since: f64,
    until: f64,
    delay_s: u32,
    campaign: Option<u128>,
    publisher: Option<u128>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    at: f64,
    /// The visitor; absent: nobody's.
    is: Option<String>,
    by: Attribution,
    campaign: Option<u128>,
    publisher: Option<u128>,
}

fn at(seconds: f64) -> Timestamp {
    let begin: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    begin + SignedDuration::from_millis_i128((seconds * 1_000.0).round() as i128)
}

fn visit(name: &str) -> VisitId {
    let byte = |index: usize| u128::from(name.as_bytes()[index]);
    VisitId::from_uuid(Uuid::from_u128(byte(0) << 16 | byte(1) << 8 | byte(2)))
}

fn campaign(number: Option<u128>) -> CampaignId {
    CampaignId::from_uuid(Uuid::from_u128(number.unwrap_or(1)))
}

fn publisher(number: Option<u128>) -> Option<PublisherId> {
    number.map(|number| PublisherId::from_uuid(Uuid::from_u128(number)))
}

impl CaseLease {
    fn read(&self) -> Lease {
        Lease {
            visit: visit(&self.visit),
            tag: TrackingTagId::from_uuid(Uuid::from_u128(9)),
            campaign: campaign(self.campaign),
            publisher: publisher(self.publisher),
            since: at(self.since),
            until: at(self.until),
            delay_s: self.delay_s,
        }
    }
}

#[test]
fn whose_a_call_is() {
    let mut cases = 0;
    each("dni", |rule, case: Case| {
        let lease = case.lease.as_ref().map(CaseLease::read);
        let usual = lease.as_ref().map_or(Timestamp::UNIX_EPOCH, Lease::free_after);
        let row = PoolNumber {
            number: "+14155550100".parse().unwrap(),
            shard: 0,
            free_after: case.free_after.map_or(usual, at),
            lease,
            previous: case.previous.as_ref().map(|lease| (lease.read(), at(case.previous_free_after))),
            calls: case.talking.iter().map(|call| format!("RGB{call:032x}").parse().unwrap()).collect(),
            calls_until: at(case.talking_until),
        };
        for expected in &case.calls {
            let (lease, by) = row.holder(at(expected.at));
            let wanted = expected.is.as_deref().map(visit);
            let found = (lease.map(|lease| lease.visit), by);
            assert_eq!(found, (wanted, expected.by), "{rule}: at {}", expected.at);
            if let Some(lease) = lease {
                let whose = (lease.campaign, lease.publisher);
                assert_eq!(whose, (campaign(expected.campaign), publisher(expected.publisher)), "{rule}");
            }
        }
        cases += 1;
    });
    assert!(cases >= 25, "{cases}");
}
