//! What a campaign refuses on arrival.

use domain::blocked::is_withheld;
use domain::geo::{OutOfArea, Place, PlaceKind, Said};
use domain::phone::E164;
use domain::screening::{Arrival, Attestation, Refusal, Screening, screen};
use domain::validate::Problems;
use serde_json::{Value, json};

const CALLER: &str = "+12125550100";
const DIALLED: &str = "+13125550100";
const WITHHELD: [&str; 5] = ["anonymous", "Restricted", "", "sip:anonymous@anonymous.invalid", "+266696687"];

fn screening(value: Value) -> Screening {
    serde_json::from_value(value).unwrap()
}

struct Heard<'a> {
    from: &'a str,
    to: &'a str,
    verstat: Option<&'a str>,
    since: Option<u32>,
}

const USUAL: Heard<'static> = Heard { from: CALLER, to: DIALLED, verstat: None, since: None };

fn decide(settings: Value, heard: &Heard<'_>) -> Result<(), Refusal> {
    let to: E164 = heard.to.parse().unwrap();
    let place = Place::of(heard.from, Said::default());
    let arrival = Arrival {
        from: heard.from,
        to: Some(&to),
        verstat: heard.verstat,
        place: &place,
        since_last_call_s: heard.since,
    };
    screen(&screening(settings), &arrival)
}

#[test]
fn nothing_said_takes_everybody_but_who_rings_again_at_once() {
    assert_eq!(screening(json!({})), Screening::default());
    for from in [CALLER, "+4915112345678", "client:anna", "anonymous"] {
        let heard = Heard { from, verstat: Some("TN-Validation-Failed-A"), ..USUAL };
        assert_eq!(decide(json!({}), &heard), Ok(()), "{from}");
    }
    assert_eq!(decide(json!({}), &Heard { since: Some(1), ..USUAL }), Err(Refusal::Spam { since_s: 1 }));
    assert_eq!(decide(json!({}), &Heard { since: Some(2), ..USUAL }), Ok(()));
}

#[test]
fn the_spam_window_is_the_campaigns_own_and_zero_is_off() {
    let decide = |window: u32, since: u32| {
        decide(json!({"spam_window_s": window}), &Heard { since: Some(since), ..USUAL })
    };
    assert_eq!(decide(0, 0), Ok(()));
    assert_eq!(decide(1, 0), Err(Refusal::Spam { since_s: 0 }));
    assert_eq!(decide(60, 59), Err(Refusal::Spam { since_s: 59 }));
    assert_eq!(decide(60, 60), Ok(()));
}

#[test]
fn a_withheld_number_is_refused_when_the_campaign_says_so() {
    for from in WITHHELD {
        assert!(is_withheld(from), "{from}");
        let heard = Heard { from, ..USUAL };
        assert_eq!(decide(json!({"block_anonymous": true}), &heard), Err(Refusal::Anonymous), "{from}");
        assert_eq!(decide(json!({"require_caller_id": true}), &heard), Err(Refusal::Anonymous), "{from}");
    }
    for from in [CALLER, "client:anna", "sip:+12125550100@sip.example.com"] {
        assert_eq!(decide(json!({"block_anonymous": true}), &Heard { from, ..USUAL }), Ok(()), "{from}");
    }
}

#[test]
fn a_caller_id_that_is_no_number_is_refused_only_where_one_is_required() {
    for from in ["client:anna", "sip:anna@example.com", "+123", "12125550100", "+10125550100"] {
        let heard = Heard { from, ..USUAL };
        assert_eq!(
            decide(json!({"require_caller_id": true}), &heard),
            Err(Refusal::InvalidCallerId),
            "{from}"
        );
        assert_eq!(decide(json!({"block_anonymous": true}), &heard), Ok(()), "{from}");
    }
    for from in [CALLER, "+4915112345678", "sip:+12125550100@sip.example.com"] {
        assert_eq!(decide(json!({"require_caller_id": true}), &Heard { from, ..USUAL }), Ok(()), "{from}");
    }
}

#[test]
fn callers_known_to_be_abroad_are_refused_when_the_campaign_says_so() {
    let decide = |from: &str, to: &str| {
        decide(json!({"allow_international": false}), &Heard { from, to, ..USUAL }) == Ok(())
    };
    assert!(decide(CALLER, DIALLED) && decide("+4915112345678", "+49301234567"));
    assert!(!decide("+4915112345678", DIALLED) && !decide("+14165550100", DIALLED));
    assert!(!decide(CALLER, "+49301234567"));
    // Toll-free numbers are all North America's; what cannot be known is not refused.
    assert!(decide(CALLER, "+18005550100") && decide("+14165550100", "+18005550100"));
    assert!(decide("+18005550100", DIALLED) && decide("anonymous", DIALLED));
    assert!(!decide("+4915112345678", "+18005550100") && !decide("+88161234567", DIALLED));
}

