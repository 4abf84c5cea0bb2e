//! Twilio's form posts, read strictly and within limits.
//!
//! What must stay true: order and repeats are kept (the signature covers them all); a value is what Twilio sent, decoded but
//! not trimmed; what is malformed or too large is refused here, before anything is looked up; no value is ever printed.

use std::fmt;

/// Largest body in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most parameters.
pub const MAX_PARAMETERS: usize = 200;
/// Longest decoded name in bytes.
pub const MAX_NAME: usize = 256;
/// Longest decoded value in bytes.
pub const MAX_VALUE: usize = 16 * 1024;

/// The parameters of one request, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Why a body is not a form that Twilio sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MAX_BODY`].
    #[error("the form is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// More than [`MAX_PARAMETERS`].
    #[error("the form has more than {MAX_PARAMETERS} parameters")]
    TooManyParameters,
    /// A name longer than [`MAX_NAME`].
    #[error("parameter {position} of the form has a name longer than {MAX_NAME} bytes")]
    NameTooLong {
        /// Counted from one.
        position: usize,
    },
    /// A value longer than [`MAX_VALUE`].
    #[error("parameter {position} of the form has a value longer than {MAX_VALUE} bytes")]
    ValueTooLong {
        /// Counted from one.
        position: usize,
    },
    /// A `%` without two hexadecimal digits after it.
    #[error("parameter {position} of the form holds a broken percent escape")]
    BrokenEscape {
        /// Counted from one.
        position: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("parameter {position} of the form is not UTF-8")]
    NotUtf8 {
        /// Counted from one.
        position: usize,
    },
}

impl Form {
    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// What is malformed or beyond a limit, by position, never by value.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > MAX_BODY {
            return Err(FormError::TooLarge);
        }
        let mut pairs = Vec::new();
        for (index, part) in body.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).enumerate() {
            let position = index + 1;
            if position > MAX_PARAMETERS {
                return Err(FormError::TooManyParameters);
            }
            let equals = part.iter().position(|byte| *byte == b'=');
            let name = decode(&part[..equals.unwrap_or(part.len())], position)?;
            let value = decode(equals.map_or(&[][..], |at| &part[at + 1..]), position)?;
            if name.len() > MAX_NAME {
                return Err(FormError::NameTooLong { position });
            }
            if value.len() > MAX_VALUE {
                return Err(FormError::ValueTooLong { position });
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The first value of this name; letters count.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All parameters in order, for the signature.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The body that [`Form::parse`] reads back to this form.
    pub fn encode(&self) -> String {
        encode(&self.0)
    }
}

impl From<Vec<(String, String)>> for Form {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl fmt::Debug for Form {
    /// Names only: values hold phone numbers.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Writes pairs as an `application/x-www-form-urlencoded` body.
pub fn encode<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn decode(part: &[u8], position: usize) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = rest.next().and_then(hex_digit).ok_or(FormError::BrokenEscape { position })?;
                let low = rest.next().and_then(hex_digit).ok_or(FormError::BrokenEscape { position })?;
                bytes.push(high << 4 | low);
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| FormError::NotUtf8 { position })
}

fn hex_digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
