//! Who did something, as the audit log and the list of versions show it.

use contract::audit::ActorView;
use domain::audit::Actor;

/// An actor with kind and id.
pub fn shown(actor: Actor) -> ActorView {
    let (kind, id) = match actor {
        Actor::User(id) => ("user", Some(id.to_string())),
        Actor::ApiKey(id) => ("api_key", Some(id.to_string())),
        Actor::System => ("system", None),
        Actor::Visitor => ("visitor", None),
    };
    ActorView { kind: kind.to_owned(), id, name: None }
}
