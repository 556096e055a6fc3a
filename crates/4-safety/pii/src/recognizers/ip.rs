//! IP addresses that could be somebody's: not a version number, not a mask, not this machine itself.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::Regex;

use super::digits;
use crate::{Entity, Kind, shape::Shape};

static V4: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u:\b)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?-u:\b)").ok());
static V6: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4})").ok());

const VERSIONS: &[&str] =
    &["version", "ver", "v", "release", "build", "firmware", "oid", "section", "chapter", "driver"];

pub fn find(text: &str, shape: Shape, found: &mut Vec<Entity>) {
    if shape.dot
        && shape.digits >= 4
        && let Some(v4) = V4.as_ref()
    {
        for hit in v4.find_iter(text) {
            let Ok(address) = hit.as_str().parse::<Ipv4Addr>() else { continue };
            let nobody = address.is_unspecified()
                || address.is_broadcast()
                || address.is_loopback()
                || address.octets()[0] == 255;
            let more =
                text[hit.end()..].strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            let less = text[..hit.start()].ends_with(['.', '-', '_']) && !text[..hit.start()].ends_with(" -");
            if nobody || more || less || digits::before(text, hit.start(), 18, VERSIONS) {
                continue;
            }
            if digits::stands_alone(text, hit.start(), hit.end()) {
                found.push(Entity::new(Kind::IpAddress, hit.start(), hit.end(), 0.9, "ip/v4"));
            }
        }
    }
    if shape.colon
        && let Some(v6) = V6.as_ref()
    {
        for hit in v6.find_iter(text) {
            let colons = hit.as_str().bytes().filter(|b| *b == b':').count();
            let Ok(address) = hit.as_str().parse::<Ipv6Addr>() else { continue };
            let real = colons >= 4
                || matches!(address.segments()[0], 0x2000..=0x3fff | 0xfc00..=0xfeff) && colons >= 3
                || matches!(address.segments()[0], 0x2000..=0x3fff | 0xfe80..=0xfebf);
            if real
                && !address.is_unspecified()
                && !address.is_loopback()
                && digits::stands_alone(text, hit.start(), hit.end())
                && !text[..hit.start()].ends_with(':')
                && !text[hit.end()..].starts_with("::")
            {
                found.push(Entity::new(Kind::IpAddress, hit.start(), hit.end(), 0.95, "ip/v6"));
            }
        }
    }
}
