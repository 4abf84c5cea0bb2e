//! The static documents that Twilio reads when we cannot answer: one per phone number, `<digits>.xml`,
//! and one for all that have none.
//!
//! What must stay true: a document stands by itself. It names no address of ours, because it is read when we are down; a
//! reader never sees half of one.

use std::path::PathBuf;
use std::sync::Arc;

use app::ports::{FallbackPages, PortError, PortResult};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use domain::phone::E164;
use runtime::FallbackPlace;

const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
/// A new document reaches callers within a minute.
const CACHE_CONTROL: &str = "public, max-age=60";
const WRITE: &str = "write a fallback document";
const READ: &str = "read a fallback document";
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
    match place {
        FallbackPlace::Dir(folder) => Arc::new(FolderPages::new(folder)),
        FallbackPlace::Bucket(bucket) => {
            // Stand-ins for S3 know no host names per bucket.
            let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
            Arc::new(S3Pages::new(Client::from_conf(config), bucket))
        }
    }
}

/// Documents in a bucket that a CDN serves.
pub struct S3Pages {
    client: Client,
    bucket: String,
}

impl S3Pages {
    /// The bucket's documents.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }
}

impl S3Pages {
    async fn put(&self, key: impl Into<String>, document: &str) -> PortResult<()> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(CONTENT_TYPE)
            .cache_control(CACHE_CONTROL)
            .body(ByteStream::from(document.as_bytes().to_vec()))
            .send()
            .await
            .map_err(|cause| PortError::failed(WRITE, cause))?;
        Ok(())
    }
}

#[async_trait]
impl FallbackPages for S3Pages {
    async fn write(&self, number: &E164, document: &str) -> PortResult<()> {
        self.put(file_name(number), document).await
    }

    async fn read(&self, number: &E164) -> PortResult<Option<String>> {
        let asked = self.client.get_object().bucket(&self.bucket).key(file_name(number)).send().await;
        let found = match asked {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(None);
            }
            Err(cause) => return Err(PortError::failed(READ, cause)),
        };
        let body = found.body.collect().await.map_err(|cause| PortError::failed(READ, cause))?;
        Ok(Some(String::from_utf8_lossy(&body.into_bytes()).into_owned()))
    }

    async fn write_default(&self, document: &str) -> PortResult<()> {
        self.put(DEFAULT_FILE, document).await
    }
}

/// Documents in a folder that the local platform serves.
pub struct FolderPages {
    folder: PathBuf,
}

impl FolderPages {
    /// The folder's documents; it is made when the first one is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl FolderPages {
    async fn put(&self, name: &str, document: &str) -> PortResult<()> {
        let failed = |cause: std::io::Error| PortError::failed(WRITE, cause);
        tokio::fs::create_dir_all(&self.folder).await.map_err(failed)?;
        // Written beside and renamed, so that a reader sees the old document or the new one.
        let unfinished = self.folder.join(format!(".{name}.{}", uuid::Uuid::now_v7().as_simple()));
        tokio::fs::write(&unfinished, document).await.map_err(failed)?;
        tokio::fs::rename(&unfinished, self.folder.join(name)).await.map_err(failed)
    }
}

#[async_trait]
impl FallbackPages for FolderPages {
    async fn write(&self, number: &E164, document: &str) -> PortResult<()> {
        self.put(&file_name(number), document).await
    }

    async fn read(&self, number: &E164) -> PortResult<Option<String>> {
        match tokio::fs::read_to_string(self.folder.join(file_name(number))).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(PortError::failed(READ, cause)),
        }
    }

    async fn write_default(&self, document: &str) -> PortResult<()> {
        self.put(DEFAULT_FILE, document).await
    }
}
