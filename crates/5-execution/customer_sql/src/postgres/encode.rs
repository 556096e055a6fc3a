//! JSON values as the types that PostgreSQL says its parameters have.

use domain::Json;
use sqlx::{
    Arguments, Encode, Postgres, Type, TypeInfo,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, PgTypeKind},
};

use super::{moment, numeric};
use crate::{Error, values::from_base64};

/// All parameters.
pub(super) fn arguments(kinds: &[PgTypeInfo], parameters: &[Json]) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for (index, (kind, parameter)) in kinds.iter().zip(parameters).enumerate() {
        let unfit = |why| Error::Parameter { position: index + 1, why };
        let bytes = match parameter {
            Json::Null => None,
            value => Some(bytes(kind, value).map_err(unfit)?),
        };
        arguments.add(Raw { bytes, kind: kind.clone() }).map_err(|_| unfit("it could not be bound"))?;
    }
    Ok(arguments)
}

/// Bytes of a type that is known only at run time.
struct Raw {
    bytes: Option<Vec<u8>>,
    kind: PgTypeInfo,
}

impl Type<Postgres> for Raw {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}
impl Encode<'_, Postgres> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }
    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.kind.clone())
    }
}

type Why = &'static str;

fn bytes(kind: &PgTypeInfo, value: &Json) -> Result<Vec<u8>, Why> {
    match kind.kind() {
        PgTypeKind::Array(element) => array(element, value),
        PgTypeKind::Domain(base) => bytes(base, value),
        PgTypeKind::Enum(_) => Ok(text(value).into_bytes()),
        _ => simple(kind.name(), value),
    }
}

fn simple(name: &str, value: &Json) -> Result<Vec<u8>, Why> {
    let written = || text(value);
    Ok(match name.to_ascii_uppercase().trim_matches('"') {
        "BOOL" => vec![u8::from(truth(value).ok_or("expected true or false")?)],
        "INT2" => i16::try_from(int(value)?).map_err(|_| "the number is too large")?.to_be_bytes().to_vec(),
        "INT4" => i32::try_from(int(value)?).map_err(|_| "the number is too large")?.to_be_bytes().to_vec(),
        "INT8" => int(value)?.to_be_bytes().to_vec(),
        "OID" => u32::try_from(int(value)?).map_err(|_| "the number is too large")?.to_be_bytes().to_vec(),
        "FLOAT4" => (float(value)? as f32).to_be_bytes().to_vec(),
        "FLOAT8" => float(value)?.to_be_bytes().to_vec(),
        "NUMERIC" => numeric::write(&decimal(value)).ok_or("expected a decimal number")?,
        "UUID" => uuid::Uuid::try_parse(&written()).map_err(|_| "expected a UUID")?.as_bytes().to_vec(),
        "JSON" => value.to_string().into_bytes(),
        "JSONB" => [&[1], value.to_string().as_bytes()].concat(),
        "BYTEA" => from_base64(&written()).ok_or("expected bytes as base64")?,
        "DATE" => moment::parse_date(&written()).ok_or("expected a date such as 2026-11-21")?.to_be_bytes().to_vec(),
        "TIME" => moment::parse_time(&written()).ok_or("expected a time such as 10:00:00")?.to_be_bytes().to_vec(),
        "TIMESTAMP" | "TIMESTAMPTZ" => {
            let micros = moment::parse_timestamp(&written()).ok_or("expected a time such as 2026-11-21T10:00:00Z")?;
            micros.to_be_bytes().to_vec()
        }
        "TEXT" | "VARCHAR" | "CHAR" | "BPCHAR" | "NAME" | "UNKNOWN" | "XML" | "CITEXT" => {
            let text = written();
            if text.contains('\0') {
                return Err("the text holds a NUL character");
            }
            text.into_bytes()
        }
        _ => return Err("the database wants a type that cannot be given here; cast the parameter in the statement"),
    })
}

/// A text as itself, anything else as its JSON.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(value) => Some(*value),
        Json::String(text) if text == "true" => Some(true),
        Json::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

fn int(value: &Json) -> Result<i64, Why> {
    let number = match value {
        // 3.0 is a whole number too; people and models write it.
        Json::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9.0e15).map(|n| n as i64)),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or("expected a whole number")
}

fn float(value: &Json) -> Result<f64, Why> {
    let number = match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or("expected a number")
}

/// The digits of a number; an exponent is written out.
fn decimal(value: &Json) -> String {
    match value {
        Json::Number(number) if number.as_i64().is_none() && number.as_u64().is_none() => {
            number.as_f64().map(|number| format!("{number}")).unwrap_or_default()
        }
        other => text(other).trim().to_owned(),
    }
}

fn array(element: &PgTypeInfo, value: &Json) -> Result<Vec<u8>, Why> {
    let items = value.as_array().ok_or("expected a list")?;
    if items.iter().any(Json::is_array) {
        return Err("lists of lists cannot be given here");
    }
    let oid = element.oid().ok_or("the type of the list's elements is not known")?.0;
    let length = i32::try_from(items.len()).map_err(|_| "the list is too long")?;
    let nulls = i32::from(items.iter().any(Json::is_null));
    let mut out = Vec::new();
    out.extend_from_slice(&i32::from(length > 0).to_be_bytes());
    out.extend_from_slice(&nulls.to_be_bytes());
    out.extend_from_slice(&oid.to_be_bytes());
    if length > 0 {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    for item in items {
        if item.is_null() {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            continue;
        }
        let bytes = bytes(element, item)?;
        out.extend_from_slice(&i32::try_from(bytes.len()).map_err(|_| "an element is too long")?.to_be_bytes());
        out.extend_from_slice(&bytes);
    }
    Ok(out)
}
