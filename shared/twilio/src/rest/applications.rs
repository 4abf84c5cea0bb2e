//! TwiML applications: the addresses that many numbers share.

use app::ports::ApplicationHooks;
use domain::ids::ApplicationSid;
use serde::Deserialize;

use super::{Again, Ask, Credentials, RestClient, RestError};
use crate::form::encode;

/// Applications of one name; more than a few are a mistake of somebody's.
const MOST_PAGES: usize = 5;

/// An application as Twilio has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationResource {
    /// Its id.
    pub sid: ApplicationSid,
    /// Whether it carries the addresses and methods that it was compared with.
    pub is_right: bool,
}

#[derive(Deserialize)]
struct ApplicationJson {
    sid: String,
    friendly_name: Option<String>,
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_url: Option<String>,
    voice_fallback_method: Option<String>,
    status_callback: Option<String>,
    status_callback_method: Option<String>,
}

#[derive(Deserialize)]
struct ApplicationsPage {
    applications: Vec<ApplicationJson>,
    next_page_uri: Option<String>,
}

impl ApplicationJson {
    fn read(self, doing: &'static str, hooks: &ApplicationHooks) -> Result<ApplicationResource, RestError> {
        let is = |found: &Option<String>, wanted: &str| found.as_deref() == Some(wanted);
        let is_right = is(&self.voice_url, &hooks.voice_url)
            && is(&self.voice_method, "POST")
            && is(&self.voice_fallback_url, &hooks.fallback_url)
            && is(&self.voice_fallback_method, "GET")
            && is(&self.status_callback, &hooks.status_url)
            && is(&self.status_callback_method, "POST");
        let sid = self.sid.parse().map_err(|_| RestError::Field { doing, field: "sid" })?;
        Ok(ApplicationResource { sid, is_right })
    }
}

fn fields<'a>(name: &'a str, hooks: &'a ApplicationHooks) -> [(&'static str, &'a str); 7] {
    [
        ("FriendlyName", name),
        ("VoiceUrl", &hooks.voice_url),
        ("VoiceMethod", "POST"),
        ("VoiceFallbackUrl", &hooks.fallback_url),
        ("VoiceFallbackMethod", "GET"),
        ("StatusCallback", &hooks.status_url),
        ("StatusCallbackMethod", "POST"),
    ]
}

impl RestClient {
    /// The applications of exactly this name, compared with these addresses, by sid.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline.
    pub async fn applications(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<Vec<ApplicationResource>, RestError> {
        let doing = "list applications";
        let query = encode(&[("FriendlyName", name), ("PageSize", "50")]);
        let url = self.url(credentials, &format!("/Applications.json?{query}"));
        let mut ask = self.get(credentials, doing, url);
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: ApplicationsPage = self.ask(&ask).await?;
            for application in page.applications {
                if application.friendly_name.as_deref() == Some(name) {
                    found.push(application.read(doing, hooks)?);
                }
            }
            match self.next_page(&ask, page.next_page_uri)? {
                Some(url) => ask.url = url,
                None => break,
            }
        }
        found.sort_by(|one, other| one.sid.cmp(&other.sid));
        Ok(found)
    }

    /// Makes an application. The request is sent again only when Twilio surely did not do it.
    ///
    /// # Errors
    /// A refusal, or no usable answer within the deadline: the application may be there all the same.
    pub async fn create_application(
        &self,
        credentials: &Credentials,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<ApplicationResource, RestError> {
        let doing = "make an application";
        let url = self.url(credentials, "/Applications.json");
        let ask = Ask { again: Again::IfNotDone, ..self.post(credentials, doing, url, &fields(name, hooks)) };
        let made: ApplicationJson = self.ask(&ask).await?;
        made.read(doing, hooks)
    }

    /// Gives an application these addresses.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when it is gone; otherwise a refusal, or no usable answer within the deadline.
    pub async fn update_application(
        &self,
        credentials: &Credentials,
        application: &ApplicationSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Result<ApplicationResource, RestError> {
        let doing = "correct an application";
        let url = self.url(credentials, &format!("/Applications/{application}.json"));
        let changed: ApplicationJson =
            self.ask(&self.post(credentials, doing, url, &fields(name, hooks))).await?;
        changed.read(doing, hooks)
    }
}
