//! Phone numbers: searched, bought, looked up, given to an application, given back.

use app::ports::NumberSearch;
use domain::country::Country;
use domain::ids::{ApplicationSid, NumberSid};
use domain::number::{Capabilities, LineKind};
use domain::phone::E164;
use reqwest::Method;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::resources::filled;
use super::{Again, Ask, Credentials, RestClient, RestError, jittered};
use crate::form::encode;

/// Numbers on a page of an account's list; a number takes about 1.5 kB.
const PAGE_SIZE: &str = "200";
/// 10,000 numbers.
const MOST_PAGES: usize = 50;
/// How often it is looked for a number after the answer to its purchase was lost.
const LOOKS: u32 = 3;

/// A phone number of an account as Twilio has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberResource {
    /// Its id.
    pub sid: NumberSid,
    /// The number.
    pub phone_number: E164,
    /// Its name at Twilio.
    pub friendly_name: String,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// The application that its calls go by. Its own addresses are not asked then.
    pub voice_application_sid: Option<ApplicationSid>,
    /// Its own address for calls.
    pub voice_url: Option<String>,
}

/// A phone number that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableResource {
    /// The number.
    pub phone_number: E164,
    /// As Twilio writes it for people.
    pub friendly_name: String,
    /// City.
    pub locality: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub iso_country: Option<Country>,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Whether an address must be registered first.
    pub needs_address: bool,
}

#[derive(Deserialize)]
struct NumberJson {
    sid: String,
    phone_number: String,
    friendly_name: Option<String>,
    capabilities: Option<Capabilities>,
    voice_application_sid: Option<String>,
    voice_url: Option<String>,
}

#[derive(Deserialize)]
struct NumbersPage {
    incoming_phone_numbers: Vec<NumberJson>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct AvailableJson {
    phone_number: String,
    friendly_name: Option<String>,
    locality: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    iso_country: Option<String>,
    capabilities: Option<Capabilities>,
    address_requirements: Option<String>,
}

#[derive(Deserialize)]
struct AvailablePage {
    available_phone_numbers: Vec<AvailableJson>,
}

impl NumberJson {
    fn is(&self, number: &E164) -> bool {
        self.phone_number == number.as_str()
    }

    fn read(self, doing: &'static str) -> Result<NumberResource, RestError> {
        let unknown = |field| RestError::Field { doing, field };
        let application = filled(self.voice_application_sid).map(|sid| sid.parse()).transpose();
        Ok(NumberResource {
            sid: self.sid.parse().map_err(|_| unknown("sid"))?,
            phone_number: self.phone_number.parse().map_err(|_| unknown("phone_number"))?,
            friendly_name: self.friendly_name.unwrap_or_default(),
            capabilities: self.capabilities.unwrap_or_default(),
            voice_application_sid: application.map_err(|_| unknown("voice_application_sid"))?,
            voice_url: filled(self.voice_url),
        })
    }
}

impl AvailableJson {
    fn read(self, doing: &'static str) -> Result<AvailableResource, RestError> {
        let unknown = |field| RestError::Field { doing, field };
        Ok(AvailableResource {
            phone_number: self.phone_number.parse().map_err(|_| unknown("phone_number"))?,
            friendly_name: self.friendly_name.unwrap_or_default(),
            locality: filled(self.locality),
            region: filled(self.region),
            postal_code: filled(self.postal_code),
            iso_country: filled(self.iso_country).and_then(|country| country.parse().ok()),
            capabilities: self.capabilities.unwrap_or_default(),
            needs_address: filled(self.address_requirements).is_some_and(|needs| needs != "none"),
        })
    }
}

impl RestClient {
    /// Numbers that carry calls and can be bought.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when Twilio sells none of this kind in the country; otherwise no usable answer within the
    /// deadline, or a refusal.
    pub async fn available_numbers(
        &self,
        credentials: &Credentials,
        search: &NumberSearch,
    ) -> Result<Vec<AvailableResource>, RestError> {
        let doing = "search phone numbers";
        let kind = match search.kind {
            LineKind::TollFree => "TollFree",
            LineKind::Mobile => "Mobile",
            LineKind::Local | LineKind::Unknown => "Local",
        };
        let area_code = search.area_code.map(|code| code.to_string());
        let limit = search.limit.to_string();
        let mut query = vec![("VoiceEnabled", "true"), ("PageSize", limit.as_str())];
        let wishes = [
            ("AreaCode", &area_code),
            ("Contains", &search.contains),
            ("InRegion", &search.region),
            ("InLocality", &search.locality),
            ("InPostalCode", &search.postal_code),
        ];
        query.extend(wishes.iter().filter_map(|(name, wish)| Some((*name, wish.as_deref()?))));
        let path = format!("/AvailablePhoneNumbers/{}/{kind}.json?{}", search.country, encode(&query));
        let page: AvailablePage =
            self.ask(&self.get(credentials, doing, self.url(credentials, &path))).await?;
        let numbers = page.available_phone_numbers.into_iter().take(usize::from(search.limit));
        numbers.map(|number| number.read(doing)).collect()
    }

