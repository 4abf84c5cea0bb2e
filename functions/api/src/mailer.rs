//! E-mail at the configured place.

use std::sync::Arc;

use app::ports::Mailer;
use aws_config::SdkConfig;
use mail::{FolderMailer, SesMailer};
use runtime::MailPlace;

/// The mailer of the configured place.
pub fn at(place: &MailPlace, config: &SdkConfig) -> Arc<dyn Mailer> {
    match place {
        MailPlace::Ses(from) => Arc::new(SesMailer::connect(config, from.as_str())),
        MailPlace::Dir(folder) => Arc::new(FolderMailer::new(folder.as_path())),
    }
}
