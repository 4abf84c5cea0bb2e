//! Numbers that the simulated Twilio sells. All are fictional ones: `555-01xx` in North America, Ofcom's drama numbers in
//! Great Britain.
//!
//! What must stay true: the same question finds the same numbers, less those that an account has by now. The number ending
//! in 99 of every area is found but gone when it is bought (21422); area code 533 has none (21452), as with Twilio's own
//! test credentials.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::rest_answers::Refused;

/// A number that is for sale.
#[derive(Debug, Clone)]
pub(super) struct ForSale {
    pub(super) number: String,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    country: &'static str,
    region: Option<&'static str>,
    locality: Option<&'static str>,
    postal_code: Option<&'static str>,
}

/// Area codes with their places; a search without area code looks through these.
const PLACES: [(u16, &str, &str, &str, &str); 12] = [
    (202, "US", "DC", "Washington", "20001"),
    (206, "US", "WA", "Seattle", "98101"),
    (212, "US", "NY", "New York", "10001"),
    (213, "US", "CA", "Los Angeles", "90012"),
    (303, "US", "CO", "Denver", "80202"),
    (305, "US", "FL", "Miami", "33101"),
    (312, "US", "IL", "Chicago", "60601"),
    (415, "US", "CA", "San Francisco", "94105"),
    (512, "US", "TX", "Austin", "78701"),
    (617, "US", "MA", "Boston", "02108"),
    (416, "CA", "ON", "Toronto", "M5H"),
    (604, "CA", "BC", "Vancouver", "V6B"),
];
const TOLL_FREE: [u16; 7] = [800, 833, 844, 855, 866, 877, 888];
const NO_NUMBERS: u16 = 533;

/// What is for sale of this kind, in order; a kind or country that is not sold is not found.
pub(super) fn search(
    country: &str,
    kind: &str,
    query: &HashMap<String, String>,
    is_sold: impl Fn(&str) -> bool,
) -> Result<Vec<ForSale>, Refused> {
    let all = match (country, kind) {
        ("US" | "CA", "Local") => local(country, area_code(query)?),
        ("US" | "CA", "TollFree") => toll_free(country, area_code(query)?),
        ("GB", "Local") => series(442_079_460_000, 1_000, Place::of("GB")),
        ("GB", "Mobile") => series(447_700_900_000, 1_000, Place::of("GB")),
        _ => return Err(Refused::not_found(&format!("{country}/{kind}"))),
    };
    let wish = |name: &str, has: Option<&str>| {
        query.get(name).is_none_or(|wish| has.is_some_and(|has| has.eq_ignore_ascii_case(wish)))
    };
    let fits = |number: &ForSale| {
        wish("InRegion", number.place.region)
            && wish("InLocality", number.place.locality)
            && wish("InPostalCode", number.place.postal_code)
            && query.get("Contains").is_none_or(|pattern| contains(&number.number, pattern))
            && !is_sold(&number.number)
    };
    Ok(all.into_iter().filter(fits).collect())
}

/// Whether the number is one that is sold at all, and still there.
pub(super) fn can_be_bought(number: &str) -> Result<(), Refused> {
    let gone = || Refused::new(400, 21_422, "The phone number is not available");
    let Some(digits) = number.strip_prefix('+').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return Err(Refused::new(400, 21_421, "The phone number is invalid"));
    };
    let fictional = match digits.strip_prefix('1') {
        Some(national) => national.len() == 10 && national.get(3..8) == Some("55501"),
        None => digits.len() == 12 && (digits.starts_with("447700900") || digits.starts_with("442079460")),
    };
    if !fictional {
        return Err(Refused::new(400, 21_421, "The phone number is invalid"));
    }
    if digits.ends_with("99") { Err(gone()) } else { Ok(()) }
}

impl Place {
    const fn of(country: &'static str) -> Self {
        Self { country, region: None, locality: None, postal_code: None }
    }
}

impl ForSale {
    /// As Twilio lists it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "address_requirements": "none",
            "beta": false,
            "capabilities": { "voice": true, "SMS": true, "MMS": false, "fax": false },
            "friendly_name": self.number,
            "iso_country": self.place.country,
            "lata": null,
            "latitude": null,
            "locality": self.place.locality,
            "longitude": null,
            "phone_number": self.number,
            "postal_code": self.place.postal_code,
            "rate_center": null,
            "region": self.place.region,
        })
    }
}

fn area_code(query: &HashMap<String, String>) -> Result<Option<u16>, Refused> {
    let Some(text) = query.get("AreaCode") else { return Ok(None) };
    match text.parse() {
        Ok(NO_NUMBERS) => Err(Refused::new(400, 21_452, "No phone numbers found in area code 533")),
        Ok(code @ 200..=999) => Ok(Some(code)),
        _ => Err(Refused::new(400, 21_451, "The area code is invalid")),
    }
}

fn local(country: &str, area: Option<u16>) -> Vec<ForSale> {
    let known = PLACES.iter().filter(|(_, of, ..)| *of == country);
    let places: Vec<(u16, Place)> = known
        .map(|(code, country, region, locality, postal_code)| {
            let place = Place {
                country,
                region: Some(region),
                locality: Some(locality),
                postal_code: Some(postal_code),
            };
            (*code, place)
        })
        .collect();
    match area {
        None => places.iter().flat_map(|(code, place)| north_american(*code, *place)).collect(),
        Some(area) => {
            let place = places.iter().find(|(code, _)| *code == area).map(|(_, place)| *place);
            let elsewhere = if country == "CA" { Place::of("CA") } else { Place::of("US") };
            north_american(area, place.unwrap_or(elsewhere))
        }
    }
}

fn toll_free(country: &str, area: Option<u16>) -> Vec<ForSale> {
    let place = if country == "CA" { Place::of("CA") } else { Place::of("US") };
    let codes = TOLL_FREE.into_iter().filter(|code| area.is_none_or(|area| area == *code));
    codes.flat_map(|code| north_american(code, place)).collect()
}

fn north_american(area: u16, place: Place) -> Vec<ForSale> {
    series(10_000_000_000 + u64::from(area) * 10_000_000 + 5_550_100, 100, place)
}

fn series(first: u64, count: u64, place: Place) -> Vec<ForSale> {
    (first..first + count).map(|number| ForSale { number: format!("+{number}"), place }).collect()
}

/// Twilio's pattern: digits, `*` for any digit, letters as on a telephone's keys; anywhere in the number.
fn contains(number: &str, pattern: &str) -> bool {
    let wanted: Vec<Option<u8>> = pattern.bytes().filter(|sign| *sign != b'+').map(key).collect();
    let digits: Vec<u8> = number.bytes().skip(1).collect();
    wanted.len() <= digits.len()
        && digits.windows(wanted.len().max(1)).any(|window| {
            window.iter().zip(&wanted).all(|(digit, wanted)| wanted.is_none_or(|wanted| wanted == *digit))
        })
}

/// The digit of a sign; none for `*`.
fn key(sign: u8) -> Option<u8> {
    const KEYS: [(&[u8], u8); 8] = [
        (b"abc", b'2'),
        (b"def", b'3'),
        (b"ghi", b'4'),
        (b"jkl", b'5'),
        (b"mno", b'6'),
        (b"pqrs", b'7'),
        (b"tuv", b'8'),
        (b"wxyz", b'9'),
    ];
    let lower = sign.to_ascii_lowercase();
    match sign {
        b'*' => None,
        _ => {
            Some(KEYS.iter().find(|(letters, _)| letters.contains(&lower)).map_or(sign, |(_, digit)| *digit))
        }
    }
}
