//! How ids, phone numbers and addresses describe themselves in the API's documents: as text with a pattern.
//!
//! What must stay true: whatever these types read fits their pattern, and the other way round, as far as a pattern can say.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema};
use utoipa::{PartialSchema, ToSchema};

use crate::blocked::BlockPattern;
use crate::country::Country;
use crate::email::EmailAddress;
use crate::filter::TagName;
use crate::geo::{AreaCode, State, ZipPrefix};
use crate::hours::ClockTime;
use crate::ids::{AccountSid, CallId, Id, Noun, NumberSid};
use crate::phone::{E164, SipUri};

fn text(about: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(schema::SchemaType::new(Type::String))
        .description(Some(about))
        .pattern(Some(pattern))
        .examples([example])
        .into()
}

/// `rtb target` becomes `RtbTarget`.
fn joined(words: &str) -> String {
    let mut joined = String::new();
    for word in words.split_whitespace() {
        let word = word.to_lowercase();
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        joined.push_str(&first.to_uppercase());
        joined.push_str(rest);
    }
    joined
}

impl<N: Noun> PartialSchema for Id<N> {
    fn schema() -> RefOr<Schema> {
        let about = format!("Names one {}.", N::NAME);
        let example = format!("{}019abc0de1f27a3b8c4d5e6f70819203", N::PREFIX);
        text(&about, &format!("^{}[0-9a-f]{{32}}$", N::PREFIX), &example)
    }
}
impl<N: Noun> ToSchema for Id<N> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Id", joined(N::NAME)))
    }
}

impl PartialSchema for CallId {
    fn schema() -> RefOr<Schema> {
        let about = "Names one call: the hexadecimal digits are those of Twilio's CallSid.";
        text(about, "^RGB[0-9a-f]{32}$", "RGB000000000000000000000000000000f1")
    }
}
impl ToSchema for CallId {}

impl PartialSchema for AccountSid {
    fn schema() -> RefOr<Schema> {
        let about = "Twilio's name for an account or subaccount.";
        text(about, "^AC[0-9a-f]{32}$", "AC0000000000000000000000000000000a")
    }
}
impl ToSchema for AccountSid {}

impl PartialSchema for NumberSid {
    fn schema() -> RefOr<Schema> {
        let about = "Twilio's name for a phone number of an account.";
        text(about, "^PN[0-9a-f]{32}$", "PN0000000000000000000000000000000b")
    }
}
impl ToSchema for NumberSid {}

impl PartialSchema for Country {
    fn schema() -> RefOr<Schema> {
        text("A country: two capital letters (ISO 3166-1).", "^[A-Z]{2}$", "US")
    }
}
impl ToSchema for Country {}

impl PartialSchema for E164 {
    fn schema() -> RefOr<Schema> {
        let about =
            "A phone number in E.164: + and country code; with country code 1 exactly ten more digits.";
        text(about, r"^\+(1[2-9][0-9]{9}|[2-9][0-9]{7,14})$", "+12025550101")
    }
}
impl ToSchema for E164 {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PhoneNumber")
    }
}

impl PartialSchema for SipUri {
    fn schema() -> RefOr<Schema> {
        let about = "A SIP address without headers, fewer than 255 characters.";
        text(about, r"^sips?:[A-Za-z0-9\-_.!~*'()&=+$,%]+@[A-Za-z0-9\-._:;=]+$", "sip:desk@sip.example.com")
    }
}
impl ToSchema for SipUri {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SipAddress")
    }
}

impl PartialSchema for BlockPattern {
    fn schema() -> RefOr<Schema> {
        let about = "Which callers: + and the first 1 to 15 digits of their numbers, or `anonymous`.";
        text(about, r"^(\+[1-9][0-9]{0,14}|anonymous)$", "+14155550123")
    }
}
impl ToSchema for BlockPattern {}

impl PartialSchema for EmailAddress {
    fn schema() -> RefOr<Schema> {
        text("An e-mail address; kept in lower case.", "^[^@ ]+@[^@ ]+$", "anna@example.com")
    }
}
impl ToSchema for EmailAddress {}

impl PartialSchema for ClockTime {
    fn schema() -> RefOr<Schema> {
        let about = "A time on the wall clock, hours and minutes; 24:00 is the end of the day.";
        text(about, "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "09:00")
    }
}
impl ToSchema for ClockTime {}

impl PartialSchema for TagName {
    fn schema() -> RefOr<Schema> {
        let about = "Names a tag: its category, a colon, its name; upper and lower case are the same.";
        text(about, r"^[A-Za-z0-9][A-Za-z0-9 _.\-]*:[A-Za-z0-9][A-Za-z0-9 _.\-]*$", "User:zip")
    }
}
impl ToSchema for TagName {}

impl PartialSchema for State {
    fn schema() -> RefOr<Schema> {
        let about = "A state of the United States or a province of Canada: two letters, kept in capitals.";
        let states: Vec<String> = crate::geo::STATES
            .split_whitespace()
            .map(|state| {
                state.chars().map(|letter| format!("[{letter}{}]", letter.to_ascii_lowercase())).collect()
            })
            .collect();
        text(about, &format!("^({})$", states.join("|")), "NY")
    }
}
impl ToSchema for State {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("GeoState")
    }
}

impl PartialSchema for AreaCode {
    fn schema() -> RefOr<Schema> {
        text("The first three digits of a North American number.", "^[2-9][0-9]{2}$", "415")
    }
}
impl ToSchema for AreaCode {}

impl PartialSchema for ZipPrefix {
    fn schema() -> RefOr<Schema> {
        let about = "A ZIP code, or the beginning of one.";
        text(about, r"^[A-Za-z0-9][A-Za-z0-9 \-]{0,9}$", "941")
    }
}
impl ToSchema for ZipPrefix {}
