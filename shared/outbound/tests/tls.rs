//! TLS: what is trusted is compiled in. A certificate that only the machine trusts must not be accepted.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outbound::Outbound;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::*;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const NAME: &str = "bidder.example.com";

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        Authority { issuer: CertifiedIssuer::self_signed(params, key).expect("authority") }
    }

    fn root(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// The root as a system's store holds it.
    fn pem(&self) -> String {
        let text = STANDARD.encode(self.root());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// A server that shows a certificate for `name` and answers one line.
    fn serve(&self, name: &str) -> Server {
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("server");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::start(move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                while read_request(&mut stream).await?.is_some() {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
                    stream.flush().await?;
                }
                Ok(())
            }
        })
    }
}

fn network_to(server: &Server) -> Arc<TestNetwork> {
    let network = Arc::new(TestNetwork::default());
    network.address(NAME, &["93.184.215.14"]);
    network.route(PUBLIC, Route::Listener(server.address));
    network
}

#[tokio::test]
async fn a_trusted_certificate_for_the_right_name_is_accepted_and_the_connection_reused() {
    let authority = Authority::new();
    let server = authority.serve(NAME);
    let client = client_trusting(&network_to(&server), "", vec![authority.root()]);
    for _ in 0..3 {
        let answer = client.send(get(format!("https://{NAME}/")), within(5000)).await.expect("answer");
        assert_eq!(answer.body, b"ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_authority_or_another_name_is_refused() {
    let authority = Authority::new();
    let server = authority.serve(NAME);
    let unknown = client(&network_to(&server), "").send(get(format!("https://{NAME}/")), within(5000)).await;
    let unknown = unknown.expect_err("nobody vouches for it");
    assert_eq!((unknown.code(), unknown.is_connect()), ("tls_failed", false));

    let other = authority.serve("another.example.com");
    let client = client_trusting(&network_to(&other), "", vec![authority.root()]);
    let wrong_name =
        client.send(get(format!("https://{NAME}/")), within(5000)).await.expect_err("wrong name");
    assert_eq!(wrong_name.code(), "tls_failed");
}

#[tokio::test]
async fn a_handshake_that_fails_or_hangs_has_its_cause() {
    let garbage = Server::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let plain = Server::start(|mut stream, seen| async move {
        stream.readable().await?;
        write(&mut stream, &seen, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await?;
        until_closed(&mut stream).await
    });
    let closing = Server::start(|stream, _| async move { stream.readable().await });
    for server in [&plain, &closing] {
        let error = client(&network_to(server), "").send(get(format!("https://{NAME}/")), within(5000)).await;
        assert_eq!(error.expect_err("no handshake").code(), "tls_failed");
    }
    let hanging = client(&network_to(&garbage), "").send(get(format!("https://{NAME}/")), within(300)).await;
    assert_eq!(hanging.expect_err("it waits for a request").code(), "timed_out");
}

#[test]
fn a_root_that_cannot_be_read_is_an_error_at_start() {
    let options = outbound::OutboundOptions { extra_roots: vec![vec![1, 2, 3]], ..Default::default() };
    assert!(Outbound::with_options(options).is_err());
}

/// Runs [`a_root_of_the_machine_is_not_trusted`] in a process whose system store holds our test authority.
#[tokio::test]
async fn the_machines_trust_store_is_not_read() {
    let authority = Authority::new();
    let server = authority.serve("127.0.0.1");
    let directory = std::env::temp_dir().join(format!("outbound-roots-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("folder");
    let bundle = directory.join("roots.pem");
    std::fs::write(&bundle, authority.pem()).expect("bundle");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child
        .args(["--exact", "a_root_of_the_machine_is_not_trusted", "--ignored"])
        .env("SSL_CERT_FILE", &bundle)
        .env("SSL_CERT_DIR", &directory)
        .env("TEST_SERVER_PORT", server.port().to_string());
    let output = tokio::task::spawn_blocking(move || child.output()).await.expect("task").expect("child");
    std::fs::remove_dir_all(&directory).expect("clean up");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
#[ignore = "run by the_machines_trust_store_is_not_read, with its environment"]
#[expect(
    clippy::disallowed_methods,
    reason = "the parent process says by the environment where its server is"
)]
async fn a_root_of_the_machine_is_not_trusted() {
    let Ok(port) = std::env::var("TEST_SERVER_PORT") else { return };
    let port: u16 = port.parse().expect("port");
    let error = product_client(port).send(get(format!("https://127.0.0.1:{port}/")), within(5000)).await;
    assert_eq!(error.expect_err("not ours").code(), "tls_failed");
}
