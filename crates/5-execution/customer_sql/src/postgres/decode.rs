//! PostgreSQL's binary values as JSON.

use domain::Json;
use sqlx::{
    TypeInfo, ValueRef,
    postgres::{PgTypeInfo, PgTypeKind, PgValueFormat, PgValueRef},
};

use super::{moment, numeric};
use crate::{
    collect::{fraction, whole},
    values::base64,
};

/// The value, or `None` when its bytes are not what its type says.
pub(super) fn value(raw: PgValueRef<'_>) -> Option<Json> {
    if raw.is_null() {
        return Some(Json::Null);
    }
    let text = raw.format() == PgValueFormat::Text;
    let kind = raw.type_info().into_owned();
    let bytes = raw.as_bytes().ok()?;
    if text { string(bytes) } else { typed(&kind, bytes) }
}

fn typed(kind: &PgTypeInfo, bytes: &[u8]) -> Option<Json> {
    match kind.kind() {
        PgTypeKind::Array(element) => array(element, bytes),
        PgTypeKind::Enum(_) => string(bytes),
        PgTypeKind::Domain(base) => typed(base, bytes),
        _ => simple(kind.name(), bytes),
    }
}

fn simple(name: &str, bytes: &[u8]) -> Option<Json> {
    Some(match name.to_ascii_uppercase().trim_matches('"') {
        "BOOL" => Json::Bool(*bytes.first()? != 0),
        "INT2" => i16::from_be_bytes(bytes.try_into().ok()?).into(),
        "INT4" => i32::from_be_bytes(bytes.try_into().ok()?).into(),
        "INT8" => whole(i64::from_be_bytes(bytes.try_into().ok()?)),
        "MONEY" => numeric::cents(i64::from_be_bytes(bytes.try_into().ok()?)).into(),
        "OID" | "XID" | "CID" => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        // By way of its shortest text, so that 0.1 stays 0.1.
        "FLOAT4" => fraction(f32::from_be_bytes(bytes.try_into().ok()?).to_string().parse().ok()?),
        "FLOAT8" => fraction(f64::from_be_bytes(bytes.try_into().ok()?)),
        "NUMERIC" => numeric::read(bytes)?.into(),
        "UUID" => uuid::Uuid::from_slice(bytes).ok()?.to_string().into(),
        "JSON" => serde_json::from_slice(bytes).ok()?,
        "JSONB" => serde_json::from_slice(bytes.strip_prefix(&[1])?).ok()?,
        "BYTEA" => base64(bytes),
        "DATE" => moment::date(i32::from_be_bytes(bytes.try_into().ok()?)).into(),
        "TIME" => moment::time(i64::from_be_bytes(bytes.try_into().ok()?)).into(),
        "TIMETZ" => moment::time_with_zone(bytes)?.into(),
        "TIMESTAMP" => moment::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "").into(),
        "TIMESTAMPTZ" => moment::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "Z").into(),
        "INTERVAL" => moment::interval(bytes)?.into(),
        "INET" | "CIDR" => network(bytes)?.into(),
        "MACADDR" | "MACADDR8" => bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":").into(),
        "VOID" => Json::Null,
        "TEXT" | "VARCHAR" | "CHAR" | "BPCHAR" | "NAME" | "UNKNOWN" | "XML" | "CITEXT" | "JSONPATH" => {
            string(if name.eq_ignore_ascii_case("jsonpath") { bytes.get(1..)? } else { bytes })?
        }
        // Types that are not known here keep their bytes; casting them to text in the statement says more.
        _ => base64(bytes),
    })
}

fn string(bytes: &[u8]) -> Option<Json> {
    Some(String::from_utf8(bytes.to_vec()).ok()?.into())
}

fn network(bytes: &[u8]) -> Option<String> {
    let [_, bits, cidr, length, address @ ..] = bytes else { return None };
    let address: std::net::IpAddr = match length {
        4 => <[u8; 4]>::try_from(address).ok()?.into(),
        16 => <[u8; 16]>::try_from(address).ok()?.into(),
        _ => return None,
    };
    let whole = *bits == length * 8 && *cidr == 0;
    Some(if whole { address.to_string() } else { format!("{address}/{bits}") })
}

/// Dimensions from the outside in, then the elements, each with its length.
fn array(element: &PgTypeInfo, bytes: &[u8]) -> Option<Json> {
    let mut reader = Reader(bytes);
    let dimensions = usize::try_from(reader.int()?).ok()?;
    let (_, _) = (reader.int()?, reader.int()?);
    if dimensions > 6 {
        return None;
    }
    let mut sizes = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        sizes.push(usize::try_from(reader.int()?).ok()?);
        reader.int()?;
    }
    if sizes.is_empty() {
        return Some(Json::Array(Vec::new()));
    }
    nested(element, &sizes, &mut reader)
}

fn nested(element: &PgTypeInfo, sizes: &[usize], reader: &mut Reader<'_>) -> Option<Json> {
    let Some((size, inner)) = sizes.split_first() else {
        return match reader.int()? {
            -1 => Some(Json::Null),
            length => typed(element, reader.take(usize::try_from(length).ok()?)?),
        };
    };
    (0..*size).map(|_| nested(element, inner, reader)).collect::<Option<Vec<_>>>().map(Json::Array)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_bytes_are_no_value() {
        for name in ["INT4", "INT8", "NUMERIC", "UUID", "JSONB", "INTERVAL", "INET", "TIMETZ"] {
            assert_eq!(simple(name, &[7]), None, "{name}");
        }
        assert_eq!(array(&PgTypeInfo::with_name("int4"), &[0, 0, 0, 1]), None);
    }

    #[test]
    fn networks_keep_their_mask() {
        assert_eq!(network(&[2, 32, 0, 4, 10, 0, 0, 1]).as_deref(), Some("10.0.0.1"));
        assert_eq!(network(&[2, 8, 1, 4, 10, 0, 0, 0]).as_deref(), Some("10.0.0.0/8"));
    }
}
