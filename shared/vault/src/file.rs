//! Data keys in a file outside the table: for the local platform, where there is no KMS.
//!
//! One key per line, 64 hex digits, oldest first. What must stay true: only its owner may read the file; two processes that
//! make it at once end up with the same key; a reader never sees half of it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use app::ports::{PortError, PortResult};
use async_trait::async_trait;

use crate::keys::{DataKey, KEY_LENGTH, KeyId, KeySource};

const READ: &str = "read the vault's key file";
const WRITE: &str = "write the vault's key file";

/// Data keys in a file; it is made on first use.
#[derive(Debug, Clone)]
pub struct FileKeys {
    path: PathBuf,
}

/// The file cannot be used. Says what to do, never what stands in it.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("line {line} of {path} is not a key: 64 hex digits are expected")]
    Line { path: String, line: usize },
    #[error("others than its owner may use {path}: allow it to the owner only (chmod 600)")]
    Open { path: String },
    #[error("{path} changed meanwhile: look whether it has enough keys")]
    Overtaken { path: String },
}

impl FileKeys {
    /// Keys in this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The keys as they stand in the file; `None` when there is no file.
    fn read(&self) -> PortResult<Option<Vec<[u8; KEY_LENGTH]>>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PortError::failed(READ, error)),
        };
        if !is_private(&self.path).map_err(|cause| PortError::failed(READ, cause))? {
            return Err(PortError::failed(READ, Unusable::Open { path: self.shown() }));
        }
        let keys = text.lines().enumerate().map(|(index, line)| {
            let wrong = || Unusable::Line { path: self.shown(), line: index + 1 };
            from_hex(line).ok_or_else(|| PortError::corrupt(READ, wrong()))
        });
        keys.collect::<PortResult<Vec<_>>>().map(Some)
    }

    /// Puts the whole file beside its place; whoever calls moves it there.
    fn written_beside(&self, keys: &[[u8; KEY_LENGTH]]) -> std::io::Result<PathBuf> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension(format!("{}.new", uuid::Uuid::now_v7().as_simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        for key in keys {
            writeln!(file, "{}", to_hex(key))?;
        }
        file.sync_all()?;
        Ok(beside)
    }

    /// Makes the file with its first key, unless it is there by now.
    fn make(&self) -> PortResult<()> {
        let key = random_key()?;
        let made = || {
            let beside = self.written_beside(&[key])?;
            // A link is never made over a file that exists: the first one wins.
            let linked = fs::hard_link(&beside, &self.path);
            fs::remove_file(&beside)?;
            match linked {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                other => other,
            }
        };
        made().map_err(|cause: std::io::Error| PortError::failed(WRITE, cause))
    }

    fn add(&self, known: usize) -> PortResult<KeyId> {
        let mut keys = self.read()?.unwrap_or_default();
        let overtaken = || PortError::failed(WRITE, Unusable::Overtaken { path: self.shown() });
        if keys.len() != known {
            return Err(overtaken());
        }
        keys.push(random_key()?);
        let id = id_at(keys.len() - 1).ok_or_else(overtaken)?;
        let replaced = self.written_beside(&keys).and_then(|beside| fs::rename(beside, &self.path));
        replaced.map_err(|cause| PortError::failed(WRITE, cause))?;
        Ok(id)
    }

    fn keys(&self, known: usize, make: bool) -> PortResult<Vec<DataKey>> {
        let mut found = self.read()?;
        if found.is_none() && make {
            self.make()?;
            found = self.read()?;
        }
        let found = found.unwrap_or_default();
        let new = found.iter().enumerate().skip(known);
        new.filter_map(|(index, bytes)| Some(DataKey::derive(id_at(index)?, bytes))).collect()
    }
}

#[async_trait]
impl KeySource for FileKeys {
    async fn keys_after(&self, known: usize, make: bool) -> PortResult<Vec<DataKey>> {
        let keys = self.clone();
        let read = tokio::task::spawn_blocking(move || keys.keys(known, make)).await;
        read.map_err(|cause| PortError::failed(READ, cause))?
    }

    async fn make_next(&self, known: usize) -> PortResult<KeyId> {
        let keys = self.clone();
        let added = tokio::task::spawn_blocking(move || keys.add(known)).await;
        added.map_err(|cause| PortError::failed(WRITE, cause))?
    }
}

fn id_at(index: usize) -> Option<KeyId> {
    KeyId::numbered(u32::try_from(index + 1).ok()?)
}

fn random_key() -> PortResult<[u8; KEY_LENGTH]> {
    let mut key = [0; KEY_LENGTH];
    aws_lc_rs::rand::fill(&mut key).map_err(|cause| PortError::failed(WRITE, cause))?;
    Ok(key)
}

#[cfg(unix)]
fn is_private(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode().trailing_zeros() >= 6)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> std::io::Result<bool> {
    Ok(true)
}

fn to_hex(key: &[u8; KEY_LENGTH]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(line: &str) -> Option<[u8; KEY_LENGTH]> {
    if line.len() != 2 * KEY_LENGTH || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_LENGTH];
    for (byte, digits) in key.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}
