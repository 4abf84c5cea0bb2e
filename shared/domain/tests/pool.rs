//! Number pools: how many numbers it takes, and what they do.
#![expect(clippy::unwrap_used, reason = "a broken example should stop the test")]

use std::collections::BTreeSet;

use domain::dni::lease::{Lease, PoolNumber};
use domain::ids::{CallId, CampaignId, TrackingTagId, VisitId};
use domain::pool::erlang::{Load, MAX_LOAD, ONE_PERCENT, Share, numbers_for, overflow};
use domain::pool::usage::{PoolCounts, PoolHour, Standing};
use domain::pool::{NUMBERS_PER_SHARD, NumberPool};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn share(millionths: u32) -> Share {
    Share::of_millionths(millionths).unwrap()
}

/// By definition, in another way: the chance that all are held is the last term of the series over all of them, with the
/// terms measured by the last one so that none grows beyond what a number can hold.
fn by_definition(erlangs: f64, numbers: u32) -> f64 {
    let (mut term, mut sum) = (1.0_f64, 1.0_f64);
    for held in (1..=numbers).rev() {
        term *= f64::from(held) / erlangs;
        sum += term;
    }
    1.0 / sum
}

#[test]
fn twenty_sessions_a_minute_of_five_minutes_need_117_numbers() {
    let load = Load::of_sessions(20_000, 300);
    assert_eq!(load, Load::of_thousandths(100_000));
    assert_eq!(numbers_for(load, ONE_PERCENT), 117);
    assert_eq!(numbers_for(load, share(1_000)), 128);
    assert!(overflow(load, 116) > ONE_PERCENT && overflow(load, 117) <= ONE_PERCENT);
}

#[test]
fn the_chances_are_those_of_the_printed_tables() {
    // Erlang B: traffic in thousandths, numbers, millionths that find none free.
    for (thousandths, numbers, millionths) in [
        (1_000, 0, 1_000_000),
        (1_000, 1, 500_000),
        (1_000, 2, 200_000),
        (2_000, 5, 36_697),
        (5_000, 11, 8_287),
        (0, 1, 0),
    ] {
        assert_eq!(
            overflow(Load::of_thousandths(thousandths), numbers),
            share(millionths),
            "{thousandths} {numbers}"
        );
    }
}

#[test]
fn the_chances_are_the_formulas_whatever_the_traffic() {
    for erlangs in [1_u32, 7, 50, 333, 1_000, 4_999, 10_000] {
        for numbers in [1, erlangs / 2 + 1, erlangs, erlangs + erlangs / 20 + 3] {
            let found =
                f64::from(overflow(Load::of_thousandths(u64::from(erlangs) * 1_000), numbers).millionths());
            let expected = by_definition(erlangs.into(), numbers) * 1e6;
            assert!(
                (found - expected).abs() <= 0.51,
                "{erlangs} erlangs, {numbers} numbers: {found} {expected}"
            );
        }
    }
}

#[test]
fn more_numbers_or_less_traffic_never_hurts() {
    let mut before = share(1_000_000);
    for numbers in 0..400 {
        let now = overflow(Load::of_thousandths(250_000), numbers);
        assert!(now <= before);
        before = now;
    }
    let needed: Vec<u32> =
        (0..200).map(|erlangs| numbers_for(Load::of_thousandths(erlangs * 1_000), ONE_PERCENT)).collect();
    assert!(needed.is_sorted());
}

#[test]
fn what_cannot_be_calculated_is_bounded() {
    assert_eq!(Load::of_sessions(u64::MAX, u32::MAX), MAX_LOAD);
    assert!((10_000..12_000).contains(&numbers_for(MAX_LOAD, share(0))));
    assert_eq!(numbers_for(Load::of_thousandths(0), ONE_PERCENT), 0);
    assert_eq!(Share::of_millionths(1_000_001), None);
    let words = [0, 1, 1_000, 10_000, 12_500, 1_000_000].map(|millionths| share(millionths).percent());
    assert_eq!(words, ["0 %", "0.0001 %", "0.1 %", "1 %", "1.25 %", "100 %"]);
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000 + seconds)
}

