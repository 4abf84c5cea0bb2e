//! Query parameters and their limits.
#![expect(clippy::unwrap_used, reason = "a broken harness should stop the test")]

use contract::query::{CallsQuery, DEFAULT_LIMIT, ListQuery, SortBy};
use jiff::Timestamp;
use jiff::civil::date;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn now() -> Timestamp {
    "2026-11-22T23:59:59Z".parse().unwrap()
}

#[test]
fn a_list_without_parameters_is_by_name() {
    let query = ListQuery::read(&[]).unwrap();
    assert_eq!((query.limit, query.sort, query.descending), (DEFAULT_LIMIT, SortBy::Name, false));
    assert_eq!((query.search, query.cursor), (None, None));
}

#[test]
fn a_list_takes_order_search_and_limit() {
    let query =
        ListQuery::read(&pairs(&[("sort", "-updated_at"), ("search", "  roof "), ("limit", "200")])).unwrap();
    assert_eq!((query.limit, query.sort, query.descending), (200, SortBy::UpdatedAt, true));
    assert_eq!(query.search.as_deref(), Some("roof"));
    assert_eq!(ListQuery::read(&pairs(&[("search", "  ")])).unwrap().search, None);
}

#[test]
fn all_problems_of_a_query_are_told_at_once() {
    let problems = ListQuery::read(&pairs(&[("limit", "0"), ("sort", "x"), ("colour", "red")])).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["colour", "sort", "limit"]);
}

#[test]
fn a_very_long_name_of_a_parameter_is_shortened() {
    let long = "x".repeat(10_000);
    let problems = ListQuery::read(&[(long, String::new())]).unwrap_err();
    assert_eq!(problems[0].field.len(), 64);
}

#[test]
fn calls_of_the_last_week_unless_asked_otherwise() {
    let query = CallsQuery::read(&[], now()).unwrap();
    assert_eq!((query.from, query.to), (date(2026, 11, 16), date(2026, 11, 22)));
    let query = CallsQuery::read(&pairs(&[("to", "2026-03-01")]), now()).unwrap();
    assert_eq!((query.from, query.to), (date(2026, 2, 23), date(2026, 3, 1)));
    assert_eq!(query.shape, "to=2026-03-01\n");
}

#[test]
fn a_year_of_calls_is_the_most() {
    let year = pairs(&[("from", "2025-11-22"), ("to", "2026-11-22")]);
    assert!(CallsQuery::read(&year, now()).is_ok());
    let more = pairs(&[("from", "2025-11-21"), ("to", "2026-11-22")]);
    assert_eq!(CallsQuery::read(&more, now()).unwrap_err()[0].field, "from");
    let forever = pairs(&[("from", "-9999-01-01"), ("to", "9999-12-31")]);
    assert!(CallsQuery::read(&forever, now()).is_err());
}
