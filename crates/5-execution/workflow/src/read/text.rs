//! From bytes to JSON, with the limits that keep a hostile file cheap.

use domain::Json;

use crate::{Defect, limits};

/// Bytes to JSON: not too long, UTF-8, not too deep, and one JSON value.
pub(crate) fn document(bytes: &[u8]) -> Result<Json, Defect> {
    if bytes.len() > limits::TEXT_BYTES {
        let message = format!("the definition is {} bytes long; at most {} are read", bytes.len(), limits::TEXT_BYTES);
        return Err(Defect::new("", "too_long", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Defect::new("", "invalid_utf8", format!("the text is not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if deepest(text) > limits::DEPTH {
        return Err(depth_defect());
    }
    serde_json::from_str(text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        Defect::new("", "invalid_json", format!("the text is not JSON at {at}: {error}"))
    })
}

pub(crate) fn depth_defect() -> Defect {
    Defect::new("", "too_deep", format!("the definition nests deeper than {} levels", limits::DEPTH))
}

/// Brackets open at once, outside strings.
fn deepest(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// The same for JSON that is already read. Does not recurse.
pub(crate) fn too_deep(value: &Json) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        let inner = depth + usize::from(value.is_array() || value.is_object());
        if inner > limits::DEPTH {
            return true;
        }
        match value {
            Json::Array(items) => open.extend(items.iter().map(|item| (item, inner))),
            Json::Object(map) => open.extend(map.values().map(|item| (item, inner))),
            _ => {}
        }
    }
    false
}
