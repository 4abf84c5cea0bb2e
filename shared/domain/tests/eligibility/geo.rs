//! Places: never guessed, and refused or taken by rule.

use domain::country::Country;
use domain::geo::{AreaCode, GeoRule, OutOfArea, Place, PlaceKind, SOURCE, Said, State, ZIP_SOURCE};
use domain::number::LineKind;
use domain::phone::E164;
use domain::validate::Problems;
use serde_json::{Value, json};

fn said<'a>(country: &'a str, state: &'a str, zip: &'a str) -> Said<'a> {
    Said { country: Some(country), state: Some(state), zip: Some(zip) }
}

/// Country, state, ZIP code, area code.
fn place(from: &str, said: Said<'_>) -> [Option<String>; 4] {
    let Place { country, state, zip, area_code } = Place::of(from, said);
    [country.map(String::from), state.map(String::from), zip, area_code.map(String::from)]
}

fn written(parts: [&str; 4]) -> [Option<String>; 4] {
    parts.map(|part| (!part.is_empty()).then(|| part.to_owned()))
}

#[test]
fn twilios_word_goes_first_and_the_area_code_fills_in() {
    assert_eq!(place("+14155550100", said("US", "CA", "94105")), written(["US", "CA", "94105", "415"]));
    assert_eq!(place("+14155550100", said("US", "NV", "")), written(["US", "NV", "", "415"]));
    assert_eq!(place("+14155550100", said("", "", "")), written(["US", "CA", "", "415"]));
    assert_eq!(place("+14165550100", Said::default()), written(["CA", "ON", "", "416"]));
    assert_eq!(place("+17875550100", Said::default()), written(["PR", "PR", "", "787"]));
    assert_eq!(place("+18765550100", Said::default()), written(["JM", "", "", "876"]));
    assert_eq!(place("sip:+12125550100@sip.example.com", Said::default()), written(["US", "NY", "", "212"]));
}

#[test]
fn a_code_of_several_provinces_names_none() {
    assert_eq!(place("+19025550100", Said::default()), written(["CA", "", "", "902"]));
    assert_eq!(place("+18675550100", Said::default()), written(["CA", "", "", "867"]));
}

#[test]
fn toll_free_and_unassigned_codes_are_nowhere() {
    for area in ["800", "833", "888", "900", "555", "700", "710", "211"] {
        assert_eq!(place(&format!("+1{area}5550100"), said("", "", "")), written(["", "", "", area]));
    }
    // Unless Twilio knows.
    assert_eq!(place("+18005550100", said("US", "", "")), written(["US", "", "", "800"]));
}

#[test]
fn a_state_is_not_taken_from_a_code_of_another_country() {
    assert_eq!(place("+14165550100", said("US", "", "")), written(["US", "", "", "416"]));
}

#[test]
fn callers_abroad_have_a_country_and_anonymous_ones_nothing() {
    assert_eq!(place("+4915112345678", said("", "", "")), written(["DE", "", "", ""]));
    assert_eq!(place("+442079460958", said("GB", "London", "")), written(["GB", "", "", ""]));
    for from in ["anonymous", "unknown", "", "+266696687", "client:anna", "sip:anna@example.com"] {
        assert_eq!(place(from, said("", "", "")), written(["", "", "", ""]), "{from}");
    }
}

/// Facts known apart from the data: <https://www.nanpa.com/area-codes>.
#[test]
fn area_codes_have_the_states_that_everybody_knows() {
    let known = "212 NY 718 NY 917 NY 213 CA 310 CA 415 CA 702 NV 305 FL 713 TX 512 TX 203 CT 907 AK 808 HI 202 DC 671 GU \
        340 VI 670 MP 684 AS 605 SD 307 WY 802 VT 401 RI 302 DE 304 WV 701 ND 406 MT 208 ID 505 NM 801 UT 514 QC 604 BC \
        403 AB 204 MB 306 SK 506 NB 709 NL 905 ON";
    let words: Vec<&str> = known.split_whitespace().collect();
    for pair in words.chunks(2) {
        let [code, state] = pair else { panic!("pairs") };
        let code = AreaCode::try_from((*code).to_owned()).unwrap();
        assert_eq!(code.place().unwrap().1.unwrap().as_str(), *state, "{code:?}");
    }
}

