//! Builds the two static helpers (the launcher and the JavaScript runner) that `sandbox` carries inside itself, so that
//! NodeLoom stays one binary and needs nothing installed. They get a target directory of their own, because the outer
//! build holds the lock of the usual one, and flags of their own, because they must not need a dynamic linker.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a build script reads cargo's environment, starts cargo, and may stop loudly"
)]

use std::{env, fs, path::PathBuf, process::Command};

const HELPERS: [(&str, &str); 2] = [("sandbox_launcher", "nodeloom-launcher"), ("js_runner", "nodeloom-js")];

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let rooms = here.parent().unwrap();
    for (package, _) in HELPERS {
        println!("cargo::rerun-if-changed={}", rooms.join(package).join("src").display());
        println!("cargo::rerun-if-changed={}", rooms.join(package).join("Cargo.toml").display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let target = env::var("TARGET").unwrap();
    // <target>/<profile>/build/sandbox-<hash>/out, with or without a <triple> in the middle
    let shared = out.ancestors().find(|at| at.join("CACHEDIR.TAG").exists()).unwrap_or(&out);
    let built = shared.join("js-runner");
    let mut cargo = Command::new(env::var("CARGO").unwrap());
    cargo.current_dir(rooms).args(["build", "--release", "--bins", "--target", &target, "--target-dir"]).arg(&built);
    for (package, _) in HELPERS {
        cargo.args(["-p", package]);
    }
    for name in ["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(name);
    }
    // what cargo told this script about the outer build must not leak into the inner one
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_FEATURE_", "CARGO_CFG_", "CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| text.starts_with(start))
        {
            cargo.env_remove(&name);
        }
    }
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the sandbox's static helpers did not build; they need a C compiler and static libc");
    for (_, binary) in HELPERS {
        fs::copy(built.join(&target).join("release").join(binary), out.join(binary)).unwrap();
    }
}
