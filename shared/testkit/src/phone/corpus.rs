//! Keeps every TwiML document that was received, so that a check outside this process can judge each of them.
//!
//! One file per process, one JSON object per line: `{"id","kind","xml"}`, kind `voice` or `whisper`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use serde::Serialize;

use super::locked;

/// The variable that names the folder when the configuration does not.
pub(super) const VARIABLE: &str = "TWIML_CORPUS_DIR";

/// Where documents go. The file is opened when the first one comes.
#[derive(Debug)]
pub(super) struct Corpus {
    folder: PathBuf,
    file: Mutex<Option<File>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    kind: &'a str,
    xml: &'a str,
}

impl Corpus {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, file: Mutex::default() }
    }

    /// Adds a document, as one write, so that networks in the same process do not mix their lines.
    pub(super) fn add(&self, id: &str, whisper: bool, xml: &str) -> io::Result<()> {
        let kind = if whisper { "whisper" } else { "voice" };
        let mut line = serde_json::to_vec(&Entry { id, kind, xml }).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = locked(&self.file);
        if file.is_none() {
            std::fs::create_dir_all(&self.folder)?;
            let path = self.folder.join(format!("phone-{}.ndjson", std::process::id()));
            *file = Some(OpenOptions::new().create(true).append(true).open(path)?);
        }
        file.as_mut().map_or(Ok(()), |file| file.write_all(&line))
    }
}
