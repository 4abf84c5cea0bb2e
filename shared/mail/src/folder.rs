//! Mail into a folder, one file per message: for the local platform and for tests.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{Mail, Mailer, PortError, PortResult};
use async_trait::async_trait;

const WRITE: &str = "put an e-mail into the folder";

/// Told one line for each message.
pub type Announce = dyn Fn(&str) + Send + Sync;

/// Puts each message into a file of its own. The names sort by time; the folder is made when the first one comes.
#[derive(Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    announce: Option<Arc<Announce>>,
}

impl fmt::Debug for FolderMailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FolderMailer").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl FolderMailer {
    /// Into this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), announce: None }
    }

    /// Says `mail to a***@example.com: <file>` for each message.
    #[must_use]
    pub fn announcing(mut self, announce: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.announce = Some(Arc::new(announce));
        self
    }
}

/// Written beside and renamed, so that a reader sees a whole message or none.
fn write(folder: &Path, text: &str) -> std::io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let name = uuid::Uuid::now_v7().as_simple().to_string();
    let unfinished = folder.join(format!(".{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&unfinished)?.write_all(text.as_bytes())?;
    let path = folder.join(format!("{name}.txt"));
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        let subject: String = mail.subject.chars().filter(|sign| !sign.is_control()).collect();
        let text = format!("To: {}\nSubject: {subject}\n\n{}\n", mail.to.as_str(), mail.text);
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write(&folder, &text)).await;
        let written = written.map_err(|cause| PortError::failed(WRITE, cause))?;
        let path = written.map_err(|cause| PortError::failed(WRITE, cause))?;
        if let Some(announce) = &self.announce {
            announce(&format!("mail to {}: {}", mail.to.masked(), path.display()));
        }
        Ok(())
    }
}