    /// Buys exactly this number for an application. The request is sent again only when Twilio surely did not do it; when
    /// its answer was lost it is looked whether the account has the number by now.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline: the number may be the account's all the same, and buying it
    /// again would be refused then.
    pub async fn buy_number(
        &self,
        credentials: &Credentials,
        number: &E164,
        application: &ApplicationSid,
    ) -> Result<NumberResource, RestError> {
        let doing = "buy a phone number";
        let url = self.url(credentials, "/IncomingPhoneNumbers.json");
        let form = [("PhoneNumber", number.as_str()), ("VoiceApplicationSid", application.as_str())];
        let ask = Ask { again: Again::IfNotDone, ..self.post(credentials, doing, url, &form) };
        let lost = match self.ask::<NumberJson>(&ask).await {
            Ok(bought) => return bought.read(doing),
            Err(error) if error.is_lost() => error,
            Err(error) => return Err(error),
        };
        let mut pause = self.pace.first_pause;
        for _ in 0..LOOKS {
            let wait = jittered(pause);
            if Instant::now() + wait >= ask.until {
                break;
            }
            sleep(wait).await;
            pause = (pause * 2).min(self.pace.longest_pause);
            if let Ok(Some(bought)) = self.find_number_until(credentials, number, ask.until).await {
                return Ok(bought);
            }
        }
        Err(lost)
    }

    /// A phone number of the account.
    ///
    /// # Errors
    /// No usable answer within the deadline. A number that is not the account's is `None`.
    pub async fn find_number(
        &self,
        credentials: &Credentials,
        number: &E164,
    ) -> Result<Option<NumberResource>, RestError> {
        self.find_number_until(credentials, number, Instant::now() + self.pace.deadline).await
    }

    async fn find_number_until(
        &self,
        credentials: &Credentials,
        number: &E164,
        until: Instant,
    ) -> Result<Option<NumberResource>, RestError> {
        let doing = "find a phone number";
        let query = encode(&[("PhoneNumber", number.as_str())]);
        let url = self.url(credentials, &format!("/IncomingPhoneNumbers.json?{query}"));
        let ask = Ask { until, ..self.get(credentials, doing, url) };
        let page: NumbersPage = self.ask(&ask).await?;
        // The filter also finds numbers of which this one is a part.
        let found = page.incoming_phone_numbers.into_iter().find(|found| found.is(number));
        found.map(|found| found.read(doing)).transpose()
    }

    /// All phone numbers of the account, in Twilio's order. What is no phone number (a short code) is left out.
    ///
    /// # Errors
    /// No usable answer within the deadline.
    pub async fn numbers(&self, credentials: &Credentials) -> Result<Vec<NumberResource>, RestError> {
        let doing = "list phone numbers";
        let query = encode(&[("PageSize", PAGE_SIZE)]);
        let url = self.url(credentials, &format!("/IncomingPhoneNumbers.json?{query}"));
        let mut ask = self.get(credentials, doing, url);
        let mut numbers = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: NumbersPage = self.ask(&ask).await?;
            for number in page.incoming_phone_numbers {
                if number.phone_number.parse::<E164>().is_ok() {
                    numbers.push(number.read(doing)?);
                }
            }
            match self.next_page(&ask, page.next_page_uri)? {
                Some(url) => ask.url = url,
                None => return Ok(numbers),
            }
        }
        Err(RestError::TooLarge { doing })
    }

    /// Gives a number to an application, or takes it off any. Its own addresses stay as they are.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when the account has no such number; otherwise a refusal, or no usable answer within the
    /// deadline.
    pub async fn point_number(
        &self,
        credentials: &Credentials,
        number: &NumberSid,
        application: Option<&ApplicationSid>,
    ) -> Result<NumberResource, RestError> {
        let doing = "give a phone number to an application";
        let url = self.url(credentials, &format!("/IncomingPhoneNumbers/{number}.json"));
        let form = [("VoiceApplicationSid", application.map_or("", ApplicationSid::as_str))];
        let number: NumberJson = self.ask(&self.post(credentials, doing, url, &form)).await?;
        number.read(doing)
    }

    /// Gives a number back to Twilio.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when the account has it no more, which is also what the repetition of a request whose
    /// answer was lost finds; otherwise a refusal, or no usable answer within the deadline.
    pub async fn release_number(
        &self,
        credentials: &Credentials,
        number: &NumberSid,
    ) -> Result<(), RestError> {
        let doing = "release a phone number";
        let url = self.url(credentials, &format!("/IncomingPhoneNumbers/{number}.json"));
        let ask = Ask { method: Method::DELETE, ..self.get(credentials, doing, url) };
        self.answer(&ask).await.map(drop)
    }
}
