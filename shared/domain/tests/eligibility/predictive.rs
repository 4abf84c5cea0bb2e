//! Ranking by what destinations earned.

use domain::ids::TargetId;
use domain::money::Money;
use domain::predictive::{Adjustment, Basis, Counts, Predictive, Record, Score, rank};
use domain::routing::Via;
use domain::validate::Problems;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn via(number: u128) -> Via {
    Via::Target(TargetId::from_uuid(Uuid::from_u128(number)))
}

fn counts(dialled: u64, cents: i64) -> Counts {
    Counts { dialled, connected: 0, converted: 0, revenue: Money::from_micros(cents * 10_000) }
}

/// A destination with so many of the publisher's calls, which earned so much.
fn record(number: u128, dialled: u64, cents: i64) -> Record {
    Record { via: via(number), of_publisher: counts(dialled, cents), of_campaign: counts(dialled, cents) }
}

fn order(scores: &[Score]) -> Vec<Via> {
    scores.iter().map(|score| score.via).collect()
}

fn trained() -> Predictive {
    Predictive { training_requirement: -10, ..Predictive::default() }
}

#[test]
fn the_best_is_who_earned_most_for_each_dialled_call() {
    let scores = rank(&trained(), &[record(1, 100, 30_000), record(2, 1_000, 310_000), record(3, 50, 0)], 7);
    assert_eq!(order(&scores), [via(2), via(1), via(3)]);
    assert_eq!(scores[0].earned, Money::from_micros(3_100_000));
    assert_eq!(scores[0].text(), "earned 3.10 per dialled call over 1000 calls");
}

#[test]
fn too_few_calls_of_the_publisher_give_way_to_the_campaigns_and_those_to_nothing() {
    let of = |publisher: u64, campaign: u64| {
        let record = Record {
            via: via(1),
            of_publisher: counts(publisher, 100),
            of_campaign: counts(campaign, 4_000),
        };
        rank(&trained(), &[record], 7)[0]
    };
    assert_eq!(of(20, 100).basis, Basis::Publisher { calls: 20 });
    assert_eq!(of(19, 20).basis, Basis::Campaign { calls: 20 });
    assert_eq!(of(19, 20).text(), "earned 2.00 per dialled call over 20 calls of all publishers");
    assert_eq!(of(19, 19).basis, Basis::Average);
}

#[test]
fn a_destination_without_a_record_is_worth_the_average() {
    let scores = rank(&trained(), &[record(1, 100, 10_000), record(2, 3, 99_999), record(3, 100, 30_000)], 7);
    assert_eq!(order(&scores), [via(3), via(2), via(1)]);
    assert_eq!(scores[1].worth, Money::from_micros(2_000_000));
    assert_eq!(scores[1].text(), "too few calls yet: the others earn 2.00 per dialled call");
}

#[test]
fn a_new_target_gains_and_loses_tenths_until_it_is_trained() {
    let settings = Predictive { new_targets: 1, ..Predictive::default() };
    let score = |settings: &Predictive, dialled: u64| {
        rank(settings, &[record(1, dialled, 420 * i64::try_from(dialled).unwrap())], 7)[0]
    };
    assert_eq!(
        score(&settings, 120).text(),
        "earned 4.20 per dialled call over 120 calls; +10 % as a new target"
    );
    assert_eq!(score(&settings, 120).worth, Money::from_micros(4_620_000));
    // Ten times the minimum of 20.
    assert_eq!(score(&settings, 199).adjusted, Some((Adjustment::NewTarget, 1_000)));
    assert_eq!(score(&settings, 200).adjusted, None);
    let longer = Predictive { training_requirement: 10, ..settings };
    assert!(score(&longer, 399).adjusted.is_some() && score(&longer, 400).adjusted.is_none());
    let none = Predictive { training_requirement: -10, ..settings };
    assert!(score(&none, 20).adjusted.is_none());
    let last = Predictive { new_targets: -10, ..settings };
    assert_eq!(score(&last, 100).worth, Money::ZERO);
    assert_eq!(
        score(&last, 100).text(),
        "earned 4.20 per dialled call over 100 calls; -100 % as a new target"
    );
}

#[test]
fn who_earns_less_than_half_of_the_average_underperforms() {
    let settings = Predictive { underperforming: 10, ..trained() };
    // The average of 3.00 and 1.00 is 2.00: 1.00 is its half, and not less.
    let at_half = rank(&settings, &[record(1, 100, 30_000), record(2, 100, 10_000)], 7);
    assert_eq!(at_half[1].adjusted, None);
    let below = rank(&settings, &[record(1, 100, 30_000), record(2, 100, 9_900)], 7);
    assert_eq!(below[1].adjusted, Some((Adjustment::Underperforming, 10_000)));
    assert_eq!(below[1].worth, Money::from_micros(1_980_000));
    assert_eq!(below[1].text(), "earned 0.99 per dialled call over 100 calls; +100 % for underperforming");
}

#[test]
fn equals_go_by_conversions_then_connections_then_the_plan() {
    let with = |number: u128, connected: u64, converted: u64| {
        let counts = Counts { dialled: 100, connected, converted, revenue: Money::ZERO };
        Record { via: via(number), of_publisher: counts, of_campaign: counts }
    };
    let records = [with(9, 10, 1), with(8, 10, 1), with(7, 11, 1), with(6, 5, 2)];
    assert_eq!(order(&rank(&trained(), &records, 7)), [via(6), via(7), via(9), via(8)]);
}

