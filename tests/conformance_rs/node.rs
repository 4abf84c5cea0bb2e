//! Child processes of Node that answer one JSON line with one JSON line, and end with the test.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A Node program that was started.
pub struct Node {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Runs a program of `tests/` (path from there).
    ///
    /// # Panics
    /// Node or the packages are missing; the message says what to do.
    pub fn run(program: &str, arguments: &[&str]) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        for package in ["twilio", "typescript", "@stoplight/prism-cli", "@twilio/cli-core"] {
            let installed: PathBuf =
                tests.join("conformance/node_modules").join(package).join("package.json");
            assert!(
                installed.exists(),
                "the npm package {package} is not installed: run `npm ci` in tests/conformance (`make test` does)"
            );
        }
        let started = Command::new("node")
            .arg(tests.join(program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("there is no `node` in the PATH: install Node.js 20.19 or newer")
            }
            Err(error) => panic!("cannot run node: {error}"),
        };
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// The next line it writes.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the Node program ended early; its words are above");
        line.trim_end().to_owned()
    }

    /// Sends all requests and reads as many answers. Writing and reading go on at the same time: neither pipe holds all.
    pub fn ask_all(&mut self, requests: &[Value]) -> Vec<Value> {
        let mut stdin = self.stdin.take().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                for request in requests {
                    writeln!(stdin, "{request}").unwrap();
                }
                stdin.flush().unwrap();
                stdin
            });
            let answers = requests.iter().map(|_| serde_json::from_str(&self.line()).unwrap()).collect();
            self.stdin = Some(writer.join().unwrap());
            answers
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // All of these programs end with their input; the kill is for one that does not.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
