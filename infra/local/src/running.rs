//! How the command line finds the platform that runs: a file beside the data.

use std::path::Path;

use runtime::Cause;
use serde::{Deserialize, Serialize};

use crate::demo::write_private;

const FILE: &str = "running.json";

/// Where a platform is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Its API.
    pub api_url: String,
    /// Its telephone network.
    pub phone_url: String,
    /// Its demo key.
    pub api_key: String,
}

impl Running {
    /// Notes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), Cause> {
        write_private(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// What was noted; `None` when nothing runs, as far as is known.
    pub fn load(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// Forgets it.
    pub fn forget(folder: &Path) {
        drop(std::fs::remove_file(folder.join(FILE)));
    }
}
