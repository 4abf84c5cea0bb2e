//! The static documents that Twilio reads when we cannot answer: one per phone number, `<digits>.xml`,
//! and one for all that have none.
//!
//! What must stay true: a document stands by itself. It names no address of ours, because it is read when we are down; a
//! reader never sees half of one.

use std::sync::Arc;

use app::ports::{FallbackPages, PortResult};
use async_trait::async_trait;
use aws_config::SdkConfig;
use domain::phone::E164;
use objects::{Kind, Objects};
use runtime::FallbackPlace;

const KIND: Kind = Kind {
    content_type: "text/xml; charset=utf-8",
    encoding: None,
    // A new document reaches callers within a minute.
    cache_control: Some("public, max-age=60"),
};
/// Read when a number has no document, and when nobody knows which number was called; the CDN names it, too.
pub const DEFAULT_FILE: &str = "apology.xml";

/// TwiML that dials the number, or apologises. What follows a dial is heard when nobody answered there, and also by a
/// caller whose conversation the other side ended, so its words fit both.
pub fn document(dials: Option<&E164>) -> String {
    let verbs = match dials {
        Some(number) => format!(
            "<Dial timeout=\"30\" answerOnBridge=\"true\">{}</Dial><Say>This call has ended. Goodbye.</Say>",
            number.as_str()
        ),
        None => "<Say>We are sorry. We cannot take your call at the moment. Please try again later.</Say>"
            .to_owned(),
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}<Hangup/></Response>")
}

fn file_name(number: &E164) -> String {
    format!("{}.xml", number.digits())
}

/// The documents at the configured place.
pub fn at(place: &FallbackPlace, config: &SdkConfig) -> Arc<dyn FallbackPages> {
    Arc::new(Pages(match place {
        FallbackPlace::Dir(folder) => Objects::in_folder(folder),
        FallbackPlace::Bucket(bucket) => Objects::in_bucket(config, bucket),
    }))
}

/// Documents at a place that a CDN, or the local platform, serves.
pub struct Pages(pub Objects);

#[async_trait]
impl FallbackPages for Pages {
    async fn write(&self, number: &E164, document: &str) -> PortResult<()> {
        self.0.put(&file_name(number), KIND, document.into()).await
    }

    async fn read(&self, number: &E164) -> PortResult<Option<String>> {
        let body = self.0.get(&file_name(number)).await?;
        Ok(body.map(|body| String::from_utf8_lossy(&body).into_owned()))
    }

    async fn write_default(&self, document: &str) -> PortResult<()> {
        self.0.put(DEFAULT_FILE, KIND, document.into()).await
    }
}
