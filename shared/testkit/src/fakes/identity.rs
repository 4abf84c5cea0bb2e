//! Accounts, people, sign-ins, invitations and API keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use app::ports::{
    Act, ApiKey, Audit, Committed, Credentials, Identity, KeptKey, KeptSession, OneTimeToken, Person,
    PortResult, Session, Standing, TokenUse, Why,
};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use domain::email::EmailAddress;
use domain::ids::{InvitationId, TenantId, UserId};
use domain::people::{Account, Invitation, MAX_USERS, User};
use jiff::Timestamp;

use super::{FakeDesk, locked};

/// Everything in memory; a commit is done whole or not at all. Entries of the audit log go to the desk.
#[derive(Debug, Default)]
pub struct FakeIdentity {
    state: Mutex<State>,
    desk: Arc<FakeDesk>,
}

#[derive(Debug, Default, Clone)]
struct State {
    accounts: HashMap<TenantId, Seated>,
    people: BTreeMap<(TenantId, UserId), Kept>,
    emails: HashMap<EmailAddress, (TenantId, UserId)>,
    sessions: HashMap<String, Session>,
    tokens: HashMap<String, OneTimeToken>,
    invitations: BTreeMap<(TenantId, InvitationId), (Invitation, String)>,
    keys: HashMap<String, ApiKey>,
}

#[derive(Debug, Clone)]
struct Seated {
    account: Account,
    users: i64,
    owners: i64,
}

#[derive(Debug, Clone)]
struct Kept {
    user: User,
    credentials: Credentials,
    sign_ins: u64,
}

impl FakeIdentity {
    /// Notes commits in this audit log.
    pub fn noting(desk: Arc<FakeDesk>) -> Self {
        Self { state: Mutex::default(), desk }
    }

    /// Signs somebody in.
    pub fn insert_session(&self, token_hash: &str, session: Session) {
        locked(&self.state).sessions.insert(token_hash.to_owned(), session);
    }
}

fn when(holds: bool, why: Why) -> Result<(), Why> {
    if holds { Ok(()) } else { Err(why) }
}

impl State {
    fn kept(&mut self, tenant: TenantId, user: UserId) -> Result<&mut Kept, Why> {
        self.people.get_mut(&(tenant, user)).ok_or(Why::Changed)
    }

    fn standing(&mut self, tenant: TenantId, user: UserId, before: Standing) -> Result<&mut Kept, Why> {
        let kept = self.kept(tenant, user)?;
        let is = Standing { version: kept.user.version, sign_ins: kept.sign_ins };
        if is == before { Ok(kept) } else { Err(Why::Changed) }
    }

    fn invited(&mut self, tenant: TenantId, id: InvitationId, hash: &str) -> Result<(), Why> {
        let stored = self.invitations.get(&(tenant, id));
        when(stored.is_some_and(|(_, token)| token == hash), Why::Changed)
    }

    fn offer(&mut self, invitation: &Invitation, token_hash: &str) {
        let token = OneTimeToken {
            tenant: invitation.tenant,
            used_for: TokenUse::Invitation(invitation.id),
            expires_at: invitation.expires_at,
        };
        self.tokens.insert(token_hash.to_owned(), token);
        let place = (invitation.tenant, invitation.id);
        self.invitations.insert(place, (invitation.clone(), token_hash.to_owned()));
    }