fn number(lease: Option<(i64, i64)>) -> PoolNumber {
    let lease = lease.map(|(since, until)| Lease {
        visit: VisitId::from_uuid(Uuid::from_u128(1)),
        tag: TrackingTagId::from_uuid(Uuid::from_u128(2)),
        campaign: CampaignId::from_uuid(Uuid::from_u128(3)),
        publisher: None,
        since: at(since),
        until: at(until),
        delay_s: 30,
    });
    PoolNumber {
        number: "+12025550101".parse().unwrap(),
        shard: 0,
        free_after: lease.as_ref().map_or(Timestamp::UNIX_EPOCH, Lease::free_after),
        lease,
        previous: None,
        calls: BTreeSet::new(),
        calls_until: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_number_is_shown_then_rests_then_is_free_unless_somebody_calls() {
    assert_eq!(number(None).standing(at(0)), (Standing::Free, None));
    let leased = number(Some((0, 300)));
    assert_eq!(leased.standing(at(300)), (Standing::Shown, Some(at(300))));
    assert_eq!(leased.standing(at(301)), (Standing::Resting, Some(at(330))));
    assert_eq!(leased.standing(at(331)), (Standing::Free, None));
    let call: CallId = format!("RGB{:032x}", 1).parse().unwrap();
    let called = PoolNumber { calls: BTreeSet::from([call]), calls_until: at(900), ..leased.clone() };
    assert_eq!(called.standing(at(10)), (Standing::OnCall, Some(at(900))));
    assert_eq!(called.standing(at(901)), (Standing::Free, None));
    let back = PoolNumber { free_after: at(7_200), ..number(None) };
    assert_eq!(back.standing(at(0)), (Standing::Resting, Some(at(7_200))));

    let all = [number(None), leased, called, back];
    let counts = PoolCounts::of(&all, at(310));
    assert_eq!(counts, PoolCounts { numbers: 4, free: 1, shown: 0, resting: 2, on_call: 1 });
    assert_eq!(counts.occupied(), 3);
}

#[test]
fn an_hour_knows_its_mean_and_its_peak() {
    let hour = PoolHour { occupied: [(0, 10), (5, 25), (10, 15)].into(), ..PoolHour::default() };
    assert_eq!((hour.mean_hundredths(), hour.peak()), (Some(1_666), Some(25)));
    assert_eq!(hour.load(), Some(Load::of_thousandths(16_660)));
    assert_eq!((PoolHour::default().mean_hundredths(), PoolHour::default().peak()), (None, None));
    let quiet = PoolHour { occupied: [(0, 24)].into(), ..PoolHour::default() };
    assert_eq!(PoolHour::busiest(&[hour.clone(), quiet.clone(), PoolHour::default()]), Some(&quiet));
}

#[test]
fn a_pool_is_as_it_was_before_it_could_lease() {
    let pool: NumberPool = serde_json::from_str(r#"{"name": "Old", "notes": ""}"#).unwrap();
    assert_eq!((pool.shards, pool.idle_limit_s, pool.closed_browser_delay_s), (1, 300, 30));
    assert_eq!(NumberPool::shards_for(0), 1);
    assert_eq!(NumberPool::shards_for(NUMBERS_PER_SHARD), 1);
    assert_eq!(NumberPool::shards_for(NUMBERS_PER_SHARD + 1), 2);
}

#[test]
fn numbers_are_spread_over_the_partitions() {
    for shards in [2_u16, 4, 7, 10] {
        let pool = NumberPool { shards, ..serde_json::from_str(r#"{"name": "Big"}"#).unwrap() };
        let mut counts = vec![0_u32; usize::from(shards)];
        for line in 0..2_000_u32 {
            let number = format!("+1202555{line:04}").parse().unwrap();
            counts[usize::from(pool.shard_of(&number))] += 1;
        }
        let fair = 2_000 / u32::from(shards);
        assert!(counts.iter().all(|count| (fair * 4 / 5..fair * 6 / 5).contains(count)), "{counts:?}");
    }
}
