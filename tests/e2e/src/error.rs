//! What can go wrong in the test bed.

use std::path::Path;
use std::sync::Arc;

use kube::core::Status;

/// Why the test bed could not do what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `tests/setup` or `tests/tool` failed or printed something unexpected; it has said why on stderr.
    #[error("setting up the tests: {0}")]
    Setup(String),

    /// A shared server did not start. It is not tried again in this process.
    #[error("{0}")]
    Start(#[source] Arc<Error>),

    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its subject.
        what: String,
        /// The cause.
        source: std::io::Error,
    },

    /// A server ended, or was not ready in time.
    #[error("{server} {why}; the end of its log:\n{log}")]
    Server {
        /// The program's name.
        server: String,
        /// What happened instead of readiness.
        why: String,
        /// The last lines that it wrote.
        log: String,
    },

    /// Something that should come true did not.
    #[error("not within {seconds} s: {what}")]
    Timeout {
        /// The condition waited for.
        what: String,
        /// The limit, in seconds.
        seconds: u64,
    },

    /// The API server answered a write with an error status, e.g. because a CEL rule was not met.
    #[error("{object} was refused ({}): {}", .status.code, .status.message)]
    Refused {
        /// Kind, namespace and name.
        object: String,
        /// The server's own answer.
        status: Box<Status>,
    },

    /// Any other failure of a Kubernetes request.
    #[error("Kubernetes: {0}")]
    Kube(#[source] Box<kube::Error>),

    /// A kubeconfig of the bed could not be read back.
    #[error("kubeconfig: {0}")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),

    /// Text given to the bed is not what it should be.
    #[error("bad input: {0}")]
    Input(String),

    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),

    /// A request to blob storage failed on the way.
    #[error("blob storage: {0}")]
    Http(#[from] reqwest::Error),

    /// Blob storage answered with an unexpected status.
    #[error("blob storage: {what} was answered {status}: {body}")]
    Blob {
        /// Method and URL.
        what: String,
        /// The HTTP status.
        status: reqwest::StatusCode,
        /// The response body.
        body: String,
    },
}

impl Error {
    /// Makes an I/O error say what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Makes an I/O error name its file.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        Self::io(path.display().to_string())
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Kube(Box::new(error))
    }
}

impl From<kube::config::KubeconfigError> for Error {
    fn from(error: kube::config::KubeconfigError) -> Self {
        Self::Kubeconfig(Box::new(error))
    }
}