    fn apply(&mut self, tenant: TenantId, step: &Act) -> Result<(), Why> {
        match step {
            Act::CreateAccount(account) => {
                when(!self.accounts.contains_key(&tenant), Why::Changed)?;
                let seated = Seated { account: account.clone(), users: 1, owners: 1 };
                self.accounts.insert(tenant, seated);
            }
            Act::ChangeAccount { account, before } => {
                let seated = self.accounts.get_mut(&tenant).ok_or(Why::Changed)?;
                when(seated.account.version == *before, Why::Changed)?;
                seated.account = account.clone();
            }
            Act::Seats { users, owners } => {
                let seated = self.accounts.get_mut(&tenant).ok_or(Why::Changed)?;
                when(*owners >= 0 || seated.owners > 1, Why::LastOwner)?;
                when(*users <= 0 || seated.users < i64::from(MAX_USERS), Why::Full)?;
                seated.users += i64::from(*users);
                seated.owners += i64::from(*owners);
            }
            Act::CreateUser { user, credentials } => {
                when(!self.emails.contains_key(&user.email), Why::Taken)?;
                self.emails.insert(user.email.clone(), (tenant, user.id));
                let kept = Kept { user: user.clone(), credentials: credentials.clone(), sign_ins: 0 };
                self.people.insert((tenant, user.id), kept);
            }
            Act::ChangeUser { user, before } => {
                self.standing(tenant, user.id, *before)?.user = user.clone();
            }
            Act::RemoveUser { user, before } => {
                self.standing(tenant, user.id, *before)?;
                self.people.remove(&(tenant, user.id));
                self.emails.remove(&user.email);
            }
            Act::MoveEmail { user, from, to } => {
                when(!self.emails.contains_key(to), Why::Taken)?;
                when(self.emails.remove(from) == Some((tenant, *user)), Why::Changed)?;
                self.emails.insert(to.clone(), (tenant, *user));
            }
            Act::ChangeCredentials { user, credentials, before } => {
                let kept = self.kept(tenant, *user)?;
                when(kept.credentials.revision == *before, Why::Changed)?;
                kept.credentials = credentials.clone();
            }
            Act::PutToken { token_hash, token } => {
                self.tokens.insert(token_hash.clone(), token.clone());
            }
            Act::UseToken { token_hash } => {
                self.tokens.remove(token_hash).ok_or(Why::TokenUsed)?;
            }
            Act::CreateInvitation { invitation, token_hash } => {
                let known = self
                    .invitations
                    .values()
                    .any(|(other, _)| other.tenant == tenant && other.email == invitation.email);
                when(!known, Why::Taken)?;
                self.offer(invitation, token_hash);
            }
            Act::RenewInvitation { invitation, token_hash, before } => {
                self.invited(tenant, invitation.id, before)?;
                self.tokens.remove(before);
                self.offer(invitation, token_hash);
            }
            Act::RemoveInvitation { invitation, token_hash } => {
                self.invited(tenant, invitation.id, token_hash)?;
                self.tokens.remove(token_hash);
                self.invitations.remove(&(tenant, invitation.id));
            }
            Act::BeginSession(kept) => {
                self.sessions.insert(kept.token_hash.clone(), kept.session.clone());
            }
            Act::CountSignIn { user, before, at } => {
                let kept = self.standing(tenant, *user, *before)?;
                kept.sign_ins += 1;
                kept.user.last_sign_in_at = Some(*at);
            }
            Act::EndSession { token_hash, .. } => {
                self.sessions.remove(token_hash);
            }
            Act::CreateKey(kept) => {
                self.keys.insert(kept.token_hash.clone(), kept.key.clone());
            }
            Act::RevokeKey { token_hash, .. } => {
                self.keys.remove(token_hash).ok_or(Why::Changed)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Identity for FakeIdentity {
    async fn session(&self, token_hash: &str) -> PortResult<Option<Session>> {
        Ok(locked(&self.state).sessions.get(token_hash).cloned())
    }

    async fn api_key(&self, token_hash: &str) -> PortResult<Option<ApiKey>> {
        Ok(locked(&self.state).keys.get(token_hash).cloned())
    }

    async fn store_api_key(&self, token_hash: &str, key: &ApiKey) -> PortResult<()> {
        locked(&self.state).keys.insert(token_hash.to_owned(), key.clone());
        Ok(())
    }

    async fn owner_of_email(&self, email: &EmailAddress) -> PortResult<Option<(TenantId, UserId)>> {
        Ok(locked(&self.state).emails.get(email).copied())
    }

    async fn one_time_token(&self, token_hash: &str) -> PortResult<Option<OneTimeToken>> {
        Ok(locked(&self.state).tokens.get(token_hash).cloned())
    }

    async fn account(&self, tenant: TenantId) -> PortResult<Option<Account>> {
        Ok(locked(&self.state).accounts.get(&tenant).map(|seated| seated.account.clone()))
    }

    async fn person(&self, tenant: TenantId, user: UserId) -> PortResult<Option<Person>> {
        let state = locked(&self.state);
        let Some(kept) = state.people.get(&(tenant, user)) else { return Ok(None) };
        let own = state.sessions.iter().filter(|(_, session)| session.user == user);
        let mut sessions: Vec<KeptSession> = own
            .map(|(hash, session)| KeptSession { token_hash: hash.clone(), session: session.clone() })
            .collect();
        sessions.sort_by_key(|kept| kept.session.id);
        Ok(Some(Person {
            user: kept.user.clone(),
            credentials: kept.credentials.clone(),
            sessions,
            sign_ins: kept.sign_ins,
        }))
    }

    async fn users(&self, tenant: TenantId) -> PortResult<Vec<User>> {
        let state = locked(&self.state);
        let own = state.people.iter().filter(|((of, _), _)| *of == tenant);
        Ok(own.map(|(_, kept)| kept.user.clone()).collect())
    }

    async fn invitation(
        &self,
        tenant: TenantId,
        id: InvitationId,
    ) -> PortResult<Option<(Invitation, String)>> {
        Ok(locked(&self.state).invitations.get(&(tenant, id)).cloned())
    }

    async fn invitations(&self, tenant: TenantId) -> PortResult<Vec<Invitation>> {
        let state = locked(&self.state);
        let own = state.invitations.iter().filter(|((of, _), _)| *of == tenant);
        Ok(own.map(|(_, (invitation, _))| invitation.clone()).collect())
    }

    async fn api_keys(&self, tenant: TenantId) -> PortResult<Vec<KeptKey>> {
        let state = locked(&self.state);
        let own = state.keys.iter().filter(|(_, key)| key.tenant == tenant);
        let mut found: Vec<KeptKey> =
            own.map(|(hash, key)| KeptKey { token_hash: hash.clone(), key: key.clone() }).collect();
        found.sort_by_key(|kept| kept.key.id);
        Ok(found)
    }

    async fn commit(
        &self,
        tenant: TenantId,
        steps: &[Act],
        entry: Option<&AuditEntry>,
    ) -> PortResult<Committed> {
        {
            let mut state = locked(&self.state);
            let mut after = state.clone();
            for step in steps {
                if let Err(why) = after.apply(tenant, step) {
                    return Ok(Committed::Refused(why));
                }
            }
            *state = after;
        }
        if let Some(entry) = entry {
            self.desk.note(entry).await?;
        }
        Ok(Committed::Done)
    }

    async fn touch_session(&self, _: TenantId, session: &KeptSession, at: Timestamp) -> PortResult<()> {
        if let Some(stored) = locked(&self.state).sessions.get_mut(&session.token_hash) {
            stored.last_used_at = at;
        }
        Ok(())
    }

    async fn touch_api_key(&self, _: TenantId, key: &KeptKey, at: Timestamp) -> PortResult<()> {
        if let Some(stored) = locked(&self.state).keys.get_mut(&key.token_hash) {
            stored.last_used_at = Some(at);
        }
        Ok(())
    }
}
