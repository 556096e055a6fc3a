//! Which users of the host guests are.

use std::fs;

use sandbox_launcher::sys;

/// Where guests' users come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// The server is root and gives each launcher a number of its own, from the first on, so many in all.
    Given { first: u32, count: u32 },
    /// The server's own user, which is not root.
    Own,
    /// The server is root of a user namespace in which no other number exists: guests are the user behind it.
    OwnRoot,
    /// The same, and the user behind it may be the host's root: code must not run.
    Root,
}

impl Users {
    /// Looks at who we are, and which numbers exist here.
    pub fn find(wanted: u32) -> Self {
        if sys::ids().0 != 0 {
            return Self::Own;
        }
        Self::choose(&fs::read_to_string("/proc/self/uid_map").unwrap_or_default(), wanted)
    }
    fn choose(map: &str, wanted: u32) -> Self {
        const MOST: u64 = 0x1_0000;
        let ranges = map.lines().filter_map(|line| {
            let mut words = line.split_whitespace().map(str::parse::<u64>);
            let (inside, outside, count) = (words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?);
            Some((inside, inside + count, outside))
        });
        let ranges: Vec<(u64, u64, u64)> = ranges.collect();
        let wanted = u64::from(wanted);
        if ranges.is_empty() || ranges.iter().any(|(from, to, _)| *from <= wanted && wanted + MOST <= *to) {
            return Self::Given { first: wanted as u32, count: MOST as u32 };
        }
        // in a container with few numbers: its last ones, which nobody is likely to have
        let last = ranges.iter().max_by_key(|(from, to, _)| to - from).copied().unwrap_or_default();
        let count = ((last.1 - last.0) / 4).min(MOST);
        match count {
            0 if ranges.iter().any(|(from, _, outside)| *from == 0 && *outside == 0) => Self::Root,
            0 => Self::OwnRoot,
            _ => Self::Given { first: (last.1 - count) as u32, count: count as u32 },
        }
    }
    /// The number for the launcher that is started as the `nth`; `None` = the server's own.
    pub fn pick(self, nth: u32) -> Option<u32> {
        match self {
            Self::Given { first, count } => Some(first + nth % count),
            Self::Own | Self::OwnRoot | Self::Root => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_where_they_exist() {
        let choose = |map: &str| Users::choose(map, 0x7000_0000);
        assert_eq!(choose("0 0 4294967295\n"), Users::Given { first: 0x7000_0000, count: 0x1_0000 });
        assert_eq!(choose("0 1000 1\n1 100000 65536\n"), Users::Given { first: 49153, count: 16384 });
        assert_eq!(choose("0 1000 1\n"), Users::OwnRoot);
        assert_eq!(choose("0 0 1\n"), Users::Root);
    }
}
