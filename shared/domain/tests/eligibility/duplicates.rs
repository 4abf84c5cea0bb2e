//! Callers who ring again.

use domain::duplicates::{
    Action, After, CallerHistory, Counts, DuplicateRule, MAX_TARGETS, News, Reached, Restrict, Verdict, judge,
};
use domain::ids::{CallId, RtbTargetId, TargetId};
use domain::routing::Via;
use domain::validate::Problems;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn call(number: u32) -> CallId {
    format!("RGB{number:032x}").parse().unwrap()
}

fn target(number: u32) -> Via {
    Via::Target(TargetId::from_uuid(Uuid::from_u128(u128::from(number))))
}

fn bidder(number: u32) -> Via {
    Via::RtbTarget(RtbTargetId::from_uuid(Uuid::from_u128(u128::from(number))))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn reached(via: Via, second: i64) -> Option<Reached> {
    Some(Reached { at: at(second), via })
}

/// A caller who rang at 100, was connected to target 1 at 110, and converted at 200.
fn converted_once() -> CallerHistory {
    let mut history = CallerHistory::default();
    history.after(call(1), at(100), News::Began);
    let ended = News::Ended { connected: reached(target(1), 110), converted: reached(target(1), 200) };
    history.after(call(1), at(100), ended);
    history
}

fn rule(counts: Counts, action: Action, window_s: Option<u32>) -> DuplicateRule {
    DuplicateRule { window_s, counts, action }
}

#[test]
fn nothing_said_routes_every_call_normally() {
    let nothing: DuplicateRule = serde_json::from_value(json!({})).unwrap();
    assert_eq!(nothing, DuplicateRule::default());
    assert_eq!(judge(&nothing, &CallerHistory::default(), at(300)), Verdict::First);
    assert_eq!(judge(&nothing, &converted_once(), at(300)), Verdict::RouteNormally);
}

#[test]
fn each_action_does_what_it_says() {
    let decide =
        |action| judge(&rule(Counts::PreviouslyConnected, action, None), &converted_once(), at(300_000_000));
    assert_eq!(decide(Action::RouteNormally), Verdict::RouteNormally);
    assert_eq!(decide(Action::OriginalTarget), Verdict::Prefer(target(1)));
    assert_eq!(decide(Action::DifferentTarget), Verdict::Avoid(target(1)));
    assert_eq!(decide(Action::Refuse), Verdict::Refuse);
}

#[test]
fn a_window_ends_to_the_second() {
    for (counts, happened) in
        [(Counts::AnyCall, 100), (Counts::PreviouslyConnected, 110), (Counts::PreviouslyConverted, 200)]
    {
        let decide = |now: i64| judge(&rule(counts, Action::Refuse, Some(3_600)), &converted_once(), at(now));
        assert_eq!(decide(happened), Verdict::First, "{counts:?}: not before it happened");
        assert_eq!(decide(happened + 1), Verdict::Refuse);
        assert_eq!(decide(happened + 3_599), Verdict::Refuse);
        assert_eq!(decide(happened + 3_600), Verdict::First);
    }
}

#[test]
fn a_call_that_reached_nobody_counts_only_as_a_call() {
    let mut history = CallerHistory::default();
    history.after(call(1), at(100), News::Ended { connected: None, converted: None });
    let decide = |counts, action| judge(&rule(counts, action, None), &history, at(200));
    assert_eq!(decide(Counts::AnyCall, Action::Refuse), Verdict::Refuse);
    assert_eq!(decide(Counts::AnyCall, Action::OriginalTarget), Verdict::RouteNormally);
    assert_eq!(decide(Counts::AnyCall, Action::DifferentTarget), Verdict::RouteNormally);
    assert_eq!(decide(Counts::PreviouslyConnected, Action::Refuse), Verdict::First);
    assert_eq!(decide(Counts::PreviouslyConverted, Action::Refuse), Verdict::First);
}

#[test]
fn a_call_is_never_its_own_duplicate() {
    let mut history = CallerHistory::default();
    history.after(call(1), at(100), News::Began);
    assert_eq!(judge(&rule(Counts::AnyCall, Action::Refuse, None), &history, at(100)), Verdict::First);
    assert_eq!(history.last_call_before(at(100)), None);
    assert_eq!(history.last_call_before(at(101)), Some(at(100)));
}

#[test]
fn the_original_is_the_last_destination_that_counts() {
    let mut history = converted_once();
    history.after(call(2), at(500), News::Ended { connected: reached(bidder(2), 510), converted: None });
    let decide = |counts| judge(&rule(counts, Action::OriginalTarget, None), &history, at(600));
    assert_eq!(decide(Counts::PreviouslyConnected), Verdict::Prefer(bidder(2)));
    assert_eq!(decide(Counts::PreviouslyConverted), Verdict::Prefer(target(1)));
    // A connection out of the window is nobody's original.
    let any = rule(Counts::AnyCall, Action::OriginalTarget, Some(95));
    history.after(call(3), at(590), News::Began);
    assert_eq!(judge(&any, &history, at(604)), Verdict::Prefer(bidder(2)));
    assert_eq!(judge(&any, &history, at(605)), Verdict::RouteNormally);
}

#[test]
fn a_target_refuses_its_own_callers_only_and_only_within_the_window() {
    let history = converted_once();
    let restrict = |after, window_s| Restrict { after, window_s };
    let takes = |after, window_s, via, now| restrict(after, window_s).takes(via, &history, at(now)).is_ok();
    assert!(!takes(After::Connected, None, target(1), 300_000_000));
    assert!(takes(After::Connected, None, target(2), 300));
    assert!(takes(After::Connected, None, bidder(1), 300));
    assert!(
        takes(After::Connected, Some(60), target(1), 110)
            && takes(After::Connected, Some(60), target(1), 170)
    );
    assert!(
        !takes(After::Connected, Some(60), target(1), 111)
            && !takes(After::Connected, Some(60), target(1), 169)
    );
    assert!(
        !takes(After::Converted, Some(60), target(1), 259)
            && takes(After::Converted, Some(60), target(1), 260)
    );
    let refused = restrict(After::Converted, Some(60)).takes(target(1), &history, at(259)).unwrap_err();
    assert_eq!(refused.until, Some(at(260)));
    assert_eq!(
        refused.text(),
        "the caller was converted by this target before: not again until 2027-01-15T08:04:20Z"
    );
    let for_ever = restrict(After::Connected, None).takes(target(1), &history, at(259)).unwrap_err();
    assert_eq!(for_ever.text(), "the caller was connected to this target before");
}

#[test]
fn live_calls_are_those_that_began_and_did_not_end() {
    let mut history = converted_once();
    assert_eq!(history.live(), 0);
    history.after(call(2), at(300), News::Began);
    history.after(call(3), at(300), News::Began);
    history.after(call(2), at(300), News::Began);
    assert_eq!(history.live(), 2);
    history.after(call(2), at(300), News::Ended { connected: None, converted: None });
    // Late news of the beginning does not bring it back.
    history.after(call(2), at(300), News::Began);
    assert_eq!(history.live(), 1);
}

#[test]
fn only_the_newest_targets_are_kept() {
    let mut history = CallerHistory::default();
    for number in 0..30 {
        let second = i64::from(number) * 10;
        let ended = News::Ended { connected: reached(target(number), second), converted: None };
        history.after(call(number), at(second), ended);
    }
    let kept: Vec<u32> =
        (0..30).filter(|number| history.of_target(target(*number)).connected_at.is_some()).collect();
    assert_eq!(kept, (10..30).collect::<Vec<u32>>());
    assert_eq!(kept.len(), MAX_TARGETS);
    // What was forgotten does not come back with late news.
    let before = history.clone();
    history.after(call(3), at(30), News::Ended { connected: reached(target(3), 30), converted: None });
    assert_eq!(history, before);
}

#[test]
fn a_history_is_small_and_survives_storage() {
    let mut history = CallerHistory::default();
    for number in 0..200 {
        let second = i64::from(number);
        let ended = News::Ended {
            connected: reached(bidder(number), second),
            converted: reached(target(number), second),
        };
        history.after(call(number), at(second), ended);
    }
    let stored = serde_json::to_string(&history).unwrap();
    assert!(stored.len() < 5_000, "{} bytes", stored.len());
    assert_eq!(serde_json::from_str::<CallerHistory>(&stored).unwrap(), history);
    assert_eq!(serde_json::from_str::<CallerHistory>("{}").unwrap(), CallerHistory::default());
}

#[test]
fn windows_have_bounds() {
    let fields = |window_s| -> Vec<String> {
        let mut problems = Problems::new();
        rule(Counts::AnyCall, Action::Refuse, window_s).check("duplicates", &mut problems);
        Restrict { after: After::Connected, window_s }.check("restrict", &mut problems);
        problems.into_vec().into_iter().map(|problem| problem.field).collect()
    };
    for wrong in [0, 316_224_001] {
        assert_eq!(fields(Some(wrong)), ["duplicates.window_s", "restrict.window_s"]);
    }
    for right in [None, Some(1), Some(316_224_000)] {
        assert!(fields(right).is_empty());
    }
    assert!(serde_json::from_value::<Restrict>(json!({})).is_err(), "a restriction says after what");
}

/// Which call, whether it ended, where it connected and converted.
type Told = (CallId, Timestamp, News);

fn a_story() -> impl Strategy<Value = Vec<Told>> {
    let one = (0..40_u32, any::<bool>(), 0..30_u32, any::<bool>(), any::<bool>()).prop_map(
        |(number, ends, via, connects, converts)| {
            let began = i64::from(number / 2);
            let via = if via % 2 == 0 { target(via) } else { bidder(via) };
            let connected = reached(via, began + 1).filter(|_| connects || converts);
            let converted = reached(via, began + 5 + i64::from(number % 7)).filter(|_| converts);
            let news = if ends { News::Ended { connected, converted } } else { News::Began };
            (call(number), at(began), news)
        },
    );
    prop::collection::vec(one, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn news_in_any_order_and_any_number_of_times_lead_to_the_same_history(
        (story, shuffled) in a_story().prop_flat_map(|story| {
            let twice: Vec<Told> = story.iter().chain(&story).copied().collect();
            (Just(story), Just(twice).prop_shuffle())
        }),
    ) {
        let told = |story: &[Told]| {
            let mut history = CallerHistory::default();
            for (call, began, news) in story {
                history.after(*call, *began, *news);
            }
            history
        };
        prop_assert_eq!(told(&story), told(&shuffled));
    }
}
