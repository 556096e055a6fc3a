//! From a [`Filter`] to instructions for the kernel, and a small machine that runs them for tests.

use super::{Filter, Rule, Test, Verdict};

/// One instruction, laid out as the kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How far to jump when the comparison holds.
    pub jt: u8,
    /// How far to jump when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_00B7;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const IF_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const NUMBER: u32 = 0;
const ARCH: u32 = 4;
/// Numbers from here on belong to the x32 interface, which nobody needs.
const FOREIGN: u32 = 0x4000_0000;

/// From an argument's low half to its high half.
const HIGH: u32 = 4;

const fn argument(index: u8) -> u32 {
    16 + 8 * index as u32
}

fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn answer(verdict: Verdict) -> Instruction {
    op(RETURN, 0, 0, value(verdict))
}

const fn value(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => 0x7FFF_0000,
        Verdict::Errno(number) => 0x0005_0000 | number as u32,
        Verdict::Kill => 0x8000_0000,
    }
}

/// Makes the instructions.
pub fn compile(filter: &Filter) -> Vec<Instruction> {
    let kill = answer(Verdict::Kill);
    let mut program = vec![
        op(LOAD, 0, 0, ARCH),
        op(IF_EQUAL, 1, 0, ARCHITECTURE),
        kill,
        op(LOAD, 0, 0, NUMBER),
        op(IF_AT_LEAST, 0, 1, FOREIGN),
        kill,
    ];
    program.extend(tree(&stretches(filter)));
    program
}

/// The whole range of numbers, cut where the rule changes: (first number, rule).
fn stretches(filter: &Filter) -> Vec<(u32, Rule)> {
    let otherwise = Rule::Plain(filter.otherwise);
    let mut cuts: Vec<(u32, Rule)> = vec![(0, otherwise)];
    for (number, rule) in &filter.rules {
        for (at, rule) in [(*number, *rule), (number + 1, otherwise)] {
            while cuts.last().is_some_and(|(last, _)| *last >= at) {
                cuts.pop();
            }
            if cuts.last().is_none_or(|(_, last)| *last != rule) {
                cuts.push((at, rule));
            }
        }
    }
    cuts
}

fn tree(cuts: &[(u32, Rule)]) -> Vec<Instruction> {
    if let [(_, rule)] = cuts {
        return leaf(*rule);
    }
    let (low, high) = cuts.split_at(cuts.len() / 2);
    let (left, right) = (tree(low), tree(high));
    let mut program = match u8::try_from(left.len()) {
        Ok(over) => vec![op(IF_AT_LEAST, over, 0, high[0].0)],
        Err(_) => vec![op(IF_AT_LEAST, 0, 1, high[0].0), op(JUMP, 0, 0, left.len() as u32)],
    };
    program.extend(left);
    program.extend(right);
    program
}

fn leaf(rule: Rule) -> Vec<Instruction> {
    match rule {
        Rule::Plain(verdict) => vec![answer(verdict)],
        Rule::When { ways, otherwise } => {
            let mut program: Vec<_> = ways.iter().flat_map(|tests| way(tests)).collect();
            program.push(answer(otherwise));
            program
        }
    }
}

/// Allows when all tests hold; otherwise goes on behind itself.
fn way(tests: &[Test]) -> Vec<Instruction> {
    let mut program = vec![answer(Verdict::Allow)];
    for test in tests.iter().rev() {
        // what is there already is jumped over when this test fails
        let fail = u8::try_from(program.len()).unwrap_or(u8::MAX - 2);
        let mut part = match *test {
            Test::Is(index, value) => vec![op(LOAD, 0, 0, argument(index)), op(IF_EQUAL, 0, fail, value)],
            Test::Not(index, value) => vec![op(LOAD, 0, 0, argument(index)), op(IF_EQUAL, fail, 0, value)],
            Test::NoBits(index, mask) => vec![op(LOAD, 0, 0, argument(index)), op(IF_ANY_BIT, fail, 0, mask)],
            Test::Null(index) => vec![
                op(LOAD, 0, 0, argument(index)),
                op(IF_EQUAL, 0, fail + 2, 0),
                op(LOAD, 0, 0, argument(index) + HIGH),
                op(IF_EQUAL, 0, fail, 0),
            ],
            Test::OneOf(index, values) => {
                let others = values.iter().enumerate().map(|(at, value)| {
                    let left = (values.len() - 1 - at) as u8;
                    op(IF_EQUAL, left, if left == 0 { fail } else { 0 }, *value)
                });
                std::iter::once(op(LOAD, 0, 0, argument(index))).chain(others).collect()
            }
        };
        part.extend(program);
        program = part;
    }
    program
}

/// Runs the instructions as the kernel would.
pub fn judge(program: &[Instruction], architecture: u32, number: u32, arguments: [u64; 6]) -> Verdict {
    let (mut at, mut held) = (0usize, 0u32);
    while let Some(op) = program.get(at) {
        at += 1;
        let jump = |holds: bool| usize::from(if holds { op.jt } else { op.jf });
        match op.code {
            LOAD => {
                held = match op.k {
                    NUMBER => number,
                    ARCH => architecture,
                    k => (arguments[(k as usize - 16) / 8] >> (8 * ((k - 16) % 8))) as u32,
                }
            }
            JUMP => at += op.k as usize,
            IF_EQUAL => at += jump(held == op.k),
            IF_AT_LEAST => at += jump(held >= op.k),
            IF_ANY_BIT => at += jump(held & op.k != 0),
            RETURN => {
                return match op.k & 0xFFFF_0000 {
                    0x7FFF_0000 => Verdict::Allow,
                    0x0005_0000 => Verdict::Errno((op.k & 0xFFFF) as u16),
                    _ => Verdict::Kill,
                };
            }
            _ => return Verdict::Kill,
        }
    }
    Verdict::Kill
}
