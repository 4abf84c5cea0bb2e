//! What Lambda does around a function: runs each invocation by itself, ends it at its time-out, survives its panics.
//!
//! What must stay true: an invocation goes on although whoever asked has gone away, as on Lambda; at the end of the process
//! the ones under way are waited for.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::watch;

use crate::functions::Handler;
use crate::template::Template;

/// All functions, ready to be invoked. Clones are the same.
#[derive(Clone)]
pub struct Lambda(Arc<Inside>);

struct Inside {
    functions: BTreeMap<String, (Handler, Duration)>,
    under_way: watch::Sender<usize>,
    killed: AtomicBool,
    kill: Notify,
}

/// An invocation gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It took longer than its time-out.
    #[error("the function took longer than its time-out")]
    TimedOut,
    /// It panicked.
    #[error("the function broke down")]
    Broke,
    /// The process was killed, as far as its functions are concerned.
    #[error("the function's process was killed")]
    Killed,
}

struct UnderWay(Arc<Inside>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Lambda {
    /// The functions with the time-outs of the template.
    pub fn new(handlers: BTreeMap<String, Handler>, template: &Template) -> Self {
        let with_timeout = |(id, handler): (String, Handler)| {
            let timeout =
                template.functions.get(&id).map_or(Duration::from_secs(3), |function| function.timeout);
            (id, (handler, timeout))
        };
        Self(Arc::new(Inside {
            functions: handlers.into_iter().map(with_timeout).collect(),
            under_way: watch::Sender::new(0),
            killed: AtomicBool::new(false),
            kill: Notify::new(),
        }))
    }

    /// A function's handler.
    pub fn handler(&self, function: &str) -> Option<Handler> {
        self.0.functions.get(function).map(|(handler, _)| handler.clone())
    }

    /// Runs one invocation of a function.
    ///
    /// # Errors
    /// [`Failed`]: there is no answer.
    pub async fn run<T, Fut>(&self, function: &str, work: Fut) -> Result<T, Failed>
    where
        T: Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        if self.0.killed.load(Ordering::SeqCst) {
            return Err(Failed::Killed);
        }
        let limit = self.0.functions.get(function).map_or(Duration::from_secs(3), |(_, timeout)| *timeout);
        self.0.under_way.send_modify(|count| *count += 1);
        let (guard, inside) = (UnderWay(self.0.clone()), self.0.clone());
        let invocation = tokio::spawn(async move {
            let _guard = guard;
            tokio::select! {
                answer = tokio::time::timeout(limit, work) => answer.map_err(|_| Failed::TimedOut),
                () = inside.kill.notified() => Err(Failed::Killed),
            }
        });
        let outcome = invocation.await.unwrap_or(Err(Failed::Broke));
        if let Err(failed) = &outcome {
            tracing::error!(function, error = %failed, "an invocation gave no answer");
        }
        outcome
    }

    /// Ends every invocation where it stands and answers none from now on, until [`revive`](Self::revive).
    pub fn kill(&self) {
        self.0.killed.store(true, Ordering::SeqCst);
        self.0.kill.notify_waiters();
    }

    /// Answers again.
    pub fn revive(&self) {
        self.0.killed.store(false, Ordering::SeqCst);
    }

    /// Waits until nothing is under way.
    pub async fn idle(&self) {
        let mut under_way = self.0.under_way.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        drop(under_way.wait_for(|count| *count == 0).await);
    }
}
