//! SIP addresses: `{bid id}@{our host}` is what a publisher calls, `{number}@{their host}` is whom the call is from.
//!
//! Publishers' systems write both in their own ways; what must stay true: letters may be in either case, a number reads here
//! as it reads in a ping, and a text that is neither is `None`, never a guess.

use super::ping::number;
use crate::ids::InboundBidId;
use crate::phone::E164;

/// Whether it is a SIP address at all.
pub fn is_sip(address: &str) -> bool {
    user(address).is_some()
}

/// The bid whose address was called.
pub fn bid_of_address(called: &str) -> Option<InboundBidId> {
    let user = user(called)?.to_ascii_lowercase();
    format!("RTB{}", user.strip_prefix("rtb")?).parse().ok()
}

/// The number in a caller's address, as a ping would name it.
pub fn caller_of_address(from: &str) -> Option<E164> {
    let user = user(from)?;
    // Behind a semicolon stand parameters, such as the context of a local number.
    let user = user.split(';').next()?;
    number(&user.replace("%2B", "+").replace("%2b", "+"))
}

/// What stands before the `@`.
fn user(address: &str) -> Option<&str> {
    let scheme =
        |scheme: &&str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let scheme = ["sips:", "sip:"].into_iter().find(scheme)?;
    let (user, _) = address.get(scheme.len()..)?.split_once('@')?;
    // A password may follow the user; nobody should send one.
    user.split(':').next().filter(|user| !user.is_empty())
}
