"""All steps in order, as the shipped weights were made. `python make.py --data FOLDER --out FOLDER --version V`."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Read off the calibrating half (evaluate.py --half calibrate --dump, then `nodeloom guard eval`), signatures on: what keeps
# harmless prompts under 3 % and harmless documents near 1 %. The shares are the network's own, without scaling.
THRESHOLDS = {"user": 0.965, "data": 0.97, "toxic": 0.85, "hate": 0.9, "harassment": 0.9, "self_harm": 0.9, "sexual": 0.9, "violence": 0.9}

LEFT = "deepset,small/bastion,bipia/email,own/written"  # only measured on


def step(name, *arguments):
    print("==", name, *arguments, flush=True)
    subprocess.run([sys.executable, str(HERE / f"{name}.py"), *map(str, arguments)], check=True)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--data", required=True)
    ask.add_argument("--out", required=True)
    ask.add_argument("--version", required=True)
    ask.add_argument("--extra", help="a folder of harmless text files to measure on as documents")
    args = ask.parse_args()
    out = Path(args.out)
    first, second = out / "first", out / "second"
    extra = ["--extra", args.extra] if args.extra else []
    step("train", "--data", args.data, "--out", first, "--layers", 4, "--scale", 0.7, "--rate", "1e-4", "--tokens", 3072, "--minutes", 9,
         "--leave", "deepset,lakera,safeguard,small,bipia,gpteacher_codegen,davidson,own/written")
    step("evaluate", "--data", args.data, "--run", first, *extra)
    step("train", "--data", args.data, "--out", second, "--layers", 4, "--scale", 0.35, "--rate", "1e-4", "--tokens", 2048, "--minutes", 36,
         "--leave", LEFT, "--start", first / "guard.pt")
    third, fourth = out / "third", out / "fourth"
    for start, run, rate in ((second, third, "8e-5"), (third, fourth, "6e-5")):
        step("train", "--data", args.data, "--out", run, "--layers", 4, "--scale", 0.7, "--rate", rate, "--tokens", 3072, "--minutes", 36,
             "--epochs", 3, "--leave", LEFT, "--start", start / "guard.pt")
    last = fourth
    for n, (rate, minutes, scale, seed) in enumerate(((8e-5, 8, 0.7, 7), (8e-5, 14, 0.8, 11), (8e-5, 42, 0.7, 13)), 5):
        run = out / f"round-{n}"
        step("train", "--data", args.data, "--out", run, "--layers", 4, "--scale", scale, "--rate", rate, "--tokens", 3072, "--minutes", minutes,
             "--epochs", 3, "--seed", seed, "--leave", LEFT, "--start", last / "guard.pt")
        last = run
    step("evaluate", "--data", args.data, "--run", last, "--half", "report", *extra)
    chosen = last / "thresholds.json"
    chosen.write_text(json.dumps({head: {"a": 1.0, "b": 0.0, "threshold": share} for head, share in THRESHOLDS.items()}))
    step("export", "--run", last, "--out", out / "export", "--version", args.version, "--calibration", chosen)
    step("fidelity", "--data", args.data, "--run", last)


if __name__ == "__main__":
    main()
