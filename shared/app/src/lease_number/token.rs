//! The signed lease: what a browser keeps so that the next page shows its number without a question.
//!
//! `1.<pool>.<shard>.<number>.<visit>.<since>.<until>.<signature>`: ids without their letters, the number's digits, times in
//! milliseconds since 1970. The signature is a keyed hash of the tenant, so a token says nothing under another.

use domain::ids::{NumberPoolId, TenantId, VisitId};
use domain::phone::E164;
use jiff::Timestamp;
use uuid::Uuid;

use crate::api_keys;
use crate::ports::{PoolPlace, PortResult, Vault};

const VERSION: &str = "1";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The number.
    pub place: PoolPlace,
    /// Whose it is.
    pub visit: VisitId,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Token {
    fn text(&self) -> String {
        let PoolPlace { pool, shard, number } = &self.place;
        let (pool, visit) = (pool.uuid(), self.visit.uuid());
        format!(
            "{VERSION}.{}.{shard}.{}.{}.{}.{}",
            pool.as_simple(),
            number.digits(),
            visit.as_simple(),
            self.since.as_millisecond(),
            self.until.as_millisecond(),
        )
    }

    /// The token as a browser keeps it.
    ///
    /// # Errors
    /// The vault's key could not be had.
    pub async fn sign(&self, vault: &dyn Vault, tenant: TenantId) -> PortResult<String> {
        let text = self.text();
        let signature = signature(vault, tenant, &text).await?;
        Ok(format!("{text}.{signature}"))
    }

    /// What a token says; `None`: we did not sign it.
    ///
    /// # Errors
    /// The vault's key could not be had.
    pub async fn verify(vault: &dyn Vault, tenant: TenantId, token: &str) -> PortResult<Option<Self>> {
        let Some((text, signed)) = token.rsplit_once('.') else { return Ok(None) };
        let Some(read) = Self::read(text) else { return Ok(None) };
        // Hashes are compared, so that the time it takes tells nothing of the signature.
        let right = api_keys::hash(&signature(vault, tenant, text).await?) == api_keys::hash(signed);
        Ok(right.then_some(read))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        if parts.next()? != VERSION {
            return None;
        }
        let place = PoolPlace {
            pool: NumberPoolId::from_uuid(uuid(parts.next()?)?),
            shard: parts.next()?.parse().ok()?,
            number: format!("+{}", parts.next()?).parse::<E164>().ok()?,
        };
        let visit = VisitId::from_uuid(uuid(parts.next()?)?);
        let since = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
        let until = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
        let token = Self { place, visit, since, until };
        // Written again it is the same: there is one text for each lease.
        (parts.next().is_none() && token.text() == text).then_some(token)
    }
}

fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

/// Apart from every other use of the tenant's keyed hash: numbers of callers begin with `+`.
async fn signature(vault: &dyn Vault, tenant: TenantId, text: &str) -> PortResult<String> {
    vault.pseudonym(tenant, &format!("dni-lease:{text}")).await
}
