//! Bodies and addresses, read with limits and clear errors.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{
    problems::{Kind, Problem},
    rooms::Rooms,
};

/// A JSON body; unknown fields, wrong types and text that is not UTF-8 are named.
pub struct Body<T>(pub T);

/// JSON deeper than this is refused; the parser's own limit is 128.
const DEEPEST: usize = 64;

impl<T: DeserializeOwned> FromRequest<Rooms> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, rooms: &Rooms) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let json = kind
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json" || kind.trim().ends_with("+json"));
        let bytes = Bytes::from_request(request, rooms).await.map_err(|_| broken())?;
        if bytes.is_empty() {
            // Every field has a default, or the error names the first that has none.
            return parse(b"{}").map(Self);
        }
        if !json {
            return Err(Kind::UnsupportedMediaType.into());
        }
        // Every body is an object; serde would take a list of its fields' values too.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::new(Kind::NotJson).detail("expected a JSON object"));
        }
        parse(&bytes).map(Self)
    }
}

/// A body that cannot be read to its end. Where the network layer cut it, for being too large or too slow, that layer
/// answers in place of this.
pub fn broken() -> Problem {
    Problem::new(Kind::NotJson).detail("the body breaks off")
}

/// JSON bytes as `T`.
///
/// # Errors
/// [`Kind::NotJson`], with line and column.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    check_depth(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| Problem::new(Kind::NotJson).detail(error.to_string()))
}

fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Problem::new(Kind::NotJson).detail(format!("nested deeper than {DEEPEST} levels")));
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Parts of the address.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Rooms> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, rooms).await {
            Ok(Path(value)) => Ok(Self(value)),
            // An id that cannot be one names nothing that is here.
            Err(_) => Err(Kind::NotFound.into()),
        }
    }
}

/// Query parameters; unknown ones are refused where the type says so.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Rooms> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, rooms).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::new(Kind::BadParameter).detail(error.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_refused_and_brackets_in_text_do_not_count() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
        let text = format!("\"{}\"", "[".repeat(500));
        assert!(parse::<serde_json::Value>(text.as_bytes()).is_ok());
    }
}
