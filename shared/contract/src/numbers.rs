//! Phone numbers at Twilio: searching, buying, importing, verifying.

use domain::country::Country;
use domain::ids::{AccountSid, CampaignId, NumberPoolId, PublisherId};
use domain::number::{Capabilities, LineKind};
use domain::phone::E164;
use domain::validate::{Problem, Problems};
use serde::{Deserialize, Serialize};

use crate::query::{Parameter, Takes, by_name};
use crate::resource::Warning;

/// Numbers that a search shows unless asked otherwise.
pub const DEFAULT_FOUND: u16 = 20;
/// Most numbers that a search shows.
pub const MAX_FOUND: u16 = 50;
/// Longest text of a wish, characters.
const MAX_WISH: usize = 60;
/// Longest pattern of digits.
const MAX_PATTERN: usize = 16;

/// `?account_sid&country&kind&area_code&contains&region&locality&postal_code&limit` of a search for numbers to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableQuery {
    /// The Twilio account that would buy.
    pub account_sid: AccountSid,
    /// Two letters; `US` unless asked otherwise.
    pub country: Country,
    /// `local` (unless asked otherwise), `toll_free` or `mobile`.
    pub kind: LineKind,
    /// Three digits; `US` and `CA` only.
    pub area_code: Option<u16>,
    /// Digits or letters in the number; `*` is any one digit.
    pub contains: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// City.
    pub locality: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// 1 to [`MAX_FOUND`].
    pub limit: u16,
}

/// The Twilio account that is asked.
pub const ACCOUNT: Parameter = Parameter {
    name: "account_sid",
    about: "The Twilio account that is asked: one of the connected ones.",
    takes: Takes::Needed("^AC[0-9a-f]{32}$", "AC0000000000000000000000000000000a"),
};

impl AvailableQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        ACCOUNT,
        Parameter {
            name: "country",
            about: "Two capital letters, `US` unless given.",
            takes: Takes::Like("^[A-Z]{2}$", "US"),
        },
        Parameter {
            name: "kind",
            about: "What sort of number, `local` unless given.",
            takes: Takes::OneOf(&["local", "toll_free", "mobile"]),
        },
        Parameter {
            name: "area_code",
            about: "Three digits; `US` and `CA` only.",
            takes: Takes::Like("^[2-9][0-9]{2}$", "202"),
        },
        Parameter {
            name: "contains",
            about: "Digits or letters in the number; `*` is any one digit.",
            takes: Takes::Like(r"^[A-Za-z0-9*+]{1,16}$", "*42"),
        },
        Parameter { name: "region", about: "State or province.", takes: Takes::Text(MAX_WISH) },
        Parameter { name: "locality", about: "City.", takes: Takes::Text(MAX_WISH) },
        Parameter { name: "postal_code", about: "Postal code.", takes: Takes::Text(MAX_WISH) },
        Parameter {
            name: "limit",
            about: "Most numbers that are shown.",
            takes: Takes::Whole(1, MAX_FOUND, DEFAULT_FOUND),
        },
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is missing, unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let of = |name: &str| given.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        let account_sid = account(of("account_sid"), &mut problems);
        let country = match of("country").map(str::parse).transpose() {
            Ok(country) => country.unwrap_or(Country::US),
            Err(error) => {
                problems.add("country", "format", format!("{error}"));
                Country::US
            }
        };
        let kind = match of("kind") {
            None | Some("local") => LineKind::Local,
            Some("toll_free") => LineKind::TollFree,
            Some("mobile") => LineKind::Mobile,
            Some(_) => {
                problems.add("kind", "choice", "local, toll_free or mobile");
                LineKind::Local
            }
        };
        let area_code = area_code(of("area_code"), country, &mut problems);
        let contains = of("contains").map(str::to_owned);
        let sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '*' || sign == '+';
        if contains.as_ref().is_some_and(|text| text.len() > MAX_PATTERN || !text.chars().all(sign)) {
            let words = format!("at most {MAX_PATTERN} digits or letters, and * for any digit");
            problems.add("contains", "format", words);
        }
        let mut wish = |name: &'static str| {
            let wish = of(name).map(str::to_owned);
            if wish.as_ref().is_some_and(|text| text.chars().count() > MAX_WISH) {
                problems.add(name, "length", format!("at most {MAX_WISH} characters"));
            }
            wish
        };
        let (region, locality, postal_code) = (wish("region"), wish("locality"), wish("postal_code"));
        let limit = match of("limit").map(str::parse) {
            None => DEFAULT_FOUND,
            Some(Ok(limit)) if (1..=MAX_FOUND).contains(&limit) => limit,
            Some(_) => {
                problems.add("limit", "range", format!("a whole number from 1 to {MAX_FOUND}"));
                DEFAULT_FOUND
            }
        };
        match (account_sid, problems.into_result()) {
            (Some(account_sid), Ok(())) => Ok(Self {
                account_sid,
                country,
                kind,
                area_code,
                contains,
                region,
                locality,
                postal_code,
                limit,
            }),
            (_, Err(problems)) => Err(problems),
            (None, Ok(())) => Err(Vec::new()),
        }
    }
}

