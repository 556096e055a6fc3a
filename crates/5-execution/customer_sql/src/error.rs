//! What can go wrong in a customer's database. The database's own message is passed on (the builder needs it), the
//! connection's details are not.

/// Why a query gave no rows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the statement could not be read: {message}")]
    Unreadable { message: String },
    #[error("only one statement may be run at a time")]
    SeveralStatements,
    #[error("{what} is not allowed: the SQL scope is {scope}")]
    OutOfScope { what: String, scope: crate::Scope },
    #[error("{what} is never allowed here")]
    Forbidden { what: String },
    #[error("the statement has {expected} parameters and {given} were given")]
    Parameters { expected: usize, given: usize },
    #[error("parameter {position} cannot be given to this database: {why}")]
    Parameter { position: usize, why: &'static str },
    #[error("SQLite databases are not set up on this server")]
    SqliteNotConfigured,
    #[error("the database file is not inside the configured folder")]
    OutsideFolder,
    #[error("there is no such database file")]
    NoSuchFile,
    #[error("the database could not be reached")]
    Egress(#[from] egress::Error),
    #[error("the database does not offer an encrypted connection")]
    NoTls,
    #[error("the database did not accept the credential")]
    Unauthorized,
    #[error("the connection to the database failed")]
    Connection,
    #[error("the statement took longer than {} ms", limit.as_millis())]
    TimedOut { limit: std::time::Duration },
    #[error("the database refused the statement: {message}")]
    Database { code: Option<String>, message: String },
}

impl Error {
    /// The same statement may succeed later.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Egress(error) => error.may_retry(),
            Self::Connection | Self::TimedOut { .. } => true,
            // serialization failure, deadlock, too many connections, admin shutdown, cannot connect now
            Self::Database { code: Some(code), .. } => {
                matches!(code.as_str(), "40001" | "40P01" | "53300" | "57P01" | "57P03" | "5" | "6")
            }
            _ => false,
        }
    }
}
