//! Hashes of passwords that cost nothing, and a count of how often one was verified.

use std::sync::atomic::{AtomicUsize, Ordering};

use app::api_keys;
use app::ports::{Passwords, PortResult};
use app::secret::Secret;
use async_trait::async_trait;

const TODAY: &str = "$fake$v=2$";

/// Not slow, so not for use.
#[derive(Debug, Default)]
pub struct FakePasswords {
    verified: AtomicUsize,
    hashed: AtomicUsize,
}

impl FakePasswords {
    /// How many verifications there were.
    pub fn verified(&self) -> usize {
        self.verified.load(Ordering::SeqCst)
    }

    /// How many passwords were hashed.
    pub fn hashed(&self) -> usize {
        self.hashed.load(Ordering::SeqCst)
    }

    /// A hash as it was made with the parameters of yesterday.
    pub fn old_hash(password: &str) -> String {
        format!("$fake$v=1${}", api_keys::hash(password))
    }
}

#[async_trait]
impl Passwords for FakePasswords {
    async fn hash(&self, password: &Secret) -> PortResult<String> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(format!("{TODAY}{}", api_keys::hash(password.expose())))
    }

    async fn verify(&self, password: &Secret, hash: &str) -> PortResult<bool> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        Ok(hash.rsplit('$').next() == Some(api_keys::hash(password.expose()).as_str()))
    }

    fn is_outdated(&self, hash: &str) -> bool {
        !hash.starts_with(TODAY)
    }

    fn nobodys(&self) -> &str {
        "$fake$v=2$nobody"
    }
}
