//! Ways to the network.

use std::{
    net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener},
    time::Duration,
};

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    Tried, call, from_io, got,
};

fn socket(family: i32, kind: i32, protocol: i32) -> Tried {
    call!(SYS_socket, family, kind, protocol)
}

pub fn stream_pair() -> [i32; 2] {
    let mut pair = [-1; 2];
    unsafe { socketpair(AF_UNIX, SOCK_STREAM, 0, pair.as_mut_ptr()) };
    pair
}

pub const ATTACKS: &[Attack] = &[
    ("socket-inet-udp", Works, || socket(AF_INET, SOCK_DGRAM, 0)),
    ("socket-inet-tcp", Works, || socket(AF_INET, SOCK_STREAM, 0)),
    ("socket-inet6-udp", Depends, || socket(AF_INET6, SOCK_DGRAM, 0)),
    ("socket-inet6-tcp", Depends, || socket(AF_INET6, SOCK_STREAM, 0)),
    ("socket-raw-icmp", Root, || socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)),
    ("socket-ping", Depends, || socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)),
    ("socket-mptcp", Depends, || socket(AF_INET, SOCK_STREAM, 262)),
    ("socket-sctp", Depends, || socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)),
    ("socket-unix-stream", Works, || socket(AF_UNIX, SOCK_STREAM, 0)),
    ("socket-unix-datagram", Works, || socket(AF_UNIX, SOCK_DGRAM, 0)),
    ("socket-unix-packet", Works, || socket(AF_UNIX, SOCK_SEQPACKET, 0)),
    ("socket-netlink-route", Works, || socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)),
    ("socket-netlink-audit", Depends, || socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT)),
    ("socket-netlink-uevent", Depends, || socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT)),
    ("socket-packet", Depends, || socket(AF_PACKET, SOCK_RAW, 0)),
    ("socket-vsock", Depends, || socket(AF_VSOCK, SOCK_STREAM, 0)),
    ("socket-crypto", Depends, || socket(AF_ALG, SOCK_SEQPACKET, 0)),
    ("socket-can", Depends, || socket(AF_CAN, SOCK_RAW, 1)),
    ("socket-xdp", Depends, || socket(AF_XDP, SOCK_RAW, 0)),
    ("socket-tipc", Depends, || socket(AF_TIPC, SOCK_SEQPACKET, 0)),
    ("socket-bluetooth", Depends, || socket(AF_BLUETOOTH, SOCK_SEQPACKET, 0)),
    ("socket-rds", Depends, || socket(AF_RDS, SOCK_SEQPACKET, 0)),
    ("socket-every-family", Works, || {
        (0..64).map(|family| socket(family, SOCK_DGRAM, 0)).find(Result::is_ok).unwrap_or(Err("none".into()))
    }),
    ("socketpair-tipc", Depends, || {
        let mut pair = [0; 2];
        call!(SYS_socketpair, AF_TIPC, SOCK_SEQPACKET, 0, pair.as_mut_ptr())
    }),
    // its ends can send to any address that a file or a name stands for
    ("datagram-socket-pair", Works, || {
        let mut pair = [0; 2];
        call!(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair.as_mut_ptr())
    }),
    ("program-on-a-socket-pair", Works, || {
        let pair = stream_pair();
        let all = [0x06u64 | (0xffff_ffffu64 << 32)];
        let program = [1u64, all.as_ptr() as u64];
        call!(SYS_setsockopt, pair[0], SOL_SOCKET, SO_ATTACH_FILTER, program.as_ptr(), 16)
    }),
    ("option-of-a-socket-pair", Works, || {
        let yes = 1i32;
        call!(SYS_setsockopt, stream_pair()[0], SOL_SOCKET, SO_PASSCRED, &raw const yes, 4)
    }),
    ("tcp-listen", Works, || from_io(TcpListener::bind("127.0.0.1:0"))),
    ("tcp-listen-everywhere", Works, || from_io(TcpListener::bind("0.0.0.0:0"))),
    ("tcp-connect-host", Depends, || from_io(TcpStream::connect("127.0.0.1:22"))),
    ("tcp-connect-metadata", Depends, || {
        from_io(TcpStream::connect_timeout(&"169.254.169.254:80".parse().unwrap(), Duration::from_millis(300)))
    }),
    ("tcp-connect-internet", Depends, || {
        from_io(TcpStream::connect_timeout(&"1.1.1.1:443".parse().unwrap(), Duration::from_millis(300)))
    }),
    ("udp-send", Works, || from_io(UdpSocket::bind("127.0.0.1:0").and_then(|s| s.send_to(b"x", "127.0.0.1:9")))),
    ("udp-broadcast", Depends, || {
        from_io(UdpSocket::bind("0.0.0.0:0").and_then(|s| {
            s.set_broadcast(true)?;
            s.send_to(b"x", "255.255.255.255:9")
        }))
    }),
    ("dns-localhost", Works, || from_io("localhost:80".to_socket_addrs())),
    ("dns-internet", Depends, || from_io("example.com:80".to_socket_addrs())),
    ("abstract-socket-listen", Works, || {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(format!("hostile-{}", std::process::id()));
        from_io(address.and_then(|address| UnixListener::bind_addr(&address)))
    }),
    ("unix-socket-syslog", Depends, || from_io(UnixDatagram::unbound().and_then(|s| s.connect("/dev/log")))),
    ("unix-socket-docker", Depends, || from_io(std::os::unix::net::UnixStream::connect("/var/run/docker.sock"))),
    ("interfaces", Works, || {
        let mut list: *mut ifaddrs = std::ptr::null_mut();
        got(unsafe { getifaddrs(&mut list) } == 0 && !list.is_null(), "no interface")
    }),
];
