//! The spellings of one URL that Twilio may have signed.
//!
//! Twilio signs the URL it was given, but its back ends do not agree on the port, and some signed a re-encoded query. Each
//! spelling is made by cutting and joining text: a URL library would lower-case the host, drop a default port and tidy the
//! path, and every one of these breaks a signature. What must stay true: the first spelling is the URL as received, without
//! its port and fragment; host letters are never touched.

/// A URL cut at its seams; joined again, the parts give the text they came from.
struct Parts<'a> {
    /// With `://`.
    scheme: &'a str,
    /// With `@`, or empty.
    user_info: &'a str,
    host: &'a str,
    /// With `:`, or empty.
    port: &'a str,
    path: &'a str,
    /// Without `?`; `None` when there is no `?`.
    query: Option<&'a str>,
}

/// Every spelling to compare a signature with, most likely first, none twice.
pub(crate) fn url_forms(url: &str) -> Vec<String> {
    let url = url.split('#').next().unwrap_or_default();
    let Some(parts) = cut(url) else {
        return vec![url.to_owned()];
    };
    let standard_port = if parts.scheme.eq_ignore_ascii_case("https://") { ":443" } else { ":80" };
    let with_port = if parts.port.is_empty() { standard_port } else { parts.port };

    let mut forms = Vec::new();
    for rest in rests(&parts) {
        for port in ["", with_port] {
            let form = format!("{}{}{}{port}{rest}", parts.scheme, parts.user_info, parts.host);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The value of `bodySHA256` in the URL's query, as written there.
pub(crate) fn body_hash(url: &str) -> Option<&str> {
    let url = url.split('#').next()?;
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256="))
}

fn cut(url: &str) -> Option<Parts<'_>> {
    let scheme_end = url.find("://")? + 3;
    let (scheme, after) = url.split_at(scheme_end);
    let (authority, rest) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
    let (user_info, host_and_port) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    // The colons inside an IPv6 literal are not the port's.
    let literal_end = host_and_port.rfind(']').map_or(0, |bracket| bracket + 1);
    let port_start =
        host_and_port[literal_end..].find(':').map_or(host_and_port.len(), |colon| literal_end + colon);
    let (host, port) = host_and_port.split_at(port_start);
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    Some(Parts { scheme, user_info, host, port, path, query })
}

/// Path and query: as received, escaped as browsers' URL parsers do, and with the query taken apart and put together again.
fn rests(parts: &Parts<'_>) -> Vec<String> {
    let join = |path: &str, query: Option<&str>| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let escaped_path = if parts.path.is_empty() { "/".to_owned() } else { escape(parts.path, b"\"<>`{}^") };
    let escaped_query = parts.query.map(|query| escape(query, b"\"<>'"));
    let mut rests = vec![join(parts.path, parts.query), join(&escaped_path, escaped_query.as_deref())];
    if let Some(query) = parts.query.filter(|query| !query.is_empty()) {
        let rebuilt = rebuild_query(query);
        rests.push(join(parts.path, Some(&rebuilt)));
        rests.push(join(&escaped_path, Some(&rebuilt)));
    }
    rests
}

/// Percent-encodes spaces, controls, characters beyond ASCII, and those listed.
fn escape(text: &str, listed: &[u8]) -> String {
    encode(text, |byte| byte > b' ' && byte < 0x7f && !listed.contains(&byte))
}

/// The query as JavaScript's older query functions write it after reading it: values of a name stand together, names that
/// are whole numbers come first in order, and all but letters, digits and `-_.!~*'()` is percent-encoded.
fn rebuild_query(query: &str) -> String {
    /// Those functions read no more pairs than this.
    const MOST_PAIRS: usize = 1000;
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned().take(MOST_PAIRS) {
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    names.sort_by_key(|(name, _)| array_index(name).unwrap_or(u32::MAX));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let pairs: Vec<String> = names
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        .map(|(name, value)| format!("{}={}", encode(name, plain), encode(value, plain)))
        .collect();
    pairs.join("&")
}

/// The number a JavaScript object would order this name by.
fn array_index(name: &str) -> Option<u32> {
    name.parse().ok().filter(|index: &u32| *index != u32::MAX && index.to_string() == name)
}

/// Percent-encodes (upper-case, UTF-8) every byte that is not kept.
pub(crate) fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii() && keep(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
