//! Passwords with argon2id.
//!
//! Parameters: 19 MiB, two passes, one lane, as OWASP's password storage cheat sheet recommends. Hashing is work for a
//! processor, so it runs beside the async workers, a few at a time: each takes its 19 MiB.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::ports::{Passwords, PortError, PortResult};
use crate::secret::Secret;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const AT_ONCE: usize = 4;
const WHAT: &str = "hash a password";

/// Hashes with argon2id.
pub struct Argon2Passwords {
    params: Params,
    nobodys: String,
    slots: Arc<Semaphore>,
}

fn failed(error: impl std::fmt::Display) -> PortError {
    PortError::failed(WHAT, std::io::Error::other(error.to_string()))
}

impl Argon2Passwords {
    /// With today's parameters. Takes as long as one verification, because it makes the hash that no password has.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> PortResult<Self> {
        Self::with(MEMORY_KIB, PASSES)
    }

    /// With other parameters: those of an earlier day, or cheap ones.
    ///
    /// # Errors
    /// The parameters are not possible, or the system gives no random bytes.
    pub fn with(memory_kib: u32, passes: u32) -> PortResult<Self> {
        let params = Params::new(memory_kib, passes, LANES, None).map_err(failed)?;
        let mut nobody = [0; 32];
        getrandom::fill(&mut nobody).map_err(failed)?;
        let nobodys = hash(&params, &nobody)?;
        Ok(Self { params, nobodys, slots: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(Params) -> PortResult<T> + Send + 'static,
    ) -> PortResult<T> {
        let slot = self.slots.clone().acquire_owned().await.map_err(failed)?;
        let params = self.params.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work(params)
        });
        done.await.map_err(|cause| PortError::failed(WHAT, cause))?
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &[u8]) -> PortResult<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(failed)?;
    argon2(params).hash_password_with_salt(password, &salt).map(|hash| hash.to_string()).map_err(failed)
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &Secret) -> PortResult<String> {
        let password = password.clone();
        self.beside(move |params| hash(&params, password.expose().as_bytes())).await
    }

    async fn verify(&self, password: &Secret, hash: &str) -> PortResult<bool> {
        let (password, hash) = (password.clone(), hash.to_owned());
        self.beside(move |params| {
            let parsed = PasswordHash::new(&hash).map_err(failed)?;
            // The parameters are the hash's own; the digests are compared in constant time.
            match argon2(&params).verify_password(password.expose().as_bytes(), &parsed) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(failed(error)),
            }
        })
        .await
    }

    fn is_outdated(&self, hash: &str) -> bool {
        PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok()).is_none_or(|params| {
            let of = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
            of(&params) != of(&self.params) || !hash.starts_with("$argon2id$v=19$")
        })
    }

    fn nobodys(&self) -> &str {
        &self.nobodys
    }
}
