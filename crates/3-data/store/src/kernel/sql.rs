//! SQL text and the values bound to it.
//!
//! A statement is a `&'static str`: text put together at run time does not have that type, so no input can become SQL.

use domain::{
    ApiKeyId, AuditId, AuditResult, CredentialId, DeadLetterId, Environment, EventKind, FindingId, InvitationId, Json,
    LeaseId, RequestId, Role, RunId, RunStatus, ServiceAccountId, SessionId, Severity, SiemId, TeamId, Timestamp,
    UserId, WebhookId, WorkflowId,
};
use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{Error, Result};

/// One statement. Nearly always one text for both databases; where they differ, the pair stands in `dialect.rs`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// A value for `$n`. Every variant can be absent, because PostgreSQL wants to know the type of a NULL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Int(Option<i64>),
    Real(Option<f64>),
    Bool(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Uuid(Option<Uuid>),
}

/// Something that can be bound.
pub(crate) trait ToBind {
    fn bind(self) -> Bind;
    fn absent() -> Bind;
}

impl<T: ToBind> ToBind for Option<T> {
    fn bind(self) -> Bind {
        self.map_or_else(T::absent, T::bind)
    }
    fn absent() -> Bind {
        T::absent()
    }
}

macro_rules! to_bind {
    ($($type:ty => $variant:ident |$value:ident| $expression:expr;)*) => {$(
        impl ToBind for $type {
            fn bind(self) -> Bind { let $value = self; Bind::$variant(Some($expression)) }
            fn absent() -> Bind { Bind::$variant(None) }
        }
    )*};
}

to_bind! {
    i64 => Int |v| v;
    i32 => Int |v| i64::from(v);
    u32 => Int |v| i64::from(v);
    u64 => Int |v| i64::try_from(v).unwrap_or(i64::MAX);
    usize => Int |v| i64::try_from(v).unwrap_or(i64::MAX);
    f64 => Real |v| v;
    f32 => Real |v| f64::from(v);
    bool => Bool |v| v;
    String => Text |v| v;
    &String => Text |v| v.clone();
    &str => Text |v| v.to_owned();
    Vec<u8> => Bytes |v| v;
    &Vec<u8> => Bytes |v| v.clone();
    &[u8] => Bytes |v| v.to_vec();
    [u8; 32] => Bytes |v| v.to_vec();
    &[u8; 32] => Bytes |v| v.to_vec();
    Uuid => Uuid |v| v;
    Timestamp => Int |v| v.micros();
    &Json => Text |v| v.to_string();
    Json => Text |v| v.to_string();
    Environment => Text |v| v.as_str().to_owned();
    Role => Text |v| v.as_str().to_owned();
    RunStatus => Text |v| v.as_str().to_owned();
    EventKind => Text |v| v.as_str().to_owned();
    AuditResult => Text |v| v.as_str().to_owned();
    Severity => Text |v| v.as_str().to_owned();
    TeamId => Uuid |v| v.uuid();
    UserId => Uuid |v| v.uuid();
    ServiceAccountId => Uuid |v| v.uuid();
    ApiKeyId => Uuid |v| v.uuid();
    InvitationId => Uuid |v| v.uuid();
    SessionId => Uuid |v| v.uuid();
    RequestId => Uuid |v| v.uuid();
    WorkflowId => Uuid |v| v.uuid();
    RunId => Uuid |v| v.uuid();
    WebhookId => Uuid |v| v.uuid();
    CredentialId => Uuid |v| v.uuid();
    FindingId => Uuid |v| v.uuid();
    AuditId => Uuid |v| v.uuid();
    LeaseId => Uuid |v| v.uuid();
    SiemId => Uuid |v| v.uuid();
    DeadLetterId => Uuid |v| v.uuid();
}

/// `binds![team, name, at]`: the values for `$1`, `$2`, `$3`.
macro_rules! binds {
    ($($value:expr),* $(,)?) => { vec![$($crate::kernel::sql::ToBind::bind($value)),*] };
}
pub(crate) use binds;

pub(crate) fn sqlite_arguments(binds: Vec<Bind>) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(binds.len(), 0);
    for bind in binds {
        match bind {
            Bind::Int(v) => arguments.add(v),
            Bind::Real(v) => arguments.add(v),
            Bind::Bool(v) => arguments.add(v),
            Bind::Text(v) => arguments.add(v),
            Bind::Bytes(v) => arguments.add(v),
            Bind::Uuid(v) => arguments.add(v),
        }
        .map_err(Error::encoding)?;
    }
    Ok(arguments)
}

pub(crate) fn postgres_arguments(binds: Vec<Bind>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for bind in binds {
        match bind {
            Bind::Int(v) => arguments.add(v),
            Bind::Real(v) => arguments.add(v),
            Bind::Bool(v) => arguments.add(v),
            Bind::Text(v) => arguments.add(v),
            Bind::Bytes(v) => arguments.add(v),
            Bind::Uuid(v) => arguments.add(v),
        }
        .map_err(Error::encoding)?;
    }
    Ok(arguments)
}
