//! Cursors that hold for one tenant and one list.
//!
//! A position is only useful where it came from: under another order, range or search it would skip and repeat. So it is
//! sealed with a fingerprint of all that, and a cursor that was changed, mixed up or made up is refused. It is no
//! secret and gives no right to anything.

use app::api_keys;
use contract::page;
use contract::problem::Code;
use domain::ids::TenantId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

#[derive(Serialize, Deserialize)]
struct Sealed<P> {
    at: P,
    seal: String,
}

/// The cursor of a position in a list; `list` names everything that shapes the list.
pub fn seal<P: Serialize>(tenant: TenantId, list: &str, at: P) -> Option<String> {
    let seal = fingerprint(tenant, list, &at)?;
    page::encode(&Sealed { at, seal })
}

/// The position of a cursor that [`seal`] made for the same tenant and list.
///
/// # Errors
/// It is none, or of another tenant or list.
pub fn open<P: Serialize + DeserializeOwned>(
    tenant: TenantId,
    list: &str,
    cursor: &str,
) -> Result<P, Refusal> {
    let sealed: Option<Sealed<P>> = page::decode(cursor).ok();
    sealed
        .filter(|sealed| fingerprint(tenant, list, &sealed.at).as_deref() == Some(sealed.seal.as_str()))
        .map(|sealed| sealed.at)
        .ok_or_else(|| {
            Refusal::new(Code::InvalidCursor, "give back `next` unchanged, with the same other parameters")
        })
}

fn fingerprint<P: Serialize>(tenant: TenantId, list: &str, at: &P) -> Option<String> {
    let position = serde_json::to_string(at).ok()?;
    let whole = api_keys::hash(&format!("{tenant}\n{list}\n{position}"));
    whole.get(..32).map(str::to_owned)
}
