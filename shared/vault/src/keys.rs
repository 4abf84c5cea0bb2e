//! One data key, the keys derived from it, and where data keys come from.
//!
//! The data key itself encrypts nothing: a key for sealing and one for pseudonyms are derived from it (HKDF-SHA256), so that
//! neither use tells anything about the other.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use app::ports::{PortError, PortResult};
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;

use crate::Unopened;

/// First part of a sealed text: the form's version.
pub(crate) const SEALED_FORM: &str = "v1";
/// Length of a data key, bytes.
pub(crate) const KEY_LENGTH: usize = 32;

/// Names a data key: `k1` is the installation's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(u32);

impl KeyId {
    /// The id of the data key with this number, from 1.
    pub const fn numbered(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// Its number, from 1.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its place among the data keys, oldest first, from 0.
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX) - 1
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "k{}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = Unopened;
    /// Exactly what is printed: an id has one spelling.
    fn from_str(text: &str) -> Result<Self, Unopened> {
        let id = text.strip_prefix('k').and_then(|digits| digits.parse().ok()).and_then(Self::numbered);
        id.filter(|id| id.to_string() == text).ok_or(Unopened::Form)
    }
}

/// A data key, ready for use. Its debug form shows its id only.
#[derive(Clone)]
pub struct DataKey(Arc<Derived>);

struct Derived {
    id: KeyId,
    sealing: RandomizedNonceKey,
    pseudonyms: hmac::Key,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DataKey({})", self.0.id)
    }
}

impl DataKey {
    /// Derives what is needed from 32 secret random bytes.
    ///
    /// # Errors
    /// The cryptographic library refuses; it has no reason to.
    pub fn derive(id: KeyId, bytes: &[u8; KEY_LENGTH]) -> PortResult<Self> {
        let secret = Salt::new(HKDF_SHA256, b"callcenter-pro vault").extract(bytes);
        let derived = || -> Result<Derived, Unspecified> {
            Ok(Derived {
                id,
                sealing: RandomizedNonceKey::new(&AES_256_GCM, &expanded(&secret, b"seal")?)?,
                pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, &expanded(&secret, b"pseudonym")?),
            })
        };
        let derived = derived().map_err(|cause| PortError::failed("derive the vault's keys", cause))?;
        Ok(Self(Arc::new(derived)))
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// Nonce, ciphertext and tag.
    pub(crate) fn seal(&self, bound: &[u8], secret: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut text = secret.to_vec();
        let nonce = self.0.sealing.seal_in_place_append_tag(Aad::from(bound), &mut text)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Undoes [`DataKey::seal`].
    pub(crate) fn open(&self, bound: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, Unopened> {
        if sealed.len() < NONCE_LEN + AES_256_GCM.tag_len() {
            return Err(Unopened::Form);
        }
        let mut text = sealed.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&sealed).map_err(|_| Unopened::Form)?;
        let opened = self.0.sealing.open_in_place(nonce, Aad::from(bound), &mut text);
        let length = opened.map_err(|_| Unopened::NotGenuine)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// HMAC-SHA256 over the parts, one after the other.
    pub(crate) fn keyed_hash(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut hash = hmac::Context::with_key(&self.0.pseudonyms);
        for part in parts {
            hash.update(part);
        }
        hash.sign().as_ref().to_vec()
    }
}

fn expanded(secret: &Prk, purpose: &'static [u8]) -> Result<[u8; KEY_LENGTH], Unspecified> {
    let mut key = [0; KEY_LENGTH];
    secret.expand(&[purpose], HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}

/// Where the installation's data keys come from. They are numbered from 1 without gaps; none is ever changed or removed.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The data keys after the first `known`, oldest first. When there is none at all and `make` is set, the first is made;
    /// of two who make it at once, both get the same.
    async fn keys_after(&self, known: usize, make: bool) -> PortResult<Vec<DataKey>>;

    /// Makes one more data key after the first `known`; an error when there are more by now.
    async fn make_next(&self, known: usize) -> PortResult<KeyId>;
}
