//! Filters: each comparison with its boundaries, and that the fast way decides as the plain one does.

use domain::filter::{Comparison, Failed, Filter, FilterSet, Operand, Predicate, Tags, Value};
use domain::validate::Problems;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn filter(value: Json) -> Filter {
    serde_json::from_value(value).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    let mut tags = Tags::new();
    for (tag, value) in pairs {
        let (category, name) = tag.split_once(':').unwrap();
        tags.set(category, name, value);
    }
    tags
}

fn passes(filter_: Json, tags: &Tags) -> bool {
    FilterSet::compile([&filter(filter_)]).look(tags).passes(0).is_ok()
}

fn refusal(filter_: Json, tags: &Tags) -> String {
    let filter = filter(filter_);
    FilterSet::compile([&filter]).look(tags).passes(0).unwrap_err().text()
}

/// Whether a tag of this value passes.
fn age(is: &str, bound: Json, value: &str) -> bool {
    passes(json!({"tag": "User:age", "is": is, "value": bound}), &tags(&[("User:age", value)]))
}

#[test]
fn nothing_said_lets_every_call_pass() {
    assert_eq!(serde_json::to_value(Filter::default()).unwrap(), json!({"all": []}));
    assert!(passes(json!({"all": []}), &Tags::new()));
    assert!(FilterSet::compile([]).look(&Tags::new()).passes(7).is_ok());
}

#[test]
fn tag_names_and_values_are_the_same_in_capitals() {
    let caller = tags(&[("InboundNumber:State", "Ny")]);
    assert!(passes(json!({"tag": "inboundnumber:STATE", "is": "equals", "value": "nY"}), &caller));
    assert_eq!(caller.get("INBOUNDNUMBER:state"), Some("Ny"));
    let street = tags(&[("User:street", "GROßE STRAẞE ÄÖ")]);
    assert!(passes(json!({"tag": "User:street", "is": "contains", "value": "straße äö"}), &street));
}

#[test]
fn equals_compares_text_so_that_zip_codes_keep_their_zeros() {
    assert!(age("equals", json!("01234"), "01234"));
    assert!(!age("equals", json!("1234"), "01234"));
    assert!(age("equals", json!(1234), "1234"));
}

#[test]
fn contains_and_begins_with_hold_from_one_end_to_the_other() {
    for (is, value, held) in [
        ("contains", "bcd", true),
        ("contains", "abcde", true),
        ("contains", "e", true),
        ("contains", "abcdef", false),
        ("contains", "ce", false),
        ("begins_with", "a", true),
        ("begins_with", "ABCDE", true),
        ("begins_with", "bc", false),
        ("begins_with", "abcdef", false),
    ] {
        assert_eq!(age(is, json!(value), "abcde"), held, "{is} {value}");
    }
    // A part may end inside a character's bytes: then it is none.
    assert!(age("begins_with", json!("é"), "été") && !age("contains", json!("è"), "été"));
}

#[test]
fn greater_and_less_compare_numbers_as_numbers() {
    assert!(age("greater", json!(9), "10") && !age("greater", json!(10), "10"));
    assert!(!age("less", json!("10.0"), "10") && age("less", json!("10"), "9.999999999999999999"));
    assert!(age("greater", json!("-1"), "-0.5") && age("less", json!(1.5), " +1 "));
    assert!(age("less", json!("999999999999999999"), "999999999999999998.999"));
}

#[test]
fn a_tag_that_is_no_number_is_neither_greater_nor_less_than_one() {
    for value in ["n/a", "1,000", "1e3", "", ".", "5.", ".5", "--1", "1234567890123456789", "٣"] {
        assert!(!age("greater", json!(0), value) && !age("less", json!(0), value), "{value}");
    }
}

#[test]
fn greater_and_less_than_text_go_by_its_order() {
    assert!(age("greater", json!("2026-11-21"), "2026-11-22") && !age("greater", json!("B"), "b"));
    assert!(age("less", json!("2026-11-22"), "2026-11-21") && !age("less", json!("b"), "B"));
}

#[test]
fn a_list_holds_each_of_its_values() {
    let list = json!(["10001", 10002, "NY"]);
    assert!(age("in_list", list.clone(), "10002") && age("in_list", list.clone(), "ny"));
    assert!(!age("in_list", list, "1000"));
}

#[test]
fn a_pattern_matches_anywhere_and_in_any_case() {
    assert!(age("regex", json!("^20[0-9]$"), "205") && !age("regex", json!("^20[0-9]$"), "2050"));
    assert!(age("regex", json!("GOLD|silver"), "a Silver card"));
    assert!(age("regex", json!(r"\D"), "1x") && !age("regex", json!(r"\D"), "1"));
}

