//! Between our JSON and minijinja's values.

use domain::Json;
use minijinja::{Error, ErrorKind, Value, value::ValueKind};

use crate::limits;

/// Shares nothing with `json`.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Value::from(n),
            (_, Some(n)) => Value::from(n),
            _ => Value::from(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(k, v)| (k.as_str(), from_json(v)))),
    }
}

/// Fails beyond [`limits::EXPRESSION_BYTES`] and [`limits::DEPTH`].
pub(super) fn to_json(value: &Value) -> Result<Json, Error> {
    let mut budget = limits::EXPRESSION_BYTES;
    convert(value, &mut budget, 0)
}

fn convert(value: &Value, budget: &mut usize, depth: usize) -> Result<Json, Error> {
    let wrong = |message: &'static str| Error::new(ErrorKind::InvalidOperation, message);
    let spend = |bytes: usize, budget: &mut usize| {
        *budget = budget.checked_sub(bytes).ok_or_else(too_large)?;
        Ok::<_, Error>(())
    };
    if depth > limits::DEPTH {
        return Err(wrong("the value nests too deep"));
    }
    spend(1, budget)?;
    match value.kind() {
        ValueKind::Undefined => Err(Error::new(ErrorKind::UndefinedError, "the value is not defined")),
        ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::Number => number(value).ok_or_else(|| wrong("the number does not fit JSON")),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            spend(text.len(), budget)?;
            Ok(Json::String(text.to_owned()))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?;
            Ok(Json::Array(items.map(|item| convert(&item, budget, depth + 1)).collect::<Result<_, _>>()?))
        }
        ValueKind::Map => {
            let mut map = serde_json::Map::new();
            for key in value.try_iter()? {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                spend(name.len(), budget)?;
                map.insert(name, convert(&value.get_item(&key)?, budget, depth + 1)?);
            }
            Ok(Json::Object(map))
        }
        _ => Err(wrong("this kind of value has no JSON form")),
    }
}

fn number(value: &Value) -> Option<Json> {
    if value.is_integer() {
        if let Some(n) = value.as_i64() {
            return Some(n.into());
        }
        return u64::try_from(value.clone()).ok().map(Json::from);
    }
    f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64).map(Json::Number)
}

pub(super) fn too_large() -> Error {
    let message = format!("an expression yields at most {} bytes", limits::EXPRESSION_BYTES);
    Error::new(ErrorKind::InvalidOperation, message)
}