#[test]
fn an_attestation_counts_only_when_its_signature_was_found_right() {
    for (verstat, level) in [
        (Some("TN-Validation-Passed-A"), Attestation::A),
        (Some("TN-Validation-Passed-B"), Attestation::B),
        (Some("TN-Validation-Passed-C"), Attestation::C),
        (Some("TN-Validation-Failed-A"), Attestation::None),
        (Some("TN-Validation-Failed"), Attestation::None),
        (Some("No-TN-Validation"), Attestation::None),
        (Some("TN-Validation-Passed"), Attestation::None),
        (Some("TN-Validation-Passed-D"), Attestation::None),
        (Some(""), Attestation::None),
        (None, Attestation::None),
    ] {
        assert_eq!(Attestation::of_verstat(verstat), level, "{verstat:?}");
    }
}

#[test]
fn only_listed_attestations_are_taken() {
    let decide = |list: Value, verstat| {
        decide(json!({"stir_shaken": list}), &Heard { verstat: Some(verstat), ..USUAL })
    };
    let (a, c) = ("TN-Validation-Passed-A", "TN-Validation-Passed-C");
    assert_eq!(decide(json!(["A", "B"]), a), Ok(()));
    assert_eq!(decide(json!(["A", "B"]), c), Err(Refusal::Attestation(Attestation::C)));
    assert_eq!(decide(json!(["A"]), "No-TN-Validation"), Err(Refusal::Attestation(Attestation::None)));
    assert_eq!(decide(json!(["none"]), "TN-Validation-Failed-A"), Ok(()));
    assert_eq!(decide(json!(["none"]), a), Err(Refusal::Attestation(Attestation::A)));
    assert_eq!(decide(json!(null), c), Ok(()));
}

#[test]
fn the_rule_of_places_is_asked_last() {
    let settings = json!({"geo": {"allow": {"states": ["CA"]}}, "stir_shaken": ["A"]});
    assert_eq!(decide(settings.clone(), &USUAL), Err(Refusal::Attestation(Attestation::None)));
    let vouched = Heard { verstat: Some("TN-Validation-Passed-A"), ..USUAL };
    let wrong = Refusal::Place(OutOfArea::NotAllowed(PlaceKind::State));
    assert_eq!(decide(settings.clone(), &vouched), Err(wrong));
    assert_eq!(decide(settings, &Heard { from: "+14155550100", ..vouched }), Ok(()));
}

#[test]
fn every_refusal_has_a_code_and_plain_words() {
    let place = Refusal::Place;
    let said = [
        Refusal::Spam { since_s: 0 },
        Refusal::Spam { since_s: 1 },
        Refusal::Spam { since_s: 5 },
        Refusal::Anonymous,
        Refusal::InvalidCallerId,
        Refusal::International,
        Refusal::Attestation(Attestation::C),
        Refusal::Attestation(Attestation::None),
        place(OutOfArea::Denied(PlaceKind::Zip)),
        place(OutOfArea::NotAllowed(PlaceKind::Country)),
        place(OutOfArea::Unknown(PlaceKind::AreaCode)),
    ]
    .map(|refusal| format!("{}: {}", refusal.code(), refusal.text()));
    assert_eq!(
        said,
        [
            "spam: the same caller rang within the same second",
            "spam: the same caller rang 1 second before",
            "spam: the same caller rang 5 seconds before",
            "anonymous: the caller withholds their number",
            "invalid_caller_id: the caller shows no valid phone number",
            "international: the caller is in another country",
            "attestation: the caller's number is vouched for with C only",
            "attestation: nobody vouches for the caller's number",
            "geo_denied: calls from the caller's ZIP code are refused",
            "geo_not_allowed: the caller's country is not among those that are taken",
            "geo_unknown: the caller's area code is not known",
        ]
    );
}

#[test]
fn saving_refuses_windows_and_lists_without_sense() {
    let rules = |value: Value| -> Vec<String> {
        let mut problems = Problems::new();
        screening(value).check("screening", &mut problems);
        problems.into_vec().into_iter().map(|problem| problem.field).collect()
    };
    assert_eq!(rules(json!({"spam_window_s": 3_601})), ["screening.spam_window_s"]);
    assert_eq!(rules(json!({"stir_shaken": []})), ["screening.stir_shaken"]);
    assert_eq!(rules(json!({"geo": {"allow": {"zips": vec!["1"; 1_001]}}})), ["screening.geo.allow.zips"]);
    assert!(rules(json!({"spam_window_s": 3_600, "stir_shaken": ["A", "none"]})).is_empty());
    assert!(serde_json::from_value::<Screening>(json!({"stir_shaken": ["D"]})).is_err());
}
