//! What the server and a launcher say to each other: one packet each way per job, numbers little-endian.
//!
//! The launcher trusts the server; the server reads answers defensively, because a launcher stands next to hostile code.

/// Which system calls, which files: a launcher is made for one profile and keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// An empty root and the shortest list of system calls: our own JavaScript runner.
    Javascript,
    /// An empty root and the list for any program.
    Empty,
    /// The host's /usr, read-only, and the list for any program.
    HostUsr,
    /// A tree made by `nodeloom sandbox build-root`, read-only, and the list for any program.
    Tree,
}

impl Profile {
    /// The word on the launcher's command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Javascript => "javascript",
            Self::Empty => "empty",
            Self::HostUsr => "host-usr",
            Self::Tree => "tree",
        }
    }
    /// Whether guests see files at all.
    pub const fn has_files(self) -> bool {
        matches!(self, Self::HostUsr | Self::Tree)
    }
    /// The profile called `word`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Javascript, Self::Empty, Self::HostUsr, Self::Tree].into_iter().find(|profile| profile.word() == word)
    }
}

/// What the server may send while a job runs: kill it, and report as usual.
pub const STOP: &[u8] = b"stop";

/// The largest packet in either direction.
pub const MAX_PACKET: usize = 128 << 10;

/// One job. Its descriptors travel beside it, in this order: standard input, output, error, then the result channel if
/// [`Job::result_channel`] is set, then the program if [`Job::path`] is empty or the script if [`Job::script`] is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    pub wall_ms: u64,
    pub cpu_seconds: u64,
    /// 0 = no limit by this mechanism.
    pub address_space: u64,
    /// By RLIMIT_NPROC; 0 = no limit by this mechanism.
    pub processes: u64,
    pub open_files: u64,
    pub scratch_bytes: u64,
    /// The guest gets a network namespace of its own. Without it, it shares the launcher's, which is as empty, belongs
    /// to nobody else, and offers nothing to keep: making and clearing one costs more than the rest of a short run.
    pub own_network: bool,
    /// The guest gets a fourth descriptor to write its result to.
    pub result_channel: bool,
    /// The longest standard output, error and result passed on. For keepers; launchers hand descriptors on.
    pub output_bytes: [u64; 3],
    /// A script that is handed in: its name in a /tmp of the guest's own; empty = none.
    pub script: Vec<u8>,
    /// Absolute path inside the root; empty = the program is the fifth descriptor.
    pub path: Vec<u8>,
    /// Argument 0 included.
    pub arguments: Vec<Vec<u8>>,
}

/// What the launcher says once, when it is ready to take jobs (or never will be).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Empty = ready.
    pub failed_at: String,
    pub errno: i32,
    /// The version of Landlock in force for guests, 0 = none.
    pub landlock: u32,
}

/// What a keeper says at the end: see [`crate::keeper`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub report: Report,
    /// Kills for want of memory as the container itself could see them; `None` = it could not.
    pub memory_kills: Option<u64>,
    /// The version of Landlock in force for the guest, 0 = none.
    pub landlock: u32,
    /// Something was dropped of standard output, standard error, the result.
    pub cut: [bool; 3],
    /// The guest was stopped because it wrote far too much.
    pub flooded: bool,
}

/// What a frame of a keeper holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    Out,
    Err,
    Result,
    /// A [`Kept`], the last frame.
    End,
    /// The keeper itself failed; the text says at what.
    Failed,
}

impl Frame {
    const ALL: [Self; 5] = [Self::Out, Self::Err, Self::Result, Self::End, Self::Failed];

    /// The five bytes before `length` bytes of this kind.
    pub fn head(self, length: u32) -> [u8; 5] {
        let [a, b, c, d] = length.to_le_bytes();
        [self as u8 + 1, a, b, c, d]
    }
    /// Reads what [`Self::head`] wrote.
    pub fn read(head: [u8; 5]) -> Option<(Self, usize)> {
        let [kind, a, b, c, d] = head;
        let kind = Self::ALL.into_iter().find(|known| *known as u8 + 1 == kind)?;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        (length <= MAX_FRAME).then_some((kind, length))
    }
}

/// The largest frame of a keeper.
pub const MAX_FRAME: usize = 64 << 10;

/// What came of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// As `waitpid` gave it.
    pub status: i32,
    pub timed_out: bool,
    /// Where the child failed before it became the program; 0 = nowhere. See [`crate::child::Step`].
    pub failed_step: u32,
    pub errno: i32,
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_bytes: u64,
}

