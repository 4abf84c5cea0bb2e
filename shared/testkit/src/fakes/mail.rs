//! E-mail that stays here.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{Mail, Mailer, PortError, PortResult};
use async_trait::async_trait;

use super::locked;

/// Keeps every message.
#[derive(Debug, Default)]
pub struct FakeMailer {
    sent: Mutex<Vec<Mail>>,
    down: AtomicBool,
}

impl FakeMailer {
    /// Every message so far, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        locked(&self.sent).clone()
    }

    /// The messages to an address, oldest first.
    pub fn to(&self, address: &str) -> Vec<Mail> {
        self.sent().into_iter().filter(|mail| mail.to.as_str() == address).collect()
    }

    /// The token in the link of the last message to an address.
    pub fn token_for(&self, address: &str) -> Option<String> {
        let mails = self.to(address);
        let (_, after) = mails.last()?.text.split_once("#token=")?;
        after.split_whitespace().next().map(str::to_owned)
    }

    /// Whether it takes no message, from now on.
    pub fn be_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

#[async_trait]
impl Mailer for FakeMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::Busy { what: "send an e-mail" });
        }
        locked(&self.sent).push(mail.clone());
        Ok(())
    }
}
