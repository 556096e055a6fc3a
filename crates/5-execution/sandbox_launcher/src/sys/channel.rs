//! Memory files and packet channels with descriptors.
#![allow(unsafe_code)]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use super::{check, owned};

/// A file in memory that holds `bytes`, sealed against every change, at offset 0.
pub fn sealed_file(name: &CStr, bytes: &[u8], executable: bool) -> io::Result<OwnedFd> {
    let fd = memory_file(name, executable)?;
    let mut at = 0;
    while at < bytes.len() {
        // SAFETY: pointer and length describe the rest of `bytes`.
        let n = unsafe { libc::write(fd.as_raw_fd(), bytes[at..].as_ptr().cast(), bytes.len() - at) };
        at += check(n as libc::c_long)? as usize;
    }
    seal(&fd)?;
    Ok(fd)
}

/// An empty file in memory.
pub fn memory_file(name: &CStr, executable: bool) -> io::Result<OwnedFd> {
    let base = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let kind = if executable { libc::MFD_EXEC } else { libc::MFD_NOEXEC_SEAL };
    // SAFETY: `name` is a valid C string for the length of the call.
    let make = |flags: libc::c_uint| owned(unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) });
    // kernels before 6.3 do not know the second flag
    make(base | kind).or_else(|_| make(base))
}

/// Seals a file in memory against every change, and goes to its beginning.
pub fn seal(fd: &OwnedFd) -> io::Result<()> {
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: no pointer is passed.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }.into())?;
    // SAFETY: no pointer is passed.
    check(unsafe { libc::lseek(fd.as_raw_fd(), 0, libc::SEEK_SET) }).map(drop)
}

/// Two ends of a packet channel, closed on execution.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: `fds` has room for the two descriptors the kernel writes.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) }.into())?;
    // SAFETY: the kernel just made both for us.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// The most descriptors in one packet.
pub const MAX_FDS: usize = 5;

#[repr(C, align(8))]
struct Ancillary([u8; 64]);

/// Sends one packet with descriptors beside it.
pub fn send(channel: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>], wait: bool) -> io::Result<()> {
    assert!(fds.len() <= MAX_FDS);
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut space = Ancillary([0; 64]);
    // SAFETY: an all-zero msghdr is a valid empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    if !raw.is_empty() {
        let size = (raw.len() * size_of::<RawFd>()) as u32;
        message.msg_control = space.0.as_mut_ptr().cast();
        // SAFETY: pure arithmetic; 16 + 5 * 4 bytes fit into the 64 of `space`.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
        // SAFETY: `space` is zeroed, aligned and longer than msg_controllen, so the first header and its data lie inside.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::copy_nonoverlapping(raw.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), size as usize);
        }
    }
    let flags = libc::MSG_NOSIGNAL | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: message, parts and ancillary data live until the call returns; the kernel only reads them.
    check(unsafe { libc::sendmsg(channel.as_raw_fd(), &message, flags) } as libc::c_long).map(drop)
}

/// Receives one packet; an empty one means that the other end is closed.
pub fn receive(channel: BorrowedFd<'_>, into: &mut [u8], wait: bool) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let mut space = Ancillary([0; 64]);
    // SAFETY: an all-zero msghdr is a valid empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.0.as_mut_ptr().cast();
    message.msg_controllen = space.0.len() as _;
    let flags = libc::MSG_CMSG_CLOEXEC | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: all buffers live until the call returns, with their true lengths.
    let n = check(unsafe { libc::recvmsg(channel.as_raw_fd(), &mut message, flags) } as libc::c_long)?;
    let mut fds = Vec::new();
    // SAFETY: the kernel filled `space` up to msg_controllen; headers are walked by the macros made for it, and every
    // descriptor found is new and ours.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for at in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(ptr::read_unaligned(data.add(at))));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    if message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(io::Error::other("a packet was cut"));
    }
    Ok((n as usize, fds))
}
