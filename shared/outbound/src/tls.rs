//! TLS settings: the compiled-in root certificates and nothing of the machine's.
//!
//! What must stay true: every certificate is verified against these roots and the URL's host, with TLS 1.2 or 1.3.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::OutboundSetupError;

/// `extra_roots`: DER certificates trusted besides the compiled-in ones.
pub(crate) fn connector(extra_roots: &[Vec<u8>]) -> Result<TlsConnector, OutboundSetupError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(CertificateDer::from(root.clone())).map_err(|source| OutboundSetupError {
            what: "an extra root certificate cannot be read",
            source,
        })?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| OutboundSetupError { what: "no TLS version is available", source })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
