//! From where a request really comes. Forwarding headers are believed from trusted proxies alone, and only as far back
//! as the chain of trusted proxies reaches: whatever a client wrote itself stands further left and is not read.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use domain::{RequestId, Timestamp};
use http::{HeaderMap, header};
use ipnet::IpNet;

use crate::Error;

/// What the network layer says about a request; stands in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// The client, behind trusted proxies only; IPv4 written inside IPv6 is IPv4.
    pub client: IpAddr,
    /// This request, in logs, problems, audit entries and the `X-Request-Id` of the answer.
    pub request_id: RequestId,
    /// When the head had been read.
    pub at: Timestamp,
}

/// The socket's other end; stands in a request's extensions from [`crate::serve`] on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The proxies whose forwarding headers are believed. Empty (the default) believes nobody.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// Forwarded hops past this many are not looked at: nobody has that many proxies of his own.
const MAX_HOPS: usize = 32;

impl TrustedProxies {
    /// From `10.0.0.0/8` and single addresses.
    ///
    /// # Errors
    /// [`Error::AddressRange`] names the text that is neither.
    pub fn new<S: AsRef<str>>(ranges: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        ranges.into_iter().map(|text| parse_range(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        within(&self.0, address)
    }

    /// The client of a request that came over a socket from `peer`.
    ///
    /// Walks the forwarding headers from the right past trusted proxies; the first other address is the client. What
    /// cannot be read ends the walk at the last address that could.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let mut client = peer;
        for hop in forwarded(headers).into_iter().rev().take(MAX_HOPS) {
            let Some(address) = hop else { break };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }

    /// The request id that a trusted proxy gave, if it is one of ours in form.
    pub fn request_id(&self, peer: IpAddr, headers: &HeaderMap) -> Option<RequestId> {
        if self.0.is_empty() || !self.contains(peer.to_canonical()) {
            return None;
        }
        headers.get("x-request-id")?.to_str().ok()?.parse().ok()
    }
}

/// Whether `address` lies in one of `ranges`; an IPv4 address written inside IPv6 counts as IPv4.
pub fn within(ranges: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    ranges.iter().any(|range| range.contains(&address))
}

/// A range such as `10.0.0.0/8`, or one address.
///
/// # Errors
/// [`Error::AddressRange`] when the text is neither.
pub fn parse_range(text: &str) -> Result<IpNet, Error> {
    let text = text.trim();
    let range = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
    match range {
        Ok(IpNet::V6(v6)) if v6.addr().to_ipv4_mapped().is_some() && v6.prefix_len() >= 96 => {
            let inner = v6.addr().to_ipv4_mapped().and_then(|v4| ipnet::Ipv4Net::new(v4, v6.prefix_len() - 96).ok());
            inner.map(|net| IpNet::V4(net.trunc())).ok_or(Error::AddressRange { text: text.to_owned() })
        }
        Ok(range) => Ok(range.trunc()),
        Err(_) => Err(Error::AddressRange { text: text.to_owned() }),
    }
}

/// What one client is, for counting: an IPv4 address, or the /64 that one IPv6 customer holds.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::from([s[0], s[1], s[2], s[3], 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

/// The hops from left to right; `None` where one cannot be read. `Forwarded` wins where both stand.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lists = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?").to_owned()).collect()
    };
    let standard = lists(header::FORWARDED.as_str());
    if !standard.is_empty() {
        return standard.iter().flat_map(|line| line.split(',')).map(forwarded_for).collect();
    }
    lists("x-forwarded-for").iter().flat_map(|line| line.split(',')).map(|hop| node(hop.trim())).collect()
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| node(value.trim().trim_matches('"')))?
    })
}

/// `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        TrustedProxies::new(trusted).unwrap().client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(client(&[], "127.0.0.1", &[("x-forwarded-for", "9.9.9.9")]), "127.0.0.1");
    }

    #[test]
    fn a_stranger_cannot_forge_his_address() {
        assert_eq!(client(&["10.0.0.0/8"], "8.8.8.8", &[("x-forwarded-for", "10.0.0.1")]), "8.8.8.8");
        assert_eq!(
            client(&["10.0.0.0/8"], "10.0.0.2", &[("x-forwarded-for", "1.1.1.1, 7.7.7.7, 10.0.0.9")]),
            "7.7.7.7"
        );
    }

    #[test]
    fn several_lines_are_one_list_and_the_rightmost_stranger_counts() {
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "7.7.7.7")];
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &lines), "7.7.7.7");
    }

    #[test]
    fn an_unreadable_hop_ends_the_walk() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &[("x-forwarded-for", "1.1.1.1, junk, 10.0.0.5")]), "10.0.0.5");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &[("x-forwarded-for", "")]), "10.0.0.2");
    }

    #[test]
    fn the_standard_header_is_read_and_wins() {
        let headers = [("forwarded", "for=\"[2001:db8::7]:4711\";proto=https"), ("x-forwarded-for", "1.1.1.1")];
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.2", &headers), "2001:db8::7");
    }

    #[test]
    fn ipv4_inside_ipv6_is_ipv4() {
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.1.0.1", &[("x-forwarded-for", "::ffff:8.8.4.4")]), "8.8.4.4");
        assert!(within(&[parse_range("::ffff:10.0.0.0/104").unwrap()], "10.3.4.5".parse().unwrap()));
    }

    #[test]
    fn an_ipv6_customer_is_counted_once() {
        let count = |text: &str| counted_as(text.parse().unwrap());
        assert_eq!(count("2001:db8:1:2::3"), count("2001:db8:1:2:ffff::9"));
        assert_ne!(count("2001:db8:1:2::3"), count("2001:db8:1:3::3"));
    }

    #[test]
    fn a_range_that_is_none_stops_the_start() {
        assert!(TrustedProxies::new(["10.0.0.0/33"]).is_err() && TrustedProxies::new(["proxy"]).is_err());
    }
}
