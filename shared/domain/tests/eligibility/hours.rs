//! Hours, against an oracle in another language for ten time zones, and rule by rule.

use std::collections::BTreeMap;
use std::process::Command;

use domain::hours::{Holidays, Hours, Standing, closed_text};
use domain::validate::Problems;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Cases {
    zones: BTreeMap<String, Hours>,
}

#[derive(Deserialize)]
struct Answer {
    /// First minute, then runs of minutes: closed, open, closed…
    windows: Vec<(i64, Vec<i64>)>,
    changes: Vec<i64>,
}

/// `changes` looks around every change of the clocks and every edge of a span; `HOURS_ORACLE=year` at every minute.
fn oracle() -> BTreeMap<String, Answer> {
    let mode = std::env::var_os("HOURS_ORACLE").unwrap_or_else(|| "changes".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/eligibility/hours_oracle.py");
    let output = Command::new("python3").arg(script).arg(mode).output().expect("Python 3.11 or newer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(number * 60).unwrap()
}

#[test]
fn hours_equal_an_independent_reading_around_every_change() {
    let cases: Cases = serde_json::from_str(include_str!("hours_oracle.json")).unwrap();
    let answers = oracle();
    assert_eq!(cases.zones.len(), 10);
    let (mut compared, mut openings, mut changes) = (0_u64, 0_u32, 0);
    for (zone, hours) in &cases.zones {
        let answer = &answers[zone];
        assert_eq!(answer.changes.len(), 2, "{zone} changes its clocks twice a year");
        changes += answer.changes.len();
        for (first, runs) in &answer.windows {
            let mut now = *first;
            for (index, length) in runs.iter().enumerate() {
                let open = index % 2 == 1;
                for number in now..now + length {
                    assert_eq!(hours.is_open(minute(number), zone), open, "{zone} at {}", minute(number));
                    compared += 1;
                }
                if !open && *length > 0 && index + 1 < runs.len() {
                    let opens = Some(minute(now + length));
                    for closed in [now, now + length / 2, now + length - 1] {
                        let standing = hours.at(minute(closed), zone);
                        assert_eq!(standing, Standing::Closed { opens }, "{zone} at {}", minute(closed));
                        openings += 1;
                    }
                }
                now += length;
            }
        }
    }
    println!("{compared} minutes compared, {openings} openings, {changes} changes of the clocks");
    assert!(compared > 800_000 && openings > 5_000, "{compared} minutes, {openings} openings");
}

fn hours(value: Value) -> Hours {
    serde_json::from_value(value).unwrap()
}

fn at(zoned: &str) -> Timestamp {
    zoned.parse::<jiff::Zoned>().unwrap().timestamp()
}

fn nine_to_five() -> Hours {
    let day = json!([{"from": "09:00", "to": "17:00"}]);
    hours(json!({"week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day}}))
}

const CHICAGO: &str = "America/Chicago";

#[test]
fn nothing_said_is_always_open() {
    assert_eq!(hours(json!({})), Hours::default());
    assert_eq!(Hours::default().at(at("2026-12-25T03:00[America/Chicago]"), CHICAGO), Standing::Open);
}

#[test]
fn a_week_without_spans_never_opens() {
    let never = hours(json!({"week": {}}));
    let now = at("2026-12-25T03:00[America/Chicago]");
    assert_eq!(never.at(now, CHICAGO), Standing::Closed { opens: None });
    assert_eq!(closed_text(now, None, CHICAGO), "closed");
}

#[test]
fn the_first_minute_is_open_and_the_last_is_not() {
    let hours = nine_to_five();
    let open = |time: &str| hours.is_open(at(&format!("2026-11-23T{time}[America/Chicago]")), CHICAGO);
    assert!(!open("08:59:59.999"));
    assert!(open("09:00:00"));
    assert!(open("16:59:59.999"));
    assert!(!open("17:00:00"));
}

#[test]
fn the_next_opening_is_named_in_the_owners_zone() {
    let hours = nine_to_five();
    let friday = at("2026-11-20T17:00[America/Chicago]");
    let Standing::Closed { opens } = hours.at(friday, CHICAGO) else { panic!("closed on Friday at five") };
    assert_eq!(opens, Some(at("2026-11-23T09:00[America/Chicago]")));
    assert_eq!(closed_text(friday, opens, CHICAGO), "closed until Mon 09:00 America/Chicago");
    let week_before = at("2026-11-16T09:00[America/Chicago]");
    assert_eq!(closed_text(week_before, opens, CHICAGO), "closed until Mon 2026-11-23 09:00 America/Chicago");
}

#[test]
fn a_span_past_midnight_belongs_to_the_day_it_starts_on() {
    let hours = hours(json!({"week": {"friday": [{"from": "22:00", "to": "02:00"}]}}));
    let open = |time: &str| hours.is_open(at(&format!("{time}[America/Chicago]")), CHICAGO);
    assert!(open("2026-11-20T22:00") && open("2026-11-21T00:00") && open("2026-11-21T01:59"));
    assert!(!open("2026-11-21T02:00") && !open("2026-11-21T22:00") && !open("2026-11-20T00:00"));
}

#[test]
fn a_closed_date_does_not_end_what_started_the_day_before() {
    let night = json!([{"from": "22:00", "to": "02:00"}]);
    let hours =
        hours(json!({"week": {"thursday": night, "friday": night}, "exceptions": {"2026-12-25": []}}));
    let open = |time: &str| hours.is_open(at(&format!("{time}[America/Chicago]")), CHICAGO);
    assert!(open("2026-12-24T23:00") && open("2026-12-25T01:00"));
    assert!(!open("2026-12-25T22:00") && !open("2026-12-26T01:00"));
}

#[test]
fn an_exceptions_own_hours_go_before_week_breaks_and_holidays() {
    let mut hours = nine_to_five();
    hours.breaks = serde_json::from_value(json!([{"from": "12:00", "to": "13:00"}])).unwrap();
    hours.holidays = vec![Holidays::UsFederal];
    let open = |hours: &Hours, time: &str| hours.is_open(at(&format!("{time}[America/Chicago]")), CHICAGO);
    assert!(!open(&hours, "2026-12-24T12:30") && !open(&hours, "2026-12-25T10:00"));
    hours.exceptions = serde_json::from_value(
        json!({"2026-12-24": [{"from": "11:00", "to": "14:00"}], "2026-12-25": [{"from": "10:00", "to": "11:00"}]}),
    )
    .unwrap();
    assert!(open(&hours, "2026-12-24T12:30") && !open(&hours, "2026-12-24T10:00"));
    assert!(open(&hours, "2026-12-25T10:00"));
}

#[test]
fn a_local_time_that_does_not_exist_opens_with_the_first_that_does() {
    let hours = hours(json!({"week": {"sunday": [{"from": "02:30", "to": "03:10"}]}}));
    let before = at("2026-03-08T01:59:59-06:00[America/Chicago]");
    let Standing::Closed { opens } = hours.at(before, CHICAGO) else { panic!("closed before the change") };
    assert_eq!(opens, Some(at("2026-03-08T03:00:00-05:00[America/Chicago]")));
}

#[test]
fn a_local_time_that_happens_twice_is_open_twice() {
    let hours = hours(json!({"week": {"sunday": [{"from": "01:15", "to": "01:45"}]}}));
    for offset in ["-05:00", "-06:00"] {
        let open =
            |time: &str| hours.is_open(at(&format!("2026-11-01T{time}{offset}[America/Chicago]")), CHICAGO);
        assert!(!open("01:14") && open("01:15") && open("01:44") && !open("01:45"), "{offset}");
    }
    let between = at("2026-11-01T01:50:00-05:00[America/Chicago]");
    let opens = Some(at("2026-11-01T01:15:00-06:00[America/Chicago]"));
    assert_eq!(hours.at(between, CHICAGO), Standing::Closed { opens });
}

#[test]
fn the_whole_day_has_all_its_hours_whatever_the_clocks_do() {
    let hours = hours(json!({"week": {"sunday": [{"from": "00:00", "to": "24:00"}]}}));
    for (day, minutes) in [("2026-03-08", 23 * 60), ("2026-11-01", 25 * 60), ("2026-06-07", 24 * 60)] {
        let noon = at(&format!("{day}T12:00[America/Chicago]")).as_second() / 60;
        let open = (noon - 1_440..noon + 1_440).filter(|number| hours.is_open(minute(*number), CHICAGO));
        assert_eq!(open.count(), minutes, "{day}");
    }
}

/// <https://www.opm.gov/policy-data-oversight/pay-leave/federal-holidays/>, with the days themselves where another is kept.
#[test]
fn federal_holidays_are_those_that_the_government_lists() {
    let listed = "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04 2026-09-07 2026-10-12 \
        2026-11-11 2026-11-26 2026-12-25 \
        2027-01-01 2027-01-18 2027-02-15 2027-05-31 2027-06-18 2027-06-19 2027-07-04 2027-07-05 2027-09-06 2027-10-11 \
        2027-11-11 2027-11-25 2027-12-24 2027-12-25 2027-12-31 \
        2028-01-01 2028-01-17 2028-02-21 2028-05-29 2028-06-19 2028-07-04 2028-09-04 2028-10-09 2028-11-10 2028-11-11 \
        2028-11-23 2028-12-25";
    let listed: Vec<Date> = listed.split_whitespace().map(|date| date.parse().unwrap()).collect();
    let first: Date = "2026-01-01".parse().unwrap();
    let last: Date = "2028-12-31".parse().unwrap();
    let found: Vec<Date> = first
        .series(jiff::Span::new().days(1))
        .take_while(|date| *date <= last)
        .filter(|date| Holidays::UsFederal.include(*date))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn an_unknown_zone_counts_as_utc() {
    let hours = nine_to_five();
    let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    assert!(hours.is_open(now, "Mars/Olympus"));
    assert_eq!(hours.is_open(now, "UTC"), hours.is_open_on(TimeZone::UTC.to_datetime(now)));
}

fn rules(value: Value) -> Vec<(String, String)> {
    let mut problems = Problems::new();
    hours(value).check("hours", &mut problems);
    problems.into_vec().into_iter().map(|problem| (problem.field, problem.rule)).collect()
}

#[test]
fn saving_refuses_spans_that_say_nothing_or_overlap() {
    let refused =
        |field: &str, rule: &str, value| assert_eq!(rules(value), [(field.to_owned(), rule.to_owned())]);
    let span = |from: &str, to: &str| json!({"from": from, "to": to});
    refused("hours.week.monday[0]", "span", json!({"week": {"monday": [span("09:00", "09:00")]}}));
    refused("hours.breaks[0]", "span", json!({"breaks": [span("24:00", "02:00")]}));
    let overlapping = json!([span("12:00", "18:00"), span("09:00", "12:01")]);
    refused("hours.exceptions.2026-12-24", "overlap", json!({"exceptions": {"2026-12-24": overlapping}}));
    let eleven: Vec<Value> =
        (0..11).map(|hour| span(&format!("{hour:02}:00"), &format!("{hour:02}:30"))).collect();
    refused("hours.week.sunday", "count", json!({"week": {"sunday": eleven}}));
    assert!(rules(json!({"week": {"sunday": [span("09:00", "12:00"), span("12:00", "24:00")]}})).is_empty());
    assert!(rules(json!({"week": {"sunday": [span("22:00", "00:00")]}})).is_empty());
}

#[test]
fn times_that_no_clock_shows_are_refused() {
    for text in ["24:01", "9:00", "09:60", "0900", "-1:00", "+9:00", "09:00:00", ""] {
        let value = json!({"breaks": [{"from": text, "to": "10:00"}]});
        assert!(serde_json::from_value::<Hours>(value).is_err(), "{text}");
    }
    let written = json!({"from": "00:00", "to": "24:00"});
    let span: domain::hours::Span = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(span).unwrap(), written);
}
