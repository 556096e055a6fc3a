//! Output through pipes, kept up to a length.

use std::{io, os::fd::OwnedFd};

use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

use crate::{Captured, Error};

/// Reads one pipe of a guest.
pub struct Reader {
    from: Receiver,
    keep: usize,
}

/// So much more than the limit is read and thrown away, so that a program that writes a little too much still ends by
/// itself; past that it is stopped.
const PATIENCE_BYTES: usize = 64 << 20;

impl Reader {
    /// A pipe; the second part is the guest's end.
    pub fn new(keep: u64) -> Result<(Self, OwnedFd), Error> {
        let make = || -> io::Result<_> {
            let (ours, theirs) = io::pipe()?;
            Ok((Receiver::from_owned_fd(ours.into())?, OwnedFd::from(theirs)))
        };
        let (from, theirs) = make().map_err(Error::broken("pipe"))?;
        Ok((Self { from, keep: usize::try_from(keep).unwrap_or(usize::MAX) }, theirs))
    }
    /// Reads to the end. The second part: the guest wrote far too much, and the pipe was closed.
    pub async fn read(mut self) -> (Captured, bool) {
        let mut kept = Captured::default();
        let mut buffer = Vec::with_capacity(8 << 10);
        let mut thrown = 0;
        loop {
            buffer.clear();
            match self.from.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    let room = self.keep - kept.bytes.len();
                    kept.bytes.extend(&buffer[..n.min(room)]);
                    thrown += n.saturating_sub(room);
                    if n == buffer.capacity() && buffer.capacity() < 64 << 10 {
                        buffer.reserve(64 << 10);
                    }
                }
            }
            if thrown > PATIENCE_BYTES {
                kept.truncated = true;
                return (kept, true);
            }
        }
        kept.truncated = thrown > 0;
        (kept, false)
    }
}
