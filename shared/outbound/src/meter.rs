//! A connection that counts what is read for one answer, and stops at [`limits::WIRE_BYTES`].
//!
//! What must stay true: the count starts again only when we send, which a peer cannot make us do. HTTP/1 without
//! pipelining means that everything read after a request belongs to its answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;

/// A plain or TLS stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The peer sent more than one answer may take.
#[derive(Debug, thiserror::Error)]
#[error("more than {} bytes were sent for one answer", limits::WIRE_BYTES)]
pub(crate) struct WireLimitExceeded;

pub(crate) struct Metered {
    stream: Box<dyn Stream>,
    read_since_send: usize,
}

impl Metered {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Metered {
        Metered { stream, read_since_send: 0 }
    }
}

impl Connection for Metered {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_since_send > limits::WIRE_BYTES {
            return Poll::Ready(Err(io::Error::other(WireLimitExceeded)));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.read_since_send += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.read_since_send = 0;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.read_since_send = 0;
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
