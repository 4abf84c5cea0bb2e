//! E-mail that goes nowhere.

use std::sync::Mutex;

use app::ports::{Mail, Mailer, PortResult};
use async_trait::async_trait;

use super::locked;

/// Keeps what was sent.
#[derive(Debug, Default)]
pub struct FakeMailer(Mutex<Vec<Mail>>);

impl FakeMailer {
    /// Everything that was sent so far.
    pub fn sent(&self) -> Vec<Mail> {
        locked(&self.0).clone()
    }
}

#[async_trait]
impl Mailer for FakeMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        locked(&self.0).push(mail.clone());
        Ok(())
    }
}
