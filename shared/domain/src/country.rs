//! Countries, as two letters, and the country that a phone number belongs to.
//!
//! Twilio does not say of an account's number where it belongs; the digits do, as far as a country code or a North American
//! area code is one country's. Where several share one (toll-free numbers, satellites) there is no answer. Source: ITU-T
//! E.164 assigned country codes; NANPA's list of area codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::number::LineKind;
use crate::phone::E164;

/// A country: two capital letters (ISO 3166-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// The text is not a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a country: expected two capital letters, for example US")]
pub struct CountryError;

impl Country {
    /// The United States.
    pub const US: Self = Self(*b"US");

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country of a number, when its code is one country's.
    pub fn of(number: &E164) -> Option<Self> {
        if let Some(national) = number.nanp() {
            return north_american(number, national);
        }
        let digits = number.digits();
        (1..=3).rev().find_map(|length| {
            let code: u16 = digits.get(..length)?.parse().ok()?;
            let (_, letters) = CODES.iter().find(|(known, _)| *known == code)?;
            letters.parse().ok()
        })
    }
}

fn north_american(number: &E164, national: &str) -> Option<Country> {
    if LineKind::of(number) == LineKind::TollFree {
        return None;
    }
    let area: u16 = national.get(..3)?.parse().ok()?;
    if CANADA.contains(&area) {
        return Some(Country(*b"CA"));
    }
    let island = ISLANDS.iter().find(|(code, _)| *code == area);
    island.map_or(Some(Country::US), |(_, letters)| letters.parse().ok())
}

impl FromStr for Country {
    type Err = CountryError;
    fn from_str(text: &str) -> Result<Self, CountryError> {
        match text.as_bytes() {
            [one, two] if one.is_ascii_uppercase() && two.is_ascii_uppercase() => Ok(Self([*one, *two])),
            _ => Err(CountryError),
        }
    }
}
impl TryFrom<String> for Country {
    type Error = CountryError;
    fn try_from(text: String) -> Result<Self, CountryError> {
        text.parse()
    }
}
impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}
impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
impl fmt::Debug for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[rustfmt::skip]
const CANADA: [u16; 60] = [
    204, 226, 236, 249, 250, 257, 263, 273, 289, 306, 343, 354, 365, 367, 368, 382, 387, 403, 416, 418, 428, 431, 437, 438, 450,
    460, 468, 474, 506, 514, 519, 537, 548, 568, 579, 581, 584, 587, 604, 613, 639, 647, 672, 683, 705, 709, 742, 753, 778,
    780, 782, 807, 819, 825, 867, 873, 879, 902, 905, 942,
];

#[rustfmt::skip]
const ISLANDS: [(u16, &str); 27] = [
    (242, "BS"), (246, "BB"), (264, "AI"), (268, "AG"), (284, "VG"), (340, "VI"), (345, "KY"), (441, "BM"), (473, "GD"),
    (649, "TC"), (658, "JM"), (664, "MS"), (670, "MP"), (671, "GU"), (684, "AS"), (721, "SX"), (758, "LC"), (767, "DM"),
    (784, "VC"), (787, "PR"), (809, "DO"), (829, "DO"), (849, "DO"), (868, "TT"), (869, "KN"), (876, "JM"), (939, "PR"),
];

/// Country codes that are one country's, or mostly one's (`+44`, `+7`).
#[rustfmt::skip]
const CODES: [(u16, &str); 204] = [
    (7, "RU"), (20, "EG"), (27, "ZA"), (30, "GR"), (31, "NL"), (32, "BE"), (33, "FR"), (34, "ES"), (36, "HU"), (39, "IT"),
    (40, "RO"), (41, "CH"), (43, "AT"), (44, "GB"), (45, "DK"), (46, "SE"), (47, "NO"), (48, "PL"), (49, "DE"), (51, "PE"),
    (52, "MX"), (53, "CU"), (54, "AR"), (55, "BR"), (56, "CL"), (57, "CO"), (58, "VE"), (60, "MY"), (61, "AU"), (62, "ID"),
    (63, "PH"), (64, "NZ"), (65, "SG"), (66, "TH"), (81, "JP"), (82, "KR"), (84, "VN"), (86, "CN"), (90, "TR"), (91, "IN"),
    (92, "PK"), (93, "AF"), (94, "LK"), (95, "MM"), (98, "IR"), (211, "SS"), (212, "MA"), (213, "DZ"), (216, "TN"),
    (218, "LY"), (220, "GM"), (221, "SN"), (222, "MR"), (223, "ML"), (224, "GN"), (225, "CI"), (226, "BF"), (227, "NE"),
    (228, "TG"), (229, "BJ"), (230, "MU"), (231, "LR"), (232, "SL"), (233, "GH"), (234, "NG"), (235, "TD"), (236, "CF"),
    (237, "CM"), (238, "CV"), (239, "ST"), (240, "GQ"), (241, "GA"), (242, "CG"), (243, "CD"), (244, "AO"), (245, "GW"),
    (246, "IO"), (248, "SC"), (249, "SD"), (250, "RW"), (251, "ET"), (252, "SO"), (253, "DJ"), (254, "KE"), (255, "TZ"),
    (256, "UG"), (257, "BI"), (258, "MZ"), (260, "ZM"), (261, "MG"), (262, "RE"), (263, "ZW"), (264, "NA"), (265, "MW"),
    (266, "LS"), (267, "BW"), (268, "SZ"), (269, "KM"), (290, "SH"), (291, "ER"), (297, "AW"), (298, "FO"), (299, "GL"),
    (350, "GI"), (351, "PT"), (352, "LU"), (353, "IE"), (354, "IS"), (355, "AL"), (356, "MT"), (357, "CY"), (358, "FI"),
    (359, "BG"), (370, "LT"), (371, "LV"), (372, "EE"), (373, "MD"), (374, "AM"), (375, "BY"), (376, "AD"), (377, "MC"),
    (378, "SM"), (380, "UA"), (381, "RS"), (382, "ME"), (383, "XK"), (385, "HR"), (386, "SI"), (387, "BA"), (389, "MK"),
    (420, "CZ"), (421, "SK"), (423, "LI"), (500, "FK"), (501, "BZ"), (502, "GT"), (503, "SV"), (504, "HN"), (505, "NI"),
    (506, "CR"), (507, "PA"), (508, "PM"), (509, "HT"), (590, "GP"), (591, "BO"), (592, "GY"), (593, "EC"), (594, "GF"),
    (595, "PY"), (596, "MQ"), (597, "SR"), (598, "UY"), (599, "CW"), (670, "TL"), (672, "NF"), (673, "BN"), (674, "NR"),
    (675, "PG"), (676, "TO"), (677, "SB"), (678, "VU"), (679, "FJ"), (680, "PW"), (681, "WF"), (682, "CK"), (683, "NU"),
    (685, "WS"), (686, "KI"), (687, "NC"), (688, "TV"), (689, "PF"), (690, "TK"), (691, "FM"), (692, "MH"), (850, "KP"),
    (852, "HK"), (853, "MO"), (855, "KH"), (856, "LA"), (880, "BD"), (886, "TW"), (960, "MV"), (961, "LB"), (962, "JO"),
    (963, "SY"), (964, "IQ"), (965, "KW"), (966, "SA"), (967, "YE"), (968, "OM"), (970, "PS"), (971, "AE"), (972, "IL"),
    (973, "BH"), (974, "QA"), (975, "BT"), (976, "MN"), (977, "NP"), (992, "TJ"), (993, "TM"), (994, "AZ"), (995, "GE"),
    (996, "KG"), (998, "UZ"),
];
