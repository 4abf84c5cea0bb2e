//! Where a caller is, as far as it is known, and which places a campaign takes calls from.
//!
//! What must stay true: a place is never guessed. Twilio's word about the caller goes first; what it leaves out comes from
//! the area code when that is one state's. What neither says is unknown, and the rule says what becomes of unknown callers.

mod area_codes;
mod position;
mod zips;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::blocked::is_withheld;
use crate::country::Country;
use crate::phone::number_of_caller;
use crate::validate::Problems;

pub use area_codes::SOURCE;
pub use position::{Degrees, DegreesError, Position};
pub use zips::SOURCE as ZIP_SOURCE;

/// Most places of one kind in a rule.
pub const MAX_PLACES: usize = 1_000;

/// A state, province or territory of the United States or Canada: two capital letters, no two countries having the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct State([u8; 2]);

/// The text names no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of the United States or a province of Canada: expected two letters, for example NY")]
pub struct StateError;

/// Of the United States with their territories, then of Canada.
pub(crate) const STATES: &str = "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH NJ \
    NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY AB BC MB NB NL NS NT NU ON PE QC SK YT";

impl State {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
impl TryFrom<String> for State {
    type Error = StateError;
    fn try_from(text: String) -> Result<Self, StateError> {
        let known = STATES.split_whitespace().find(|state| state.eq_ignore_ascii_case(&text));
        known.and_then(|state| state.as_bytes().try_into().ok()).map(Self).ok_or(StateError)
    }
}
impl From<State> for String {
    fn from(state: State) -> Self {
        state.as_str().to_owned()
    }
}
impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The first three digits of a North American number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AreaCode(u16);

/// The text is not an area code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an area code: expected three digits from 200 to 999")]
pub struct AreaCodeError;

impl TryFrom<String> for AreaCode {
    type Error = AreaCodeError;
    fn try_from(text: String) -> Result<Self, AreaCodeError> {
        let sound = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(code @ 200..) if sound => Ok(Self(code)),
            _ => Err(AreaCodeError),
        }
    }
}
impl From<AreaCode> for String {
    fn from(code: AreaCode) -> Self {
        code.0.to_string()
    }
}

impl AreaCode {
    /// The country of its numbers, and their state when all have the same. `None` for toll-free numbers, codes that nobody
    /// has, and all that are no place's.
    pub fn place(self) -> Option<(Country, Option<State>)> {
        let table = &area_codes::AREA_CODES;
        let place = table.binary_search_by_key(&self.0, |(code, _, _)| *code).ok()?;
        let (_, country, state) = table.get(place)?;
        Some((country.parse().ok()?, (*state).to_owned().try_into().ok()))
    }
}

/// The beginning of a postal code, one character to all: digits for the United States, letters and digits elsewhere. Kept in
/// capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZipPrefix(String);

/// The text begins no postal code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a ZIP code or the beginning of one: expected 1 to 10 letters and digits, for example 10001 or 941"
)]
pub struct ZipError;

impl ZipPrefix {
    /// Whether a postal code begins so.
    pub fn begins(&self, zip: &str) -> bool {
        zip.get(..self.0.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(&self.0))
    }
}
impl TryFrom<String> for ZipPrefix {
    type Error = ZipError;
    fn try_from(text: String) -> Result<Self, ZipError> {
        let sound = (1..=10).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -".contains(&byte))
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if sound { Ok(Self(text.to_ascii_uppercase())) } else { Err(ZipError) }
    }
}
impl From<ZipPrefix> for String {
    fn from(prefix: ZipPrefix) -> Self {
        prefix.0
    }
}

/// Where a caller is; every part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Their country.
    pub country: Option<Country>,
    /// Their state or province, in the United States and Canada.
    pub state: Option<State>,
    /// Their postal code.
    pub zip: Option<String>,
    /// The area code of their number, when it is North American.
    pub area_code: Option<AreaCode>,
}

/// What Twilio says of a caller's place; empty text is no word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// `FromCountry`.
    pub country: Option<&'a str>,
    /// `FromState`.
    pub state: Option<&'a str>,
    /// `FromZip`.
    pub zip: Option<&'a str>,
}

impl Place {
    /// Where the caller of this number is. `from` is as Twilio writes it; an anonymous caller has no place but the one that
    /// Twilio names.
    pub fn of(from: &str, said: Said<'_>) -> Self {
        let number = number_of_caller(from).filter(|_| !is_withheld(from));
        let national = number.as_ref().and_then(|number| number.nanp());
        let area_code: Option<AreaCode> =
            national.and_then(|national| national.get(..3)?.to_owned().try_into().ok());
        let (area_country, area_state) = match area_code.map(AreaCode::place) {
            Some(Some((country, state))) => (Some(country), state),
            // A North American number of no place: the country of all others would be a guess.
            Some(None) => (None, None),
            None => (number.as_ref().and_then(Country::of), None),
        };
        let word =
            |word: Option<&str>| word.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned);
        let country = word(said.country).and_then(|letters| letters.to_ascii_uppercase().parse().ok());
        let state = word(said.state).and_then(|letters| letters.try_into().ok());
        // Twilio naming another country than the area code speaks for another number: the code's state is not theirs then.
        let same_country = country.is_none() || country == area_country;
        Self {
            country: country.or(area_country),
            state: state.or(area_state.filter(|_| same_country)),
            zip: word(said.zip),
            area_code,
        }
    }

    /// Where on the map: the middle of their ZIP code's area. `None` when the code is not one of the United States, or may be
    /// another country's.
    pub fn position(&self) -> Option<Position> {
        const WITH_ZIP_CODES: [&str; 6] = ["US", "PR", "VI", "GU", "AS", "MP"];
        let has_zip_codes = self.country.is_some_and(|country| WITH_ZIP_CODES.contains(&country.as_str()));
        self.zip.as_deref().filter(|_| has_zip_codes).and_then(zips::middle)
    }
}

