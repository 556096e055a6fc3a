use domain::RunStatus;

/// Why the engine did not do what it was asked. A run that fails is no error here: it is a [`Finished`](crate::Finished).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The principal may not.
    #[error(transparent)]
    Refused(#[from] authz::Refused),
    /// No such run or approval in this team and environment.
    #[error("{what} is not there")]
    Missing { what: &'static str },
    /// The run, or the approval, is in a state that does not allow it.
    #[error("{why}")]
    State { why: &'static str },
    /// The workflow's policy allows no more runs in this window (R200).
    #[error("the workflow has had {max_runs} runs in the last {window_seconds} s, as many as its policy allows")]
    TooManyRuns { max_runs: u64, window_seconds: u64 },
    /// The team has started as many runs this month as it allows itself.
    #[error("{limit} runs were started this month, as many as the team allows itself here")]
    MonthSpent { limit: u64, ends_at: Option<domain::Timestamp> },
    /// The node that was to start the run is no trigger of the workflow.
    #[error("{node:?} is not a trigger of this workflow")]
    NoSuchTrigger { node: String },
    /// The version that the run needs cannot be loaded.
    #[error("version {version} of the workflow cannot be loaded")]
    NoSuchVersion { version: String },
    /// The run ended with that status, which this does not apply to.
    #[error("the run is {status}")]
    NotFailed { status: RunStatus },
    /// What was sealed does not open, or could not be sealed.
    #[error("a value of the run could not be sealed or opened")]
    Sealed,
    /// Storage. `is_unavailable` errors may be tried again; nothing has happened.
    #[error("storage")]
    Store(#[source] store::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Missing { what } => Self::Missing { what },
            store::Error::Refused { what } => Self::State { why: what },
            error => Self::Store(error),
        }
    }
}