#[test]
fn of_a_missing_tag_every_comparison_is_false_and_its_opposite_true() {
    for empty in [Tags::new(), tags(&[("User:age", "")])] {
        for (is, value) in [
            ("equals", json!("a")),
            ("contains", json!("a")),
            ("begins_with", json!("a")),
            ("greater", json!("-1")),
            ("less", json!("1")),
            ("less", json!("a")),
            ("in_list", json!(["a"])),
            ("regex", json!("")),
            ("exists", json!(null)),
        ] {
            let one = json!({"tag": "User:age", "is": is, "value": value});
            assert!(!passes(one.clone(), &empty), "{is}");
            assert!(passes(json!({"not": one}), &empty), "not {is}");
        }
    }
}

#[test]
fn groups_mean_what_they_say() {
    let is = |tag: &str, value: &str| json!({"tag": tag, "is": "equals", "value": value});
    let caller = tags(&[("a:a", "1"), ("b:b", "2")]);
    assert!(passes(json!({"all": [is("a:a", "1"), is("b:b", "2")]}), &caller));
    assert!(!passes(json!({"all": [is("a:a", "1"), is("b:b", "3")]}), &caller));
    assert!(passes(json!({"any": [is("a:a", "0"), is("b:b", "2")]}), &caller));
    assert!(!passes(json!({"any": [is("a:a", "0"), is("b:b", "3")]}), &caller));
    assert!(passes(json!({"not": {"all": [is("a:a", "1"), {"not": is("b:b", "2")}]}}), &caller));
}

#[test]
fn a_refusal_says_what_is_needed_and_not_what_the_caller_has() {
    let caller = tags(&[("User:zip", "94105"), ("User:age", "17"), ("User:plan", "gold")]);
    let zips = json!({"tag": "User:zip", "is": "in_list", "value": ["10001", "10002", "10003"]});
    assert_eq!(refusal(zips.clone(), &caller), "needs tag User:zip to be one of 3 values");
    let of_age = json!({"tag": "User:age", "is": "greater", "value": 17});
    assert_eq!(
        refusal(json!({"all": [{"tag": "User:zip", "is": "exists"}, of_age]}), &caller),
        "needs tag User:age to be greater than 17"
    );
    assert_eq!(
        refusal(json!({"any": [zips, of_age, {"tag": "User:city", "is": "exists"}]}), &caller),
        "needs tag User:zip to be one of 3 values, or one of 2 other conditions"
    );
    let gold = json!({"tag": "User:plan", "is": "equals", "value": "gold"});
    assert_eq!(refusal(json!({"not": gold}), &caller), "needs tag User:plan not to be 'gold'");
    assert_eq!(
        refusal(
            json!({"not": {"all": [gold, {"tag": "User:zip", "is": "begins_with", "value": "94"}]}}),
            &caller
        ),
        "needs tag User:plan not to be 'gold', or 1 other condition"
    );
    assert_eq!(
        refusal(json!({"tag": "User:plan", "is": "regex", "value": "^s"}), &caller),
        "needs tag User:plan to match the pattern ^s"
    );
    assert_eq!(refusal(json!({"any": []}), &caller), "has a filter that no call can pass");
}

#[test]
fn equal_comparisons_are_one_whoever_makes_them() {
    let one = filter(json!({"all": [
        {"tag": "User:zip", "is": "in_list", "value": ["a", "b"]}, {"tag": "User:age", "is": "less", "value": 9}]}));
    let other = filter(json!({"any": [
        {"tag": "user:ZIP", "is": "in_list", "value": ["B", "A", "b"]}, {"tag": "User:age", "is": "less", "value": "9"},
        {"tag": "User:age", "is": "greater", "value": "9"}]}));
    assert_eq!(FilterSet::compile([&one, &other]).distinct(), 3);
}

fn rules(value: Json) -> Vec<(String, String)> {
    let mut problems = Problems::new();
    filter(value).check("filter", &mut problems);
    problems.into_vec().into_iter().map(|problem| (problem.field, problem.rule)).collect()
}

fn exists() -> Json {
    json!({"tag": "a:a", "is": "exists"})
}