/// Places by name; a list left out names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = GeoPlaces)]
pub struct Places {
    /// Countries.
    #[schema(max_items = 1000)]
    pub countries: Vec<Country>,
    /// States and provinces.
    #[schema(max_items = 1000)]
    pub states: Vec<State>,
    /// ZIP codes, or how they begin.
    #[schema(max_items = 1000)]
    pub zips: Vec<ZipPrefix>,
    /// Area codes.
    #[schema(max_items = 1000)]
    pub area_codes: Vec<AreaCode>,
}

/// What becomes of a caller of whom a rule asks what is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GeoUnknown)]
pub enum Unknown {
    /// They are taken.
    Allow,
    /// They are refused: who may be from a refused place is not shown to be from another.
    #[default]
    Refuse,
}

/// Where callers must be, and must not be. Left out, every place is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeoRule {
    /// A caller must be in each of these lists that has entries.
    pub allow: Places,
    /// A caller must be in none of these lists.
    pub deny: Places,
    /// What becomes of a caller of whom a list asks what is not known.
    pub unknown: Unknown,
}

/// What a rule asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GeoPlaceKind)]
pub enum PlaceKind {
    /// The country.
    Country,
    /// The state or province.
    State,
    /// The ZIP code.
    Zip,
    /// The area code.
    AreaCode,
}

impl PlaceKind {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::State => "state",
            Self::Zip => "ZIP code",
            Self::AreaCode => "area code",
        }
    }
}

/// Why a place is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfArea {
    /// It is in a list of refused places.
    Denied(PlaceKind),
    /// It is not in the list of the only places taken.
    NotAllowed(PlaceKind),
    /// It is not known, and unknown places are refused.
    Unknown(PlaceKind),
}

impl OutOfArea {
    /// The reason in plain words.
    pub fn text(self) -> String {
        match self {
            Self::Denied(kind) => format!("calls from the caller's {} are refused", kind.word()),
            Self::NotAllowed(kind) => {
                format!("the caller's {} is not among those that are taken", kind.word())
            }
            Self::Unknown(kind) => format!("the caller's {} is not known", kind.word()),
        }
    }
}

impl GeoRule {
    /// Whether every place is taken.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a call from this place is taken. A place in both lists is refused.
    ///
    /// # Errors
    /// Why not.
    pub fn takes(&self, place: &Place) -> Result<(), OutOfArea> {
        let (deny, allow) = (self.deny.look_up(place), self.allow.look_up(place));
        if let Some((kind, _)) = deny.iter().find(|(_, listed)| *listed == Listed::Yes) {
            return Err(OutOfArea::Denied(*kind));
        }
        if let Some((kind, _)) = allow.iter().find(|(_, listed)| *listed == Listed::No) {
            return Err(OutOfArea::NotAllowed(*kind));
        }
        let unknown = allow.iter().chain(&deny).find(|(_, listed)| *listed == Listed::Unknown);
        match (self.unknown, unknown) {
            (Unknown::Refuse, Some((kind, _))) => Err(OutOfArea::Unknown(*kind)),
            _ => Ok(()),
        }
    }

    /// Rules for saving; `at` is the field of this rule.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        for (name, places) in [("allow", &self.allow), ("deny", &self.deny)] {
            places.check(&format!("{at}.{name}"), problems);
        }
    }
}

/// Whether a list names a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Yes,
    No,
    /// The caller's is not known.
    Unknown,
    /// There is no list.
    Unasked,
}

impl Places {
    /// Rules for saving; `at` is the field of these places.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let lengths = [
            ("countries", self.countries.len()),
            ("states", self.states.len()),
            ("zips", self.zips.len()),
            ("area_codes", self.area_codes.len()),
        ];
        for (list, length) in lengths {
            problems.at_most(&format!("{at}.{list}"), length, MAX_PLACES);
        }
    }

    /// Whether a place is in each list that has entries, and there is one. What is not known is in none.
    pub fn hold(&self, place: &Place) -> bool {
        let lists = self.look_up(place);
        let asked = || lists.iter().filter(|(_, listed)| *listed != Listed::Unasked);
        asked().next().is_some() && asked().all(|(_, listed)| *listed == Listed::Yes)
    }

    fn look_up(&self, place: &Place) -> [(PlaceKind, Listed); 4] {
        let zip = place.zip.as_deref();
        [
            (PlaceKind::Country, listed(&self.countries, place.country, |one, other| one == other)),
            (PlaceKind::State, listed(&self.states, place.state, |one, other| one == other)),
            (PlaceKind::Zip, listed(&self.zips, zip, |prefix, zip| prefix.begins(zip))),
            (PlaceKind::AreaCode, listed(&self.area_codes, place.area_code, |one, other| one == other)),
        ]
    }
}

fn listed<T, P>(list: &[T], place: Option<P>, names: impl Fn(&T, &P) -> bool) -> Listed {
    match place {
        _ if list.is_empty() => Listed::Unasked,
        None => Listed::Unknown,
        Some(place) if list.iter().any(|entry| names(entry, &place)) => Listed::Yes,
        Some(_) => Listed::No,
    }
}
