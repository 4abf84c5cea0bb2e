//! Accounts, people, sign-ins, invitations and API keys. What is found by a token is found by the SHA-256 of it: the token
//! itself is never stored.
//!
//! A commit is one transaction: the steps' writes ([`steps`]) and the entry of the audit log. Attributes that conditions
//! need (`version`, `sign_ins`, `revision`, `last_used_at`, …) stand beside the body and win over it. What has an end is
//! returned also after it, because the broom is late and there is no clock here: whoever asks compares.

mod steps;

use app::ports::{
    Act, ApiKey, Committed, Identity, KeptKey, KeptSession, OneTimeToken, Person, PortError, PortResult,
    Session, Why,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::audit::AuditEntry;
use domain::email::EmailAddress;
use domain::ids::{InvitationId, TenantId, UserId};
use domain::people::{Account, Invitation, User};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Store;
use crate::audit::entry_write;
use crate::failure::{Failure, PATIENT};
use crate::item::{Item, body, number_of, parsed, text, text_of};
use crate::keys::{self, GSI1, Key};
use crate::read::{Range, unusable};
use crate::write::{Deed, Write};

/// Whose an address is.
#[derive(Serialize, Deserialize)]
struct EmailOwner {
    tenant: TenantId,
    user: UserId,
}

/// A SHA-256 as lower-case hex; nothing else may become part of a key.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

const NOT_A_HASH: &str = "the token's hash is not 64 lower-case hex digits";

fn used_at(what: &'static str, item: &Item) -> PortResult<Option<Timestamp>> {
    if !item.contains_key("last_used_at") {
        return Ok(None);
    }
    parsed(what, item, "last_used_at").map(Some)
}

fn session_of(what: &'static str, item: &Item) -> PortResult<Session> {
    let mut session: Session = body(what, item)?;
    if let Some(at) = used_at(what, item)? {
        session.last_used_at = at;
    }
    Ok(session)
}

fn key_of(what: &'static str, item: &Item) -> PortResult<ApiKey> {
    let mut key: ApiKey = body(what, item)?;
    key.last_used_at = used_at(what, item)?.or(key.last_used_at);
    Ok(key)
}

fn user_of(what: &'static str, item: &Item) -> PortResult<User> {
    let mut user: User = body(what, item)?;
    if item.contains_key("last_sign_in_at") {
        user.last_sign_in_at = Some(parsed(what, item, "last_sign_in_at")?);
    }
    Ok(user)
}

fn hash_of(what: &'static str, item: &Item) -> PortResult<String> {
    text_of(item, "token_hash").map(str::to_owned).map_err(|cause| PortError::corrupt(what, cause))
}

#[async_trait]
impl Identity for Store {
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>> {
        const WHAT: &str = "look up a session";
        if !is_hash(token_hash) {
            return Ok(None);
        }
        let item = self.get(WHAT, keys::session(token_hash)).await?;
        item.map(|item| session_of(WHAT, &item)).transpose()
    }

    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>> {
        const WHAT: &str = "look up an API key";
        if !is_hash(token_hash) {
            return Ok(None);
        }
        let item = self.get(WHAT, keys::api_key(token_hash)).await?;
        item.map(|item| key_of(WHAT, &item)).transpose()
    }

    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()> {
        const WHAT: &str = "store an API key";
        if !is_hash(token_hash) {
            return Err(unusable(WHAT, NOT_A_HASH));
        }
        let kept = KeptKey { token_hash: token_hash.to_owned(), key: key.clone() };
        let writes = steps::key_items(WHAT, &kept)?.map(|item| Write::new(Deed::Put(item)));
        let actions = self.actions(WHAT, writes)?;
        self.transact(Instant::now() + PATIENT, &actions).await.map_err(|failure| failure.into_port(WHAT))
    }

    async fn owner_of_email(&self, email: &EmailAddress) -> PortResult<Option<(TenantId, UserId)>> {
        const WHAT: &str = "look up an e-mail address";
        let Some(item) = self.get(WHAT, keys::email(email)).await? else { return Ok(None) };
        let owner: EmailOwner = body(WHAT, &item)?;
        Ok(Some((owner.tenant, owner.user)))
    }

    async fn one_time_token(&self, token_hash: &str) -> PortResult<Option<OneTimeToken>> {
        const WHAT: &str = "look up a one-time token";
        if !is_hash(token_hash) {
            return Ok(None);
        }
        let item = self.get(WHAT, keys::one_time_token(token_hash)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn account(&self, tenant: TenantId) -> PortResult<Option<Account>> {
        const WHAT: &str = "read the account";
        let item = self.get(WHAT, keys::account(tenant)).await?;
        item.map(|item| body(WHAT, &item)).transpose()
    }

    async fn person(&self, tenant: TenantId, user: UserId) -> PortResult<Option<Person>> {
        const WHAT: &str = "read a user";
        let items = self.query(WHAT, Range::of(keys::user_partition(tenant, user))).await?;
        let (mut shown, mut credentials, mut sessions) = (None, None, Vec::new());
        for item in items {
            let sk = text_of(&item, "sk").map_err(|cause| PortError::corrupt(WHAT, cause))?;
            if sk == keys::META {
                let sign_ins: u64 =
                    number_of(&item, "sign_ins").map_err(|cause| PortError::corrupt(WHAT, cause))?;
                shown = Some((user_of(WHAT, &item)?, sign_ins));
            } else if sk == keys::CREDENTIALS {
                credentials = Some(body(WHAT, &item)?);
            } else if sk.starts_with(keys::SESSION) {
                let kept =
                    KeptSession { token_hash: hash_of(WHAT, &item)?, session: session_of(WHAT, &item)? };
                sessions.push(kept);
            }
        }
        // A user and their credentials are written and removed together.
        let (Some((user, sign_ins)), Some(credentials)) = (shown, credentials) else { return Ok(None) };
        Ok(Some(Person { user, credentials, sessions, sign_ins }))
    }

    async fn users(&self, tenant: TenantId) -> PortResult<Vec<User>> {
        const WHAT: &str = "list users";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::users(tenant))).await?;
        items.iter().map(|item| user_of(WHAT, item)).collect()
    }

    async fn invitation(
        &self,
        tenant: TenantId,
        id: InvitationId,
    ) -> PortResult<Option<(Invitation, String)>> {
        const WHAT: &str = "read an invitation";
        let Some(item) = self.get(WHAT, keys::invitation(tenant, id)).await? else { return Ok(None) };
        Ok(Some((body(WHAT, &item)?, hash_of(WHAT, &item)?)))
    }

    async fn invitations(&self, tenant: TenantId) -> PortResult<Vec<Invitation>> {
        const WHAT: &str = "list invitations";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::invitations(tenant))).await?;
        items.iter().map(|item| body(WHAT, item)).collect()
    }

    async fn api_keys(&self, tenant: TenantId) -> PortResult<Vec<KeptKey>> {
        const WHAT: &str = "list API keys";
        let items = self.query(WHAT, Range::of_index(GSI1, keys::listed_keys(tenant))).await?;
        items
            .iter()
            .map(|item| Ok(KeptKey { token_hash: hash_of(WHAT, item)?, key: key_of(WHAT, item)? }))
            .collect()
    }

    async fn commit(
        &self,
        tenant: TenantId,
        steps: &[Act],
        entry: Option<&AuditEntry>,
    ) -> PortResult<Committed> {
        const WHAT: &str = "change an account";
        let mut writes = Vec::new();
        for step in steps {
            writes.extend(steps::writes(WHAT, tenant, step)?);
        }
        if let Some(entry) = entry {
            writes.push((entry_write(WHAT, entry)?, Why::Changed));
        }
        let whys: Vec<Why> = writes.iter().map(|(_, why)| *why).collect();
        let actions = self.actions(WHAT, writes.into_iter().map(|(write, _)| write))?;
        match self.transact(Instant::now() + PATIENT, &actions).await {
            Ok(()) => Ok(Committed::Done),
            Err(Failure::Cancelled(reasons)) => {
                let failed = reasons
                    .iter()
                    .zip(whys)
                    .find(|(reason, _)| reason.code().is_some_and(|code| code == "ConditionalCheckFailed"));
                Ok(Committed::Refused(failed.map_or(Why::Changed, |(_, why)| why)))
            }
            Err(failure) => Err(failure.into_port(WHAT)),
        }
    }

    async fn touch_session(&self, tenant: TenantId, session: &KeptSession, at: Timestamp) -> PortResult<()> {
        if !is_hash(&session.token_hash) {
            return Err(unusable("note that a session is used", NOT_A_HASH));
        }
        let listed = keys::session_of_user(tenant, session.session.user, session.session.id);
        self.touch("note that a session is used", [keys::session(&session.token_hash), listed], at).await
    }

    async fn touch_api_key(&self, tenant: TenantId, key: &KeptKey, at: Timestamp) -> PortResult<()> {
        if !is_hash(&key.token_hash) {
            return Err(unusable("note that an API key is used", NOT_A_HASH));
        }
        let listed = keys::listed_key(tenant, key.key.id);
        self.touch("note that an API key is used", [keys::api_key(&key.token_hash), listed], at).await
    }
}

impl Store {
    /// Notes a use in both places, each only if it is still there: an ended session stays ended.
    async fn touch(&self, what: &'static str, places: [Key; 2], at: Timestamp) -> PortResult<()> {
        for place in places {
            let write = Write::new(Deed::Change(place, "SET #last_used_at = :at".to_owned()))
                .only_if("attribute_exists(#pk)")
                .name("#pk", "pk")
                .name("#last_used_at", "last_used_at")
                .value(":at", text(keys::time(at)));
            self.change(what, write).await?;
        }
        Ok(())
    }

    /// Writes as the actions of one transaction.
    pub(crate) fn actions(
        &self,
        what: &'static str,
        writes: impl IntoIterator<Item = Write>,
    ) -> PortResult<Vec<TransactWriteItem>> {
        writes.into_iter().map(|write| write.into_action(what, self.table())).collect()
    }
}
