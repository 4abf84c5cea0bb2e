//! What stands in addresses: parameters and cursors; and other people's texts with numbers in them.

use contract::page;
use contract::query::{CallsQuery, ListQuery, MAX_CALL_DAYS, MAX_LIMIT, MAX_SEARCH};
use domain::ids::TenantId;
use domain::phone::{E164, erase_number, mask_all, mask_words, number_of_caller};
use jiff::{Timestamp, Unit};
use uuid::Uuid;

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// `?limit&cursor&search&sort`.
pub fn list(bytes: &[u8]) {
    match ListQuery::read(&pairs(bytes)) {
        Ok(query) => {
            assert!((1..=MAX_LIMIT).contains(&query.limit));
            assert!(query.search.is_none_or(|text| !text.is_empty() && text.chars().count() <= MAX_SEARCH));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// The list of calls with its filters. The order of parameters does not matter.
pub fn calls(bytes: &[u8]) {
    let mut pairs = pairs(bytes);
    let now = Timestamp::UNIX_EPOCH;
    let read = CallsQuery::read(&pairs, now);
    pairs.reverse();
    match read {
        Ok(query) => {
            assert!((1..=MAX_LIMIT).contains(&query.limit) && query.from <= query.to);
            let days = query.from.until((Unit::Day, query.to)).map_or(i32::MAX, |span| span.get_days());
            assert!(days < MAX_CALL_DAYS);
            assert!(
                query
                    .filter
                    .min_duration
                    .zip(query.filter.max_duration)
                    .is_none_or(|(least, most)| least <= most)
            );
            assert_eq!(CallsQuery::read(&pairs, now), Ok(query));
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(CallsQuery::read(&pairs, now).is_err());
        }
    }
}

/// Only a cursor that we sealed for this tenant and list is opened.
pub fn cursor(bytes: &[u8]) {
    type Position = (String, String);
    let text = String::from_utf8_lossy(bytes);
    let tenant = TenantId::from_uuid(Uuid::from_u128(1));
    let opened = api::cursor::open::<Position>(tenant, "a list", &text);
    assert!(opened.is_err(), "a cursor that nobody sealed was opened: {text:?}");
    let _ = page::decode::<serde_json::Value>(&text);
    let position: Position = (text.chars().take(200).collect(), "CA1".to_owned());
    if let Some(sealed) = api::cursor::seal(tenant, "a list", position.clone()) {
        if sealed.len() <= page::MAX_CURSOR {
            assert_eq!(api::cursor::open::<Position>(tenant, "a list", &sealed).ok(), Some(position));
        }
        assert!(api::cursor::open::<Position>(tenant, "another list", &sealed).is_err());
    }
}

/// Masking and erasing take any text; masking only takes digits away, in people's words more of them.
pub fn numbers_in_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let masked = mask_all(&text);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    assert!(digits(&masked) <= digits(&text) && digits(&mask_words(&text)) <= digits(&masked));
    let _ = number_of_caller(&text);
    let caller = text.lines().next().and_then(|line| line.parse::<E164>().ok());
    if let Some(number) = caller {
        let erased = erase_number(&text, &number);
        assert!(erased.is_some_and(|erased| !erased.contains(number.as_str())));
    }
}
