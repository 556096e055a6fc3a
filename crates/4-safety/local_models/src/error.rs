//! Why the model cannot be loaded or used.

use std::{path::PathBuf, sync::Arc};

/// What is wrong with the file or the machine. Callers of [`LocalModel`](crate::LocalModel) see it as
/// [`models::Error::Local`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("the model file {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("the model file says nothing about {key}")]
    Missing { key: String },
    #[error("models with {what} are not supported")]
    Unsupported { what: String },
    #[error("the model file is damaged: {what}")]
    Damaged { what: String },
    #[error("the chat template of the model file does not work: {what}")]
    Template { what: String },
    #[error("the model could not be computed")]
    Compute(#[from] Arc<candle_core::Error>),
    #[error("the model's thread has ended")]
    Ended,
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(Arc::new(error))
    }
}

impl From<Error> for models::Error {
    fn from(error: Error) -> Self {
        Self::Local { what: error.to_string() }
    }
}
