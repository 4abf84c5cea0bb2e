//! Recordings at Twilio: only their end.

use reqwest::Method;

use super::{Ask, Credentials, RestClient, RestError};

impl RestClient {
    /// Removes a recording with its media. Repeating it is harmless: then Twilio does not know it any more.
    ///
    /// # Errors
    /// [`RestError::is_not_found`] when Twilio does not have it (any more); the id is none; otherwise no usable answer
    /// within the deadline.
    pub async fn delete_recording(
        &self,
        credentials: &Credentials,
        recording: &str,
    ) -> Result<(), RestError> {
        let doing = "remove a recording";
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !recording.strip_prefix("RE").is_some_and(|rest| rest.len() == 32 && rest.bytes().all(hex)) {
            return Err(RestError::Field { doing, field: "recording sid" });
        }
        let url = self.url(credentials, &format!("/Recordings/{recording}.json"));
        let ask = Ask { method: Method::DELETE, ..self.get(credentials, doing, url) };
        self.answer(&ask).await.map(drop)
    }
}