/// `?account_sid` alone.
///
/// # Errors
/// It is missing, no account's sid, or not alone.
pub fn read_account(pairs: &[(String, String)]) -> Result<AccountSid, Vec<Problem>> {
    let mut problems = Problems::new();
    let given = by_name(pairs, &[ACCOUNT], &mut problems);
    let found = account(given.get("account_sid").copied(), &mut problems);
    match (found, problems.into_result()) {
        (Some(account), Ok(())) => Ok(account),
        (_, Err(problems)) => Err(problems),
        (None, Ok(())) => Err(Vec::new()),
    }
}

/// The account; what is wrong with it is a problem.
fn account(text: Option<&str>, problems: &mut Problems) -> Option<AccountSid> {
    match text.map(str::parse::<AccountSid>) {
        Some(Ok(account)) => return Some(account),
        Some(Err(error)) => problems.add("account_sid", "format", error.to_string()),
        None => problems.add("account_sid", "required", "name the Twilio account"),
    }
    None
}

fn area_code(text: Option<&str>, country: Country, problems: &mut Problems) -> Option<u16> {
    let text = text?;
    if !["US", "CA"].contains(&country.as_str()) {
        problems.add(
            "area_code",
            "country",
            "area codes are for US and CA: use contains, region or locality",
        );
        return None;
    }
    match text.parse() {
        Ok(code @ 200..=999) if text.len() == 3 => Some(code),
        _ => {
            problems.add("area_code", "format", "three digits, the first from 2 to 9");
            None
        }
    }
}

/// A number that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AvailableNumber {
    /// The number, E.164.
    pub number: E164,
    /// As Twilio writes it for people.
    pub friendly_name: String,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// State or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Whether an address must be registered at Twilio before it can be bought.
    pub needs_address: bool,
}

/// `POST /api/numbers/buy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyNumber {
    /// The Twilio account that pays.
    pub account_sid: AccountSid,
    /// The number, exactly, as the search showed it.
    pub number: E164,
    /// The campaign that shall answer it.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid for its calls.
    #[serde(default)]
    pub publisher: Option<PublisherId>,
    /// The pool that it is bought for.
    #[serde(default)]
    pub pool: Option<NumberPoolId>,
    /// Where callers go when our servers cannot answer.
    #[serde(default)]
    pub fallback_number: Option<E164>,
}

/// A number of the Twilio account that is not set up here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportableNumber {
    /// The number, E.164.
    pub number: E164,
    /// Twilio's id of it.
    pub sid: String,
    /// Its name at Twilio.
    pub friendly_name: String,
    /// `local`, `toll_free`, `mobile` or `unknown`.
    pub kind: LineKind,
    /// Country, when its code is one country's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// The TwiML application it is given to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_sid: Option<String>,
    /// Where its calls lead when it has no application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_url: Option<String>,
}

/// `POST /api/numbers/import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportNumbers {
    /// The Twilio account that has them.
    pub account_sid: AccountSid,
    /// 1 to 100 numbers.
    #[schema(min_items = 1, max_items = 100)]
    pub numbers: Vec<E164>,
    /// The campaign that shall answer them.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
}

/// What became of one number of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportedNumber {
    /// The number.
    pub number: E164,
    /// `imported`, `already_here`, `taken`, `not_in_account`, `failed` or `not_tried`.
    pub outcome: String,
    /// With `imported`: its id here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// With `failed`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What did not work although it was imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// `POST /api/numbers/{id}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseNumber {
    /// The number once more, because giving it back to Twilio cannot be undone.
    pub confirm: String,
}

/// `POST /api/numbers/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyNumbers {
    /// How many numbers to look at, 1 to 100; 50 unless given.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
    /// Where to go on: `next` of the answer before.
    pub cursor: Option<String>,
}

/// A number that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VerifiedNumber {
    /// Its id.
    pub id: String,
    /// The number.
    pub number: E164,
    /// Whether all is well now: nothing was found, or all of it was repaired.
    pub ok: bool,
    /// What was not as it should be.
    pub findings: Vec<Finding>,
}

/// Something that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    /// `not_in_account`, `account_unknown`, `application_missing`, `application_changed`, `wrong_application`,
    /// `fallback_missing`, `fallback_changed`, `details_changed` or `not_checked`.
    pub code: String,
    /// Whether it is right now.
    pub repaired: bool,
    /// For people.
    pub message: String,
}
