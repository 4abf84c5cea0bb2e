//! Who did something, as the audit log and the list of versions show it: with their names, as far as they are known today.

use std::collections::HashMap;

use contract::audit::ActorView;
use domain::audit::Actor;
use domain::ids::TenantId;

use crate::context::Context;
use crate::refusal::Refusal;

/// Names of a tenant's users and API keys. Somebody who was removed has none any more.
pub struct Names(HashMap<Actor, String>);

impl Names {
    /// The names that are needed for these actors: one read for users, one for keys, none for the platform itself.
    ///
    /// # Errors
    /// The table does not answer.
    pub async fn of(
        context: &Context,
        tenant: TenantId,
        actors: impl Iterator<Item = Actor> + Clone,
    ) -> Result<Self, Refusal> {
        let mut names = HashMap::new();
        if actors.clone().any(|actor| matches!(actor, Actor::User(_))) {
            let users = context.identity.users(tenant).await?;
            names.extend(users.into_iter().map(|user| (Actor::User(user.id), user.name)));
        }
        if actors.clone().any(|actor| matches!(actor, Actor::ApiKey(_))) {
            let keys = context.identity.api_keys(tenant).await?;
            names.extend(keys.into_iter().map(|kept| (Actor::ApiKey(kept.key.id), kept.key.name)));
        }
        Ok(Self(names))
    }

    /// An actor with kind, id and name.
    pub fn shown(&self, actor: Actor) -> ActorView {
        let (kind, id) = match actor {
            Actor::User(id) => ("user", Some(id.to_string())),
            Actor::ApiKey(id) => ("api_key", Some(id.to_string())),
            Actor::System => ("system", None),
            Actor::Visitor => ("visitor", None),
        };
        ActorView { kind: kind.to_owned(), id, name: self.0.get(&actor).cloned() }
    }
}
