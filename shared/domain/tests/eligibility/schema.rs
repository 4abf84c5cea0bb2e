//! How these settings describe themselves: what is read fits its pattern and the other way round, and nothing is left undescribed.

use std::collections::BTreeSet;

use domain::duplicates::{DuplicateRule, Restrict};
use domain::filter::{Filter, TagName};
use domain::geo::{AreaCode, State, ZipPrefix};
use domain::hours::{ClockTime, Hours};
use domain::predictive::Predictive;
use domain::screening::Screening;
use proptest::prelude::*;
use serde_json::Value;
use utoipa::ToSchema;

fn pattern_of<T: ToSchema>() -> regex::Regex {
    let schema = serde_json::to_value(T::schema()).unwrap();
    regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap()
}

fn read_as<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    serde_json::from_value::<T>(Value::from(text)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_read_fits_its_pattern_and_the_other_way_round(
        texts in prop::collection::vec(
            prop_oneof!["[0-2][0-9]:[0-6][0-9]", "24:0[01]", "[A-Za-z]{2}", "[0-9]{3}", "[A-Z0-9 .:-]{0,12}", "\\PC{0,6}"],
            20,
        ),
    ) {
        let (clock, tag, state) = (pattern_of::<ClockTime>(), pattern_of::<TagName>(), pattern_of::<State>());
        let (area, zip) = (pattern_of::<AreaCode>(), pattern_of::<ZipPrefix>());
        for text in &texts {
            prop_assert_eq!(read_as::<ClockTime>(text), clock.is_match(text), "time {}", text);
            prop_assert_eq!(read_as::<TagName>(text), tag.is_match(text), "tag {}", text);
            prop_assert_eq!(read_as::<State>(text), state.is_match(text), "state {}", text);
            prop_assert_eq!(read_as::<AreaCode>(text), area.is_match(text), "area code {}", text);
            prop_assert_eq!(read_as::<ZipPrefix>(text), zip.is_match(text), "ZIP code {}", text);
        }
    }
}

/// Every schema that something refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("$ref") {
                found.insert(name.trim_start_matches("#/components/schemas/").to_owned());
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn undescribed<T: ToSchema>() -> BTreeSet<String> {
    let mut described = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut described);
    let mut wanted = BTreeSet::new();
    for (_, schema) in &described {
        references(&serde_json::to_value(schema).unwrap(), &mut wanted);
    }
    let known: BTreeSet<String> = described.into_iter().map(|(name, _)| name).collect();
    wanted.difference(&known).cloned().collect()
}

#[test]
fn everything_that_settings_refer_to_is_described() {
    assert_eq!(undescribed::<Hours>(), BTreeSet::new());
    assert_eq!(undescribed::<Filter>(), BTreeSet::new());
    assert_eq!(undescribed::<Screening>(), BTreeSet::new());
    assert_eq!(undescribed::<DuplicateRule>(), BTreeSet::new());
    assert_eq!(undescribed::<Restrict>(), BTreeSet::new());
    assert_eq!(undescribed::<Predictive>(), BTreeSet::new());
}
