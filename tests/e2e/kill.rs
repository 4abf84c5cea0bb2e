//! `kill -9` of the whole platform, its database included: everything acknowledged is still there after a restart.
//!
//! The storm is in `make soak`; this is its small twin.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use local_platform::client::ApiClient;
use local_platform::running::Running;
use serde_json::Value;
use tokio::process::{Child, Command};

/// The platform as a process of its own.
struct Process {
    child: Child,
    running: Running,
}

async fn start(folder: &Path, port: u16) -> Process {
    // Cargo builds the binary beside the tests; `make test` and CI build the whole workspace first.
    let binary = Path::new(env!("CARGO_BIN_EXE_DIR_HINT"));
    let child = Command::new(binary)
        .args(["run", "--data", folder.to_str().unwrap(), "--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let id = child.id();
    for _ in 0..600 {
        if let Some(running) = Running::load(folder).filter(|running| Some(running.pid) == id) {
            return Process { child, running };
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the platform did not start");
}
