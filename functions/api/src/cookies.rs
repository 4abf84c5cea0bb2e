//! The cookie of a signed-in browser.
//!
//! What must stay true: it is `__Host-` (this host only, over TLS only, the whole site), out of reach of scripts, and is not
//! sent along from other sites' forms. Over plain HTTP a browser takes no `__Host-` cookie, so an installation at
//! `http://localhost` or a loopback address uses the plain name; settings refuse plain HTTP anywhere else.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

const SECURE: &str = "__Host-ccp_session";
const PLAIN: &str = "ccp_session";
/// Longer values are none of ours.
const MAX_TOKEN: usize = 200;

fn is_plain(app_origin: &str) -> bool {
    app_origin.starts_with("http://")
}

fn name(app_origin: &str) -> &'static str {
    if is_plain(app_origin) { PLAIN } else { SECURE }
}

/// The session's token, when the request has exactly one cookie of our name.
pub fn session(headers: &HeaderMap, app_origin: &str) -> Option<String> {
    let wanted = name(app_origin);
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned());
    let token = found.next().filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN)?;
    // Two of them: somebody else put one there.
    if found.next().is_some() { None } else { Some(token) }
}

/// `Set-Cookie` that signs the browser in for so many seconds.
pub fn set_session(app_origin: &str, token: &str, seconds: u64) -> Option<HeaderValue> {
    let secure = if is_plain(app_origin) { "" } else { "; Secure" };
    let cookie =
        format!("{}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", name(app_origin));
    HeaderValue::from_str(&cookie).ok()
}

/// `Set-Cookie` that signs the browser out.
pub fn clear_session(app_origin: &str) -> Option<HeaderValue> {
    set_session(app_origin, "", 0)
}
