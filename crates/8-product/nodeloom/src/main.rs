//! `nodeloom`: the binary. It reads the command line and hands over; it never holds logic of its own.
//! Start reading in `cli.rs` for the commands, `remote.rs` for those that ask a running server.

mod cli;
mod local;
mod remote;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") || !std::arch::is_x86_feature_detected!("fma") {
        eprintln!(
            "nodeloom: this build needs a processor with AVX2 and FMA (most since 2013), and this one has not got them."
        );
        eprintln!("Build for it: remove the target-cpu line in .cargo/config.toml, then `make build`.");
        return ExitCode::from(2);
    }
    cli::run()
}
