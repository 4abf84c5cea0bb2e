//! Neither of the verifiers that read the system's roots is used; the build is told not to gather CPU jitter.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const CHILD: &str = "RUNTIME_TLS_TEST_CHILD";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A server on the loopback address whose certificate the *system* trusts (see the child below); it answers SQS requests.
async fn trusted_by_the_system_only() -> u16 {
    let pem =
        fs::read_to_string(std::env::var_os("SSL_CERT_FILE").expect("set by the parent")).expect("readable");
    let key = fs::read(std::env::var_os(CHILD).expect("set by the parent")).expect("readable");
    let certificate = tokio_rustls::rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
        .expect("a certificate");
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key).expect("a key"))
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut buffer = vec![0; 16 * 1024];
                let read = stream.read(&mut buffer).await;
                if read.is_ok_and(|bytes| bytes > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
                    drop(stream.write_all(answer).await);
                }
            });
        }
    });
    port
}

async fn list_queues(config: &aws_config::SdkConfig) -> bool {
    aws_sdk_sqs::Client::new(config).list_queues().send().await.is_ok()
}

#[test]
fn a_certificate_that_only_the_system_trusts_is_refused() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("callcenter-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("root.pem"), folder.join("key.der"));
    fs::write(&certificate, pair.cert.pem()).expect("written");
    fs::write(&key, pair.signing_key.serialize_der()).expect("written");
    // The system's roots are read once per process and from the environment, so this needs a process of its own.
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child_with_the_systems_roots", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", &certificate)
        .env_remove("SSL_CERT_DIR")
        .env(CHILD, &key)
        .output()
        .expect("the child ran");
    drop(fs::remove_dir_all(&folder));
    let said =
        format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above in a process with other system roots"]
fn child_with_the_systems_roots() {
    let work = async {
        let port = trusted_by_the_system_only().await;
        let endpoint = format!("https://localhost:{port}");
        let ours = runtime::aws::config_for_stand_in(&endpoint).await.expect("a configuration");
        assert!(!list_queues(&ours).await, "the system's roots were used");

        let system = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(
                TlsContext::builder()
                    .with_trust_store(TrustStore::empty().with_native_roots(true))
                    .build()
                    .expect("a context"),
            )
            .build_https();
        let system = ours.into_builder().http_client(system).build();
        assert!(list_queues(&system).await, "the same client with the system's roots would have been let in");
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), work).await.expect("in time") });
}

#[test]
fn the_compiled_in_roots_are_accepted_by_the_client() {
    // Making the connector reads every root and panics on a broken one.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let config = runtime::aws::config_for_stand_in("https://127.0.0.1:9").await.expect("a configuration");
        assert!(!list_queues(&config).await, "nobody listens there");
    });
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_product_source_builds_a_client_that_reads_the_systems_roots() {
    let mut sources = Vec::new();
    for folder in ["shared", "functions"] {
        for package in fs::read_dir(root().join(folder)).expect("a folder").flatten() {
            // What the simulators do is not what the product does.
            if package.file_name() != "testkit" {
                rust_files(&package.path().join("src"), &mut sources);
            }
        }
    }
    assert!(sources.len() > 30, "only {} files were found", sources.len());
    for source in sources {
        let text = fs::read_to_string(&source).expect("readable");
        for reader in ["platform_verifier", "native_roots", "native_certs", "default_https_client"] {
            assert!(!text.contains(reader), "{} mentions {reader}", source.display());
        }
        if text.contains("reqwest::Client::builder")
            || text.contains("Client::builder()") && text.contains("use reqwest")
        {
            assert!(
                text.contains("tls_certs_only"),
                "{} builds a client with default roots",
                source.display()
            );
        }
    }
}

#[test]
fn neither_build_nor_functions_gather_cpu_jitter() {
    let cargo = fs::read_to_string(root().join(".cargo/config.toml")).expect("readable");
    assert!(cargo.contains("AWS_LC_SYS_NO_JITTER_ENTROPY = \"1\""), "{cargo}");
    let template = fs::read_to_string(root().join("template.yaml")).expect("readable");
    assert!(template.contains("AWS_LC_SYS_NO_JITTER_ENTROPY: \"1\""));
}