/// Two sources, one fact: NANPA's list in `country` and libphonenumber's metadata here.
#[test]
fn the_countries_of_area_codes_are_those_of_the_other_list() {
    let mut known = 0;
    let mut states = std::collections::BTreeSet::new();
    for code in 200..1_000 {
        let number: E164 = format!("+1{code}5550100").parse().unwrap();
        let area = AreaCode::try_from(code.to_string()).unwrap();
        if let Some((country, state)) = area.place() {
            known += 1;
            assert_eq!(Country::of(&number), Some(country), "{code}");
            assert_ne!(LineKind::of(&number), LineKind::TollFree, "{code}");
            states.extend(state.filter(|_| country == Country::US));
        }
    }
    assert_eq!(known, 442, "{SOURCE}");
    assert_eq!(states.len(), 51, "every state and the capital has an area code: {states:?}");
}

/// Facts known apart from the data: post offices and landmarks, to a tenth of a degree.
#[test]
fn zip_codes_are_where_everybody_knows_they_are() {
    for (zip, north, east) in [
        ("10001", 40.75, -74.0),
        ("94105-1234", 37.79, -122.39),
        ("60601", 41.89, -87.62),
        ("77002", 29.76, -95.37),
        ("02108", 42.36, -71.06),
        ("99501", 61.22, -149.88),
        ("96813", 21.31, -157.85),
        ("00901", 18.47, -66.1),
    ] {
        let place = Place { country: Some(Country::US), zip: Some(zip.to_owned()), ..Place::default() };
        let found = place.position().unwrap_or_else(|| panic!("{zip}: {ZIP_SOURCE}"));
        let (latitude, longitude) = (f64::from(found.latitude), f64::from(found.longitude));
        assert!((latitude - north).abs() < 0.1 && (longitude - east).abs() < 0.1, "{zip}: {found:?}");
    }
}

#[test]
fn nobody_is_put_on_the_map_by_a_guess() {
    let position = |country: &str, zip: &str| {
        let zip = Some(zip.to_owned());
        Place { country: country.parse().ok(), zip, ..Place::default() }.position()
    };
    assert!(position("US", "10001").is_some() && position("PR", "00901").is_some());
    for (country, zip) in [
        ("", "10001"),
        ("MX", "10001"),
        ("DE", "10115"),
        ("US", ""),
        ("US", "1000"),
        ("US", "100011"),
        ("US", "0x001"),
        ("US", "00000"),
        ("US", "99999"),
        ("US", "１0001"),
    ] {
        assert_eq!(position(country, zip), None, "{country} {zip}");
    }
    assert_eq!(Place { country: Some(Country::US), ..Place::default() }.position(), None);
}

fn rule(value: Value) -> GeoRule {
    serde_json::from_value(value).unwrap()
}

fn new_york() -> Place {
    Place::of("+12125550100", said("US", "NY", "10001-1234"))
}

#[test]
fn nothing_said_takes_every_place() {
    assert_eq!(rule(json!({})), GeoRule::default());
    assert_eq!(GeoRule::default().takes(&Place::default()), Ok(()));
    assert_eq!(rule(json!({"unknown": "refuse"})).takes(&Place::default()), Ok(()));
}

#[test]
fn a_denied_place_is_refused_whatever_else_is_allowed() {
    for (deny, kind) in [
        (json!({"countries": ["US"]}), PlaceKind::Country),
        (json!({"states": ["NJ", "ny"]}), PlaceKind::State),
        (json!({"zips": ["100"]}), PlaceKind::Zip),
        (json!({"area_codes": ["212"]}), PlaceKind::AreaCode),
    ] {
        let rule = rule(json!({"deny": deny, "allow": {"states": ["NY"]}}));
        assert_eq!(rule.takes(&new_york()), Err(OutOfArea::Denied(kind)));
    }
    assert_eq!(rule(json!({"deny": {"states": ["CA"], "area_codes": ["213"]}})).takes(&new_york()), Ok(()));
}

