//! Mail through Amazon SES (API v2).

use app::ports::{Mail, Mailer, PortError, PortResult};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

const SEND: &str = "send an e-mail through SES";
const UTF_8: &str = "UTF-8";

/// Sends from one verified address.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: Client,
    from: String,
}

impl SesMailer {
    /// From this address (`name@example.com`, or `Name <name@example.com>`), which SES must have verified.
    pub fn connect(config: &SdkConfig, from: impl Into<String>) -> Self {
        // A request whose answer was lost may have been carried out: sent again, the message would arrive twice.
        let config = aws_sdk_sesv2::config::Builder::from(config).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), from: from.into() }
    }
}

fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let text = |data: &str| Content::builder().data(data).charset(UTF_8).build();
    let body = Body::builder().text(text(&mail.text)?).build();
    let message = Message::builder().subject(text(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        let content = content(mail).map_err(|cause| PortError::failed(SEND, cause))?;
        let to = Destination::builder().to_addresses(mail.to.as_str()).build();
        let request =
            self.client.send_email().from_email_address(&self.from).destination(to).content(content);
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let busy = error.as_service_error().is_some_and(|error| {
                    matches!(
                        error,
                        SendEmailError::TooManyRequestsException(_)
                            | SendEmailError::LimitExceededException(_)
                    )
                });
                Err(if busy { PortError::Busy { what: SEND } } else { PortError::failed(SEND, error) })
            }
        }
    }
}
