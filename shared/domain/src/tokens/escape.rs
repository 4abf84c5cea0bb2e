//! Writing a value so that it stays a value in the place where it stands.

/// Where in a request a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Inside a JSON string.
    Json,
    /// In a URL's path or query.
    Url,
    /// In a form's body, which writes a space as `+`.
    Form,
    /// In the text or an attribute of an XML document.
    Xml,
    /// In a header's value.
    Header,
    /// In plain text, which has no syntax to break.
    Text,
}

impl Place {
    /// Writes a value for this place.
    pub(super) fn escape(self, value: &str, out: &mut String) {
        match self {
            Self::Json => json(value, out),
            Self::Url => percent(value, out, |byte| unreserved(byte).then_some(char::from(byte))),
            Self::Form => percent(value, out, |byte| match byte {
                b' ' => Some('+'),
                _ => unreserved(byte).then_some(char::from(byte)),
            }),
            Self::Xml => xml(value, out),
            // Only printable ASCII can be sent in a header; a per cent sign stays as it is, whoever reads it.
            Self::Header => {
                let sent: String = value.chars().filter(|character| !character.is_control()).collect();
                percent(&sent, out, |byte| {
                    (byte == b' ' || byte.is_ascii_graphic()).then_some(char::from(byte))
                });
            }
            Self::Text => {
                out.extend(value.chars().filter(|sign| !sign.is_control() || "\r\n\t".contains(*sign)))
            }
        }
    }
}

const fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn percent(value: &str, out: &mut String, as_it_is: impl Fn(u8) -> Option<char>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        match as_it_is(byte) {
            Some(character) => out.push(character),
            None => {
                let digit = |four: u8| char::from(HEX.get(usize::from(four)).copied().unwrap_or(b'0'));
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

fn json(value: &str, out: &mut String) {
    if !value.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(value);
        return;
    }
    let quoted = serde_json::Value::String(value.to_owned()).to_string();
    out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
}

/// Line breaks and tabs are written as references: as themselves an attribute would turn them into spaces. What XML cannot
/// hold at all is left out.
fn xml(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(character),
        }
    }
}