impl Job {
    /// Writes the packet.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Vec::with_capacity(256);
        for number in
            [self.wall_ms, self.cpu_seconds, self.address_space, self.processes, self.open_files, self.scratch_bytes]
        {
            to.extend(number.to_le_bytes());
        }
        to.extend(u64::from(self.own_network).to_le_bytes());
        to.extend(u64::from(self.result_channel).to_le_bytes());
        to.extend(self.output_bytes.into_iter().flat_map(u64::to_le_bytes));
        put(&mut to, &self.script);
        put(&mut to, &self.path);
        to.extend((self.arguments.len() as u64).to_le_bytes());
        for argument in &self.arguments {
            put(&mut to, argument);
        }
        to
    }
    /// Reads a packet; `None` when it is not one.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let mut from = Reader(packet);
        let mut job = Self {
            wall_ms: from.number()?,
            cpu_seconds: from.number()?,
            address_space: from.number()?,
            processes: from.number()?,
            open_files: from.number()?,
            scratch_bytes: from.number()?,
            own_network: from.number()? != 0,
            result_channel: from.number()? != 0,
            output_bytes: [from.number()?, from.number()?, from.number()?],
            script: from.bytes()?,
            path: from.bytes()?,
            arguments: Vec::new(),
        };
        let count = from.number()?;
        if count > MAX_PACKET as u64 {
            return None;
        }
        for _ in 0..count {
            job.arguments.push(from.bytes()?);
        }
        from.0.is_empty().then_some(job)
    }
}

impl Hello {
    /// Writes the packet.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        to.extend((self.errno as u32 as u64).to_le_bytes());
        to.extend(u64::from(self.landlock).to_le_bytes());
        put(&mut to, self.failed_at.as_bytes());
        to
    }
    /// Reads a packet; `None` when it is not one.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let mut from = Reader(packet);
        let errno = from.number()? as u32 as i32;
        let landlock = u32::try_from(from.number()?).ok()?;
        let failed_at = String::from_utf8(from.bytes()?).ok()?;
        from.0.is_empty().then_some(Self { failed_at, errno, landlock })
    }
}

impl Report {
    /// Writes the packet.
    pub fn encode(&self) -> Vec<u8> {
        [
            self.status as u32 as u64,
            u64::from(self.timed_out),
            u64::from(self.failed_step),
            self.errno as u32 as u64,
            self.wall_us,
            self.cpu_us,
            self.peak_bytes,
        ]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect()
    }
    /// Reads a packet; `None` when it is not one.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let mut from = Reader(packet);
        let report = Self {
            status: from.number()? as u32 as i32,
            timed_out: from.number()? != 0,
            failed_step: u32::try_from(from.number()?).ok()?,
            errno: from.number()? as u32 as i32,
            wall_us: from.number()?,
            cpu_us: from.number()?,
            peak_bytes: from.number()?,
        };
        from.0.is_empty().then_some(report)
    }
}

impl Kept {
    /// Writes the frame's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = self.report.encode();
        let [out, err, result] = self.cut;
        let numbers = [
            self.memory_kills.map_or(0, |kills| kills + 1),
            u64::from(self.landlock),
            u64::from(out) | u64::from(err) << 1 | u64::from(result) << 2 | u64::from(self.flooded) << 3,
        ];
        to.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        to
    }
    /// Reads a frame's content; `None` when it is not one.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let (report, rest) = packet.split_at_checked(7 * 8)?;
        let report = Report::decode(report)?;
        let mut from = Reader(rest);
        let memory_kills = from.number()?.checked_sub(1);
        let landlock = u32::try_from(from.number()?).ok()?;
        let bits = from.number()?;
        let bit = |n: u32| bits >> n & 1 == 1;
        from.0.is_empty().then_some(Self {
            report,
            memory_kills,
            landlock,
            cut: [bit(0), bit(1), bit(2)],
            flooded: bit(3),
        })
    }
}

fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u64).to_le_bytes());
    to.extend(bytes);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        if length > self.0.len() {
            return None;
        }
        let (head, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(head.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_read_back_and_broken_ones_do_not() {
        let job =
            Job { wall_ms: 5, path: b"/usr/bin/x".to_vec(), arguments: vec![b"x".to_vec(), vec![]], ..Job::default() };
        assert_eq!(Job::decode(&job.encode()), Some(job.clone()));
        let report = Report { status: 9, timed_out: true, errno: -1, wall_us: 7, ..Report::default() };
        assert_eq!(Report::decode(&report.encode()), Some(report));
        let hello = Hello { failed_at: "mount".into(), errno: 1, landlock: 7 };
        assert_eq!(Hello::decode(&hello.encode()), Some(hello));
        let kept = Kept { report, memory_kills: Some(0), landlock: 7, cut: [false, true, false], flooded: true };
        assert_eq!(Kept::decode(&kept.encode()), Some(kept));
        assert_eq!(Kept::decode(&kept.encode()[..79]), None);
        assert_eq!(Frame::read(Frame::Result.head(70)), Some((Frame::Result, 70)));
        assert_eq!((Frame::read([0, 1, 0, 0, 0]), Frame::read([1, 0, 0, 2, 0])), (None, None));
        for cut in 0..job.encode().len() {
            assert_eq!(Job::decode(&job.encode()[..cut]), None);
        }
    }
}