#[test]
fn a_caller_must_be_in_every_list_of_allowed_places() {
    let takes = |allow: Value| rule(json!({"allow": allow})).takes(&new_york());
    assert_eq!(takes(json!({"states": ["NJ", "NY"]})), Ok(()));
    assert_eq!(takes(json!({"states": ["NY"], "zips": ["1"]})), Ok(()));
    assert_eq!(takes(json!({"states": ["NY"], "zips": ["2"]})), Err(OutOfArea::NotAllowed(PlaceKind::Zip)));
    assert_eq!(takes(json!({"countries": ["CA"]})), Err(OutOfArea::NotAllowed(PlaceKind::Country)));
}

#[test]
fn a_zip_code_is_named_whole_or_by_its_beginning() {
    let takes = |zip: &str| rule(json!({"allow": {"zips": [zip]}})).takes(&new_york()).is_ok();
    assert!(takes("10001") && takes("10001-1234") && takes("1"));
    assert!(!takes("10002") && !takes("10001-1235") && !takes("0001"));
    let canadian = Place { zip: Some("m5v 3l9".to_owned()), ..Place::default() };
    assert_eq!(rule(json!({"allow": {"zips": ["M5V"]}})).takes(&canadian), Ok(()));
}

#[test]
fn an_unknown_place_is_refused_or_taken_as_the_rule_says() {
    let toll_free = Place::of("+18005550100", Said::default());
    for side in ["allow", "deny"] {
        let unless_told = rule(json!({side: {"states": ["NY"]}}));
        assert_eq!(unless_told.takes(&toll_free), Err(OutOfArea::Unknown(PlaceKind::State)));
        assert_eq!(rule(json!({side: {"states": ["NY"]}, "unknown": "allow"})).takes(&toll_free), Ok(()));
    }
    // What is known decides before what is not.
    let listed = rule(json!({"deny": {"area_codes": ["800"], "states": ["NY"]}, "unknown": "allow"}));
    assert_eq!(listed.takes(&toll_free), Err(OutOfArea::Denied(PlaceKind::AreaCode)));
}

#[test]
fn reasons_are_plain_words() {
    let words = [
        OutOfArea::Denied(PlaceKind::State).text(),
        OutOfArea::NotAllowed(PlaceKind::Zip).text(),
        OutOfArea::Unknown(PlaceKind::Country).text(),
    ];
    assert_eq!(
        words,
        [
            "calls from the caller's state are refused",
            "the caller's ZIP code is not among those that are taken",
            "the caller's country is not known"
        ]
    );
}

#[test]
fn what_is_no_place_is_refused_at_the_door_and_long_lists_on_saving() {
    for value in [
        json!({"allow": {"states": ["XX"]}}),
        json!({"allow": {"countries": ["usa"]}}),
        json!({"allow": {"area_codes": ["199"]}}),
        json!({"allow": {"area_codes": ["+21"]}}),
        json!({"allow": {"zips": [""]}}),
        json!({"allow": {"zips": ["100*"]}}),
        json!({"allow": {"cities": ["Paris"]}}),
        json!({"unknown": "guess"}),
    ] {
        assert!(serde_json::from_value::<GeoRule>(value.clone()).is_err(), "{value}");
    }
    let mut problems = Problems::new();
    rule(json!({"deny": {"zips": vec!["1"; 1_001]}, "allow": {"zips": vec!["1"; 1_000]}}))
        .check("geo", &mut problems);
    let fields: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["geo.deny.zips"]);
}

#[test]
fn a_state_is_read_in_any_case_and_kept_in_capitals() {
    assert_eq!(State::try_from("ny".to_owned()).unwrap().as_str(), "NY");
    assert!(State::try_from("New York".to_owned()).is_err());
}
