//! The dashboard's files, as they were built in.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::problems::{Kind, Problem};

/// The page of every address inside the dashboard; it reads the address itself.
pub async fn app(headers: HeaderMap) -> Response {
    ::dashboard::index().map_or_else(crate::pages::front, |index| answer(index, &headers))
}

/// A file that the page loads.
pub async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = ::dashboard::file(&format!("assets/{path}")).ok_or(Kind::NoSuchRoute)?;
    Ok(answer(file, &headers))
}

fn answer(file: &'static ::dashboard::File, headers: &HeaderMap) -> Response {
    let packed = file.brotli.filter(|_| takes_brotli(headers));
    let mut response = (StatusCode::OK, packed.unwrap_or(file.bytes)).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type()));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let keep = if file.is_immutable() { "public, max-age=31536000, immutable" } else { "no-cache" };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if packed.is_some() {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some("br") && words.all(|word| !matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_whoever_takes_it() {
        let takes = |text: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert!(takes("gzip, deflate, br, zstd") && takes("br;q=0.5"));
        assert!(!takes("gzip") && !takes("br;q=0") && !takes("brotli"));
    }
}