#[test]
fn saving_refuses_what_could_not_be_meant() {
    let is = |is: &str, value: Json| json!({"tag": "a:a", "is": is, "value": value});
    let refused = |value: Json, field: &str, rule: &str| {
        assert_eq!(rules(value.clone()), [(field.to_owned(), rule.to_owned())], "{value}");
    };
    refused(is("exists", json!("x")), "filter.value", "value");
    refused(is("equals", json!(["x"])), "filter.value", "value");
    refused(is("equals", json!(null)), "filter.value", "value");
    refused(is("equals", json!("")), "filter.value", "length");
    refused(is("equals", json!("x".repeat(201))), "filter.value", "length");
    refused(is("in_list", json!("x")), "filter.value", "value");
    refused(is("in_list", json!([])), "filter.value", "count");
    refused(is("in_list", json!(vec!["x"; 1_001])), "filter.value", "count");
    refused(is("in_list", json!(["x", ""])), "filter.value[1]", "length");
    refused(is("regex", json!("(")), "filter.value", "pattern");
    refused(is("regex", json!(r"(\w{1,1000}){100}")), "filter.value", "pattern");
    refused(json!({"all": [exists(), {"any": []}]}), "filter.all[1].any", "count");
    refused(json!({"not": is("equals", json!(""))}), "filter.not.value", "length");
    refused(json!({"all": vec![exists(); 101]}), "filter", "count");
    refused(json!({"all": vec![is("regex", json!("x")); 11]}), "filter", "count");
    refused(json!({"not": {"not": {"not": {"not": {"not": exists()}}}}}), "filter", "depth");
}

#[test]
fn saving_takes_everything_up_to_its_bounds() {
    for value in [
        json!({"all": []}),
        json!({"all": vec![exists(); 100]}),
        json!({"not": {"not": {"not": {"not": exists()}}}}),
        json!({"tag": "a:a", "is": "in_list", "value": vec!["x"; 1_000]}),
        json!({"tag": "a:a", "is": "equals", "value": "x".repeat(200)}),
        json!({"all": vec![json!({"tag": "Address:Zip 5", "is": "regex", "value": r"^\d{5}(-\d{4})?$"}); 10]}),
    ] {
        assert_eq!(rules(value), []);
    }
}

#[test]
fn json_that_says_nothing_or_two_things_is_no_filter() {
    for value in [
        json!({}),
        json!({"all": [], "any": []}),
        json!({"all": [], "tag": "a:a", "is": "exists"}),
        json!({"tag": "a:a"}),
        json!({"is": "exists"}),
        json!({"all": [], "value": "x"}),
        json!({"tag": "a:a", "is": "exists", "colour": 1}),
        json!({"tag": "a", "is": "exists"}),
        json!({"tag": ":a", "is": "exists"}),
        json!({"tag": "a: ", "is": "exists"}),
        json!({"tag": format!("a:{}", "a".repeat(127)), "is": "exists"}),
        json!({"tag": "a:a", "is": "equals", "value": true}),
        json!({"tag": "a:a", "is": "sounds_like", "value": "x"}),
    ] {
        assert!(serde_json::from_value::<Filter>(value.clone()).is_err(), "{value}");
    }
}

/// The plain reading of a filter: no index, no sharing, numbers as floats.
fn plainly(filter: &Filter, tags: &Tags) -> bool {
    match filter {
        Filter::All(inner) => inner.iter().all(|filter| plainly(filter, tags)),
        Filter::Any(inner) => inner.iter().any(|filter| plainly(filter, tags)),
        Filter::Not(inner) => !plainly(inner, tags),
        Filter::Is(predicate) => {
            tags.get(predicate.tag.as_str()).is_some_and(|value| plain_predicate(predicate, value))
        }
    }
}

fn plain_predicate(predicate: &Predicate, value: &str) -> bool {
    let lower = |value: &Value| value.as_str().to_lowercase();
    let wanted: Vec<String> = match &predicate.value {
        None => Vec::new(),
        Some(Operand::One(one)) => vec![lower(one)],
        Some(Operand::List(list)) => list.iter().map(lower).collect(),
    };
    let value = value.to_lowercase();
    let ordered = |wanted: &String| match wanted.parse::<f64>() {
        Ok(bound) => value.parse::<f64>().ok()?.partial_cmp(&bound),
        Err(_) => Some(value.as_str().cmp(wanted.as_str())),
    };
    match predicate.is {
        Comparison::Exists => true,
        Comparison::Equals | Comparison::InList => wanted.contains(&value),
        Comparison::Contains => wanted.iter().any(|part| value.contains(part)),
        Comparison::BeginsWith => wanted.iter().any(|part| value.starts_with(part)),
        Comparison::Greater => wanted.iter().any(|bound| ordered(bound).is_some_and(|order| order.is_gt())),
        Comparison::Less => wanted.iter().any(|bound| ordered(bound).is_some_and(|order| order.is_lt())),
        Comparison::Regex => {
            wanted.iter().any(|pattern| regex_lite(pattern.trim_matches(['^', '$']), pattern, &value))
        }
    }
}

