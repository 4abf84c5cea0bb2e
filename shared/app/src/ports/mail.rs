//! E-mail to people who use the product.

use async_trait::async_trait;
use domain::email::EmailAddress;

use super::PortResult;

/// A plain-text message. It may hold a token that signs somebody in, so it is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Sends e-mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a message over for delivery.
    async fn send(&self, mail: &Mail) -> PortResult<()>;
}
