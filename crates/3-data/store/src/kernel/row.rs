//! One row of an answer, from either database.

use domain::{
    ApiKeyId, AuditId, CredentialId, DeadLetterId, Environment, FindingId, InvitationId, Json, LeaseId, RequestId,
    Role, RunId, RunStatus, ServiceAccountId, SessionId, SiemId, TeamId, Timestamp, UserId, WebhookId, WorkflowId,
};
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{Error, Result};

/// A row. Columns are read by name: `row.get::<TeamId>("team")?`; an absent value needs `Option<_>`.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub fn get<T: Column>(&self, name: &str) -> Result<T> {
        T::read(self, name)
    }
    /// A column that holds JSON as text.
    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_str(&self.get::<String>(name)?).map_err(|source| Error::corrupt(name, source))
    }
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    fn read_option(row: &Row, name: &str) -> Result<Option<Self>>;
    fn read(row: &Row, name: &str) -> Result<Self> {
        Self::read_option(row, name)?.ok_or_else(|| Error::corrupt(name, "it is NULL"))
    }
}

impl<T: Column> Column for Option<T> {
    fn read_option(row: &Row, name: &str) -> Result<Option<Self>> {
        T::read_option(row, name).map(Some)
    }
    fn read(row: &Row, name: &str) -> Result<Self> {
        T::read_option(row, name)
    }
}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Column for $type {
            fn read_option(row: &Row, name: &str) -> Result<Option<Self>> {
                match row {
                    Row::Sqlite(row) => row.try_get_unchecked::<Option<$type>, _>(name),
                    Row::Postgres(row) => row.try_get::<Option<$type>, _>(name),
                }
                .map_err(|source| Error::corrupt(name, source))
            }
        }
    )*};
}
plain! { i64 f64 bool String Vec<u8> Uuid }

macro_rules! made_from {
    ($($type:ty = $plain:ty => |$value:ident| $expression:expr;)*) => {$(
        impl Column for $type {
            fn read_option(row: &Row, name: &str) -> Result<Option<Self>> {
                let Some($value) = <$plain>::read_option(row, name)? else { return Ok(None) };
                let made: std::result::Result<Self, String> = $expression;
                made.map(Some).map_err(|why| Error::corrupt(name, why))
            }
        }
    )*};
}
made_from! {
    u32 = i64 => |v| u32::try_from(v).map_err(|e| e.to_string());
    u64 = i64 => |v| u64::try_from(v).map_err(|e| e.to_string());
    Timestamp = i64 => |v| Ok(Timestamp::from_micros(v));
    [u8; 32] = Vec<u8> => |v| v.try_into().map_err(|_| "it is not 32 bytes long".to_owned());
    Json = String => |v| serde_json::from_str(&v).map_err(|e| e.to_string());
    Environment = String => |v| v.parse().map_err(|e: domain::scope::UnknownEnvironment| e.to_string());
    Role = String => |v| v.parse().map_err(|e: domain::principal::UnknownRole| e.to_string());
    RunStatus = String => |v| v.parse().map_err(|e: domain::run::UnknownStatus| e.to_string());
    TeamId = Uuid => |v| Ok(TeamId::from_uuid(v));
    UserId = Uuid => |v| Ok(UserId::from_uuid(v));
    ServiceAccountId = Uuid => |v| Ok(ServiceAccountId::from_uuid(v));
    InvitationId = Uuid => |v| Ok(InvitationId::from_uuid(v));
    ApiKeyId = Uuid => |v| Ok(ApiKeyId::from_uuid(v));
    SessionId = Uuid => |v| Ok(SessionId::from_uuid(v));
    RequestId = Uuid => |v| Ok(RequestId::from_uuid(v));
    WorkflowId = Uuid => |v| Ok(WorkflowId::from_uuid(v));
    RunId = Uuid => |v| Ok(RunId::from_uuid(v));
    WebhookId = Uuid => |v| Ok(WebhookId::from_uuid(v));
    CredentialId = Uuid => |v| Ok(CredentialId::from_uuid(v));
    FindingId = Uuid => |v| Ok(FindingId::from_uuid(v));
    AuditId = Uuid => |v| Ok(AuditId::from_uuid(v));
    LeaseId = Uuid => |v| Ok(LeaseId::from_uuid(v));
    SiemId = Uuid => |v| Ok(SiemId::from_uuid(v));
    DeadLetterId = Uuid => |v| Ok(DeadLetterId::from_uuid(v));
}