/// The only patterns of these tests: a text, perhaps tied to an end.
fn regex_lite(text: &str, pattern: &str, value: &str) -> bool {
    match (pattern.starts_with('^'), pattern.ends_with('$')) {
        (true, true) => value == text,
        (true, false) => value.starts_with(text),
        (false, true) => value.ends_with(text),
        (false, false) => value.contains(text),
    }
}

const OF_ONE_VALUE: [&str; 5] = ["equals", "contains", "begins_with", "greater", "less"];
const NAMES: [&str; 4] = ["a", "B", "c d", "e"];

fn a_value() -> impl Strategy<Value = String> {
    prop_oneof!["[abAB]{1,4}", "-?[0-9]{1,2}", "[0-9]\\.[0-9]", "[éÉaß]{1,3}", Just("aXb1".to_owned())]
}

fn a_predicate() -> impl Strategy<Value = Json> {
    let tag = prop::sample::select(&NAMES[..]).prop_map(|name| format!("User:{name}"));
    prop_oneof![
        8 => (tag.clone(), prop::sample::select(&OF_ONE_VALUE[..]), a_value())
            .prop_map(|(tag, is, value)| json!({"tag": tag, "is": is, "value": value})),
        2 => (tag.clone(), prop::collection::vec(a_value(), 1..5))
            .prop_map(|(tag, values)| json!({"tag": tag, "is": "in_list", "value": values})),
        1 => tag.clone().prop_map(|tag| json!({"tag": tag, "is": "exists"})),
        1 => (tag, "\\^?[ab1]{1,2}\\$?")
            .prop_map(|(tag, value)| json!({"tag": tag, "is": "regex", "value": value})),
    ]
}

fn a_filter() -> impl Strategy<Value = Json> {
    a_predicate().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|inner| json!({"all": inner})),
            prop::collection::vec(inner.clone(), 0..5).prop_map(|inner| json!({"any": inner})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_fast_way_decides_as_the_plain_one(
        filters in prop::collection::vec(a_filter(), 1..8),
        values in prop::collection::vec(prop::option::of(a_value()), 4),
    ) {
        let filters: Vec<Filter> = filters.into_iter().map(filter).collect();
        let mut tags = Tags::new();
        for (name, value) in NAMES.iter().zip(values) {
            tags.set("user", name, &value.unwrap_or_default());
        }
        let set = FilterSet::compile(&filters);
        let look = set.look(&tags);
        for (index, filter) in filters.iter().enumerate() {
            let written = serde_json::to_string(filter).unwrap();
            prop_assert_eq!(look.passes(index).is_ok(), plainly(filter, &tags), "{}", written);
            // Asked again it says the same; read back it is the same filter.
            prop_assert_eq!(look.passes(index).is_ok(), plainly(filter, &tags));
            prop_assert_eq!(&serde_json::from_str::<Filter>(&written).unwrap(), filter);
        }
    }

    /// Texts that begin with each other, and that many ask for.
    #[test]
    fn parts_are_found_however_many_are_wanted(value in "[ab]{1,6}", wanted in prop::collection::vec("[ab]{1,3}", 1..60)) {
        let filters: Vec<Filter> = wanted.iter()
            .map(|part| filter(json!({"tag": "a:a", "is": "contains", "value": part}))).collect();
        let caller = tags(&[("a:a", &value)]);
        let set = FilterSet::compile(&filters);
        let look = set.look(&caller);
        for (index, part) in wanted.iter().enumerate() {
            prop_assert_eq!(look.passes(index).is_ok(), value.contains(part.as_str()));
        }
    }

    #[test]
    fn beginnings_are_found_however_many_are_wanted(value in "[ab]{1,6}", wanted in prop::collection::vec("[ab]{1,7}", 1..60)) {
        let filters: Vec<Filter> = wanted.iter()
            .map(|part| filter(json!({"tag": "a:a", "is": "begins_with", "value": part}))).collect();
        let caller = tags(&[("a:a", &value)]);
        let set = FilterSet::compile(&filters);
        let look = set.look(&caller);
        for (index, part) in wanted.iter().enumerate() {
            prop_assert_eq!(look.passes(index).is_ok(), value.starts_with(part.as_str()));
        }
    }

    #[test]
    fn a_failed_comparison_is_one_that_stands_in_the_way(json in a_filter(), value in a_value()) {
        let filter = filter(json);
        let tags = tags(&[("User:a", &value)]);
        let set = FilterSet::compile([&filter]);
        let look = set.look(&tags);
        if let Err(failed) = look.passes(0).map_err(Failed::predicate)
            && let Some(predicate) = failed.predicate
        {
            let holds = plainly(&Filter::Is(predicate.clone()), &tags);
            prop_assert_eq!(holds, failed.negated);
        }
    }
}