#[test]
fn nothing_known_of_anybody_leaves_the_plans_order() {
    let records: Vec<Record> = [5, 3, 8, 1].map(|number| record(number, 0, 0)).into();
    let settings = Predictive { new_targets: 10, ..Predictive::default() };
    assert_eq!(order(&rank(&settings, &records, 7)), [5, 3, 8, 1].map(via));
    assert!(rank::<Via>(&settings, &[], 7).is_empty());
}

#[test]
fn the_share_of_calls_that_explore_is_the_one_set() {
    let records = [record(1, 100, 30_000), record(2, 100, 20_000), record(3, 100, 10_000)];
    let firsts = |share: u16| {
        let settings = Predictive { exploration_share: share, ..trained() };
        let mut firsts = [0_u32; 3];
        for seed in 0..10_000 {
            let scores = rank(&settings, &records, seed);
            let place = (0..3).find(|place| scores[0].via == via(*place as u128 + 1)).unwrap();
            firsts[place] += 1;
            assert_eq!(scores[0].explored, place != 0, "only a destination that is not the best is a trial");
        }
        firsts
    };
    assert_eq!(firsts(0), [10_000, 0, 0]);
    assert_eq!(firsts(1_000)[0], 0);
    let [best, second, third] = firsts(100);
    assert!(best.abs_diff(9_000) < 150 && second.abs_diff(third) < 150, "{best} {second} {third}");
}

#[test]
fn a_destination_in_training_is_explored_before_others() {
    let settings = Predictive { exploration_share: 1_000, ..Predictive::default() };
    let records = [record(1, 1_000, 300_000), record(2, 1_000, 200_000), record(3, 0, 0), record(4, 500, 0)];
    for seed in 0..100 {
        let scores = rank(&settings, &records, seed);
        assert_eq!(order(&scores), [via(3), via(1), via(2), via(4)]);
        let words = "too few calls yet: the others earn 1.66 per dialled call; \
            tried first on this call, to learn about it";
        assert_eq!(scores[0].text(), words);
    }
}

#[test]
fn one_destination_is_the_best_and_never_a_trial() {
    let settings = Predictive { exploration_share: 1_000, ..Predictive::default() };
    assert!(!rank(&settings, &[record(1, 100, 1)], 7)[0].explored);
}

#[test]
fn sliders_end_at_ten_and_settings_have_defaults() {
    let fields = |value: serde_json::Value| -> Vec<String> {
        let mut problems = Problems::new();
        serde_json::from_value::<Predictive>(value).unwrap().check("predictive", &mut problems);
        problems.into_vec().into_iter().map(|problem| problem.field).collect()
    };
    assert!(fields(json!({})).is_empty());
    for slider in ["new_targets", "underperforming", "training_requirement"] {
        assert!(fields(json!({slider: 10})).is_empty() && fields(json!({slider: -10})).is_empty());
        assert_eq!(fields(json!({slider: 11})), [format!("predictive.{slider}")]);
        assert_eq!(fields(json!({slider: -11})), [format!("predictive.{slider}")]);
    }
    assert_eq!(fields(json!({"exploration_share": 1_001})), ["predictive.exploration_share"]);
    assert_eq!(fields(json!({"minimum_calls": 0})), ["predictive.minimum_calls"]);
    assert!(serde_json::from_value::<Predictive>(json!({"use_revenue": true})).is_err());
}

proptest! {
    #[test]
    fn every_destination_is_ranked_once_and_always_alike(
        dialled in prop::collection::vec((any::<u64>(), any::<i64>(), 0..40_u64, any::<i64>()), 0..20),
        sliders in (-10..=10_i8, -10..=10_i8, -10..=10_i8),
        exploration_share in 0..=1_000_u16,
        seed in any::<u64>(),
    ) {
        let settings = Predictive {
            new_targets: sliders.0, underperforming: sliders.1, training_requirement: sliders.2, exploration_share, minimum_calls: 20,
        };
        let of = |dialled, micros| Counts { dialled, connected: dialled, converted: dialled / 2, revenue: Money::from_micros(micros) };
        let records: Vec<Record> = dialled.iter().enumerate().map(|(place, (campaign, micros, publisher, of_publisher))| Record {
            via: via(place as u128), of_publisher: of(*publisher, *of_publisher), of_campaign: of(*campaign, *micros),
        }).collect();
        let scores = rank(&settings, &records, seed);
        prop_assert_eq!(&scores, &rank(&settings, &records, seed));
        let mut ranked = order(&scores);
        ranked.sort_unstable();
        prop_assert_eq!(ranked, (0..records.len()).map(|place| via(place as u128)).collect::<Vec<_>>());
        let rest = &scores[usize::from(scores.first().is_some_and(|first| first.explored))..];
        prop_assert!(rest.is_sorted_by(|one, next| one.worth >= next.worth));
        prop_assert!(scores.iter().all(|score| score.worth >= Money::ZERO && !score.text().is_empty()));
    }
}
