//! The number script of web pages: which version the snippets name, and what stands in a page.

use serde::{Deserialize, Serialize};

/// What was released last; `web/dni/build.mjs` writes it.
const MANIFEST: &str = include_str!("../../../web/dni/releases/manifest.json");

/// A release of the script.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// Its version, which is part of its address.
    pub version: String,
    /// The hash of its bytes, as browsers check it.
    pub integrity: String,
}

/// The latest release; `None`: what was written cannot be read.
pub fn latest() -> Option<Release> {
    serde_json::from_str(MANIFEST).ok()
}

/// What is put into a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Snippet {
    /// One line, as near to the top of the page as can be. Its bytes are those that `integrity` names, for ever.
    pub html: String,
    /// For pages or mails without script: a link that dials a number of the visitor's own, and a picture that notes the visit.
    pub no_script_html: String,
    /// The script's address.
    pub script_url: String,
    /// The hash of its bytes.
    pub integrity: String,
    /// Its version.
    pub version: String,
}

impl Snippet {
    /// The snippet of a tag. The origin is where lookups are answered, without a slash at the end.
    pub fn of(origin: &str, tag: &str, release: Release) -> Self {
        let Release { version, integrity } = release;
        let script_url = format!("{origin}/dni/{version}/ccp.js");
        Self {
            html: format!(
                r#"<script async src="{script_url}" data-tag="{tag}" integrity="{integrity}" crossorigin="anonymous"></script>"#
            ),
            no_script_html: format!(
                r#"<a href="{origin}/dni/call/{tag}">Call us</a><img src="{origin}/dni/visit/{tag}.gif" width="1" height="1" alt="">"#
            ),
            script_url,
            integrity,
            version,
        }
    }
}
