//! One way to page: `items`, and `next` to be given back as `cursor`.
//!
//! A cursor is opaque to clients. It holds a position, never a permission: the tenant comes from the key, and whatever a
//! forged cursor says is checked again by whoever uses it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest cursor that is read, characters.
pub const MAX_CURSOR: usize = 2_048;

/// Some of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The text is not a cursor for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotACursor;

/// Writes a position as a cursor; `None` when it cannot be written as JSON.
pub fn encode<P: Serialize>(position: &P) -> Option<String> {
    serde_json::to_vec(position).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// Reads a cursor.
///
/// # Errors
/// It is longer than [`MAX_CURSOR`], or not what [`encode`] writes for this kind of position.
pub fn decode<P: DeserializeOwned>(cursor: &str) -> Result<P, NotACursor> {
    if cursor.len() > MAX_CURSOR {
        return Err(NotACursor);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| NotACursor)?;
    serde_json::from_slice(&json).map_err(|_| NotACursor)
}
