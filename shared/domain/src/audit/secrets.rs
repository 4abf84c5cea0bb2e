//! Secrets in what tenants save: header values of bidders, tokens in addresses and bodies.

use serde_json::Value;

use super::changes::Segment;

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "***";

/// Whether a field's name says that it holds a secret.
fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let parts = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "secret",
        "token",
        "authorization",
        "credential",
        "apikey",
        "privatekey",
        "accesskey",
        "signature",
    ];
    parts.iter().any(|part| name.contains(part))
        || ["key", "keys", "auth", "pwd", "pass", "sig", "hmac"].contains(&name.as_str())
}

/// Whether a secret is at this place: a field with such a name, or the value of a header.
pub(super) fn is_secret(path: &[Segment]) -> bool {
    path.iter().enumerate().any(|(index, segment)| {
        let Segment::Name(name) = segment else { return false };
        if is_secret_name(name) {
            return true;
        }
        let below = &path[index + 1..];
        // Headers are pairs of name and value: the name may be seen.
        let is_name = matches!(below, [Segment::Index(_), Segment::Index(0)]);
        name.to_ascii_lowercase().contains("header") && !below.is_empty() && !is_name
    })
}

/// The text without the secrets that addresses and JSON bodies carry: `?token=…`, `{"api_key": "…"}`.
pub(super) fn without_secrets(text: &str) -> String {
    if text.trim_start().starts_with(['{', '['])
        && let Ok(mut value) = serde_json::from_str::<Value>(text)
    {
        return if hide(&mut value) { value.to_string() } else { text.to_owned() };
    }
    if !text.contains('=') {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let name = before.rsplit(|sign: char| !(sign.is_ascii_alphanumeric() || "-_.".contains(sign))).next();
        shown.push_str(before);
        shown.push('=');
        rest = after;
        if name.is_some_and(is_secret_name) {
            let ends = |sign: char| sign.is_whitespace() || "&;\"'<>#".contains(sign);
            let length = after.find(ends).unwrap_or(after.len());
            if length > 0 {
                shown.push_str(HIDDEN);
            }
            rest = &after[length..];
        }
    }
    shown.push_str(rest);
    shown
}

/// Hides what is secret inside JSON; whether there was anything.
fn hide(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut found = false;
            for (name, field) in fields.iter_mut() {
                if is_secret_name(name) && !field.is_null() {
                    *field = Value::String(HIDDEN.to_owned());
                    found = true;
                } else {
                    found |= hide(field);
                }
            }
            found
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| hide(item) | found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
