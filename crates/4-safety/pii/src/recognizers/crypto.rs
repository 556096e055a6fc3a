//! Cryptocurrency addresses: Base58Check and Bech32 by their checksums, Ethereum by its shape.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use regex::Regex;

use super::digits;
use crate::{Entity, Kind};

static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:0x[0-9a-fA-F]{40}|(?:bc|tb|ltc)1[02-9ac-hj-np-z]{8,87}|[13LMDT][1-9A-HJ-NP-Za-km-z]{25,34})(?-u:\b)").ok()
});

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(shape) = SHAPE.as_ref() else { return };
    for hit in shape.find_iter(text) {
        if !digits::stands_alone(text, hit.start(), hit.end()) {
            continue;
        }
        let address = hit.as_str();
        let rule = if let Some(hex) = address.strip_prefix("0x") {
            let first = hex.as_bytes()[0];
            // The zero address and other single-digit fillers are nobody's.
            if hex.bytes().all(|b| b == first) {
                continue;
            }
            "crypto/ethereum"
        } else if address.starts_with("bc1") || address.starts_with("tb1") || address.starts_with("ltc1") {
            if !bech32(address) {
                continue;
            }
            "crypto/bech32"
        } else {
            if !base58check(address) {
                continue;
            }
            "crypto/base58"
        };
        found.push(Entity::new(Kind::Crypto, hit.start(), hit.end(), 0.95, rule));
    }
}

fn base58check(address: &str) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number = [0u8; 25];
    for byte in address.bytes() {
        let Some(digit) = ALPHABET.iter().position(|b| *b == byte) else { return false };
        let mut carry = digit as u32;
        for place in number.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let once = digest::digest(&digest::SHA256, &number[..21]);
    let twice = digest::digest(&digest::SHA256, once.as_ref());
    twice.as_ref()[..4] == number[21..] && matches!(number[0], 0x00 | 0x05 | 0x1e | 0x30 | 0x32 | 0x41)
}

fn bech32(address: &str) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(split) = address.rfind('1') else { return false };
    let (human, data) = (&address[..split], &address[split + 1..]);
    let mut check = 1u32;
    let mut step = |value: u32| {
        let top = check >> 25;
        check = (check & 0x01ff_ffff) << 5 ^ value;
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                check ^= generator;
            }
        }
    };
    human.bytes().for_each(|b| step(u32::from(b) >> 5));
    step(0);
    human.bytes().for_each(|b| step(u32::from(b) & 31));
    for byte in data.bytes() {
        let Some(value) = ALPHABET.iter().position(|b| *b == byte) else { return false };
        step(value as u32);
    }
    check == 1 || check == 0x2bc8_30a3
}
