//! Which kind of address it is. Only what is certainly the public Internet counts as [`Class::Public`].

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A class of addresses, as far as it matters to who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Public,
    /// 10/8, 172.16/12, 192.168/16, fc00::/7, fec0::/10.
    Private,
    Loopback,
    LinkLocal,
    /// 100.64/10: behind a provider's address translation.
    Shared,
    Multicast,
    /// 0.0.0.0/8 and ::, which reach this very machine.
    Unspecified,
    /// Where clouds hand out credentials of the machine.
    Metadata,
    /// Documentation, benchmarks, tunnels, future use.
    Reserved,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Shared => "shared",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Metadata => "metadata",
            Self::Reserved => "reserved",
        })
    }
}

/// The class of `address`; an IPv6 address that carries an IPv4 address inside is judged by what it carries.
pub fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

/// Metadata services that do not stand in 169.254/16: Azure, Oracle, Alibaba.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
];

fn classify_v4(v4: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&v4) {
        return Class::Metadata;
    }
    match v4.octets() {
        [0, ..] => Class::Unspecified,
        [10, ..] | [192, 168, ..] => Class::Private,
        [172, b, ..] if b & 0xf0 == 16 => Class::Private,
        [127, ..] => Class::Loopback,
        [169, 254, 170, 2] => Class::Metadata,
        [169, 254, ..] => Class::LinkLocal,
        [100, b, ..] if b & 0xc0 == 64 => Class::Shared,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Reserved,
        [198, b, ..] if b & 0xfe == 18 => Class::Reserved,
        [a, ..] if a & 0xf0 == 224 => Class::Multicast,
        [a, ..] if a >= 240 => Class::Reserved,
        _ => Class::Public,
    }
}

fn classify_v6(v6: Ipv6Addr) -> Class {
    if v6 == Ipv6Addr::UNSPECIFIED {
        return Class::Unspecified;
    }
    if v6 == Ipv6Addr::LOCALHOST {
        return Class::Loopback;
    }
    let s = v6.segments();
    if s == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] || s == [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] {
        return Class::Metadata;
    }
    if let Some(carried) = carried_v4(&s) {
        return classify_v4(carried);
    }
    match s {
        [a, ..] if a & 0xfe00 == 0xfc00 => Class::Private,
        [a, ..] if a & 0xffc0 == 0xfec0 => Class::Private,
        [a, ..] if a & 0xffc0 == 0xfe80 => Class::LinkLocal,
        [a, ..] if a & 0xff00 == 0xff00 => Class::Multicast,
        // Teredo, ORCHID, benchmarks and the other protocol assignments
        [0x2001, b, ..] if b < 0x200 => Class::Reserved,
        [0x2001, 0xdb8, ..] => Class::Reserved,
        [0x3fff, b, ..] if b < 0x1000 => Class::Reserved,
        [a, ..] if a & 0xe000 == 0x2000 => Class::Public,
        _ => Class::Reserved,
    }
}

/// The IPv4 address inside a mapped, compatible, translated (NAT64), 6to4 or ISATAP address.
fn carried_v4(s: &[u16; 8]) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => {
            Some(join(*high, *low))
        }
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(*high, *low)),
        [0x2002, high, low, ..] => Some(join(*high, *low)),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(join(*high, *low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_told_apart() {
        let cases = [
            ("93.184.216.34", Class::Public),
            ("2606:4700::1111", Class::Public),
            ("10.0.0.1", Class::Private),
            ("172.16.0.1", Class::Private),
            ("172.31.255.255", Class::Private),
            ("172.32.0.1", Class::Public),
            ("192.168.1.1", Class::Private),
            ("fd12::1", Class::Private),
            ("fec0::1", Class::Private),
            ("127.0.0.1", Class::Loopback),
            ("127.255.255.254", Class::Loopback),
            ("::1", Class::Loopback),
            ("169.254.1.1", Class::LinkLocal),
            ("fe80::1", Class::LinkLocal),
            ("169.254.169.254", Class::Metadata),
            ("fd00:ec2::254", Class::Metadata),
            ("168.63.129.16", Class::Metadata),
            ("100.100.100.200", Class::Metadata),
            ("100.64.0.1", Class::Shared),
            ("100.128.0.1", Class::Public),
            ("224.0.0.1", Class::Multicast),
            ("ff02::1", Class::Multicast),
            ("0.0.0.0", Class::Unspecified),
            ("0.1.2.3", Class::Unspecified),
            ("::", Class::Unspecified),
            ("255.255.255.255", Class::Reserved),
            ("192.0.2.1", Class::Reserved),
            ("198.18.0.1", Class::Reserved),
            ("2001:db8::1", Class::Reserved),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Class::Reserved),
            ("100::1", Class::Reserved),
            ("64:ff9b:1::a00:1", Class::Reserved),
        ];
        for (text, class) in cases {
            assert_eq!(classify(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn an_address_inside_an_address_is_judged() {
        for text in [
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "2002:7f00:1::",
            "::ffff:0:127.0.0.1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:7f00:1",
        ] {
            assert_eq!(classify(text.parse().unwrap()), Class::Loopback, "{text}");
        }
        assert_eq!(classify("::ffff:169.254.169.254".parse().unwrap()), Class::Metadata);
        assert_eq!(classify("64:ff9b::93.184.216.34".parse().unwrap()), Class::Public);
    }
}
