"""All steps in order, as the shipped weights were made. `python make.py --data FOLDER --out FOLDER --version V`."""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Read off the held-out table of the shipped run: what keeps harmless prompts under 3 % and harmless documents under 4 %.
RAW = "user=0.91,data=0.94,toxic=0.7,hate=0.8,harassment=0.8,self_harm=0.8,sexual=0.8,violence=0.8"


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
         "--leave", "deepset,lakera,safeguard,small,bipia,gpteacher_codegen,davidson")
    step("evaluate", "--data", args.data, "--run", first, *extra)
    step("train", "--data", args.data, "--out", second, "--layers", 4, "--scale", 0.35, "--rate", "1e-4", "--tokens", 2048, "--minutes", 36,
         "--leave", "deepset,small/bastion,bipia/email", "--start", first / "guard.pt")
    step("evaluate", "--data", args.data, "--run", second, *extra)
    step("calibrate", "--held", second / "held.npz", "--out", second / "calibration.json", "--raw", RAW)
    step("export", "--run", second, "--out", out / "export", "--version", args.version, "--calibration", second / "calibration.json")
    step("fidelity", "--data", args.data, "--run", second)


if __name__ == "__main__":
    main()
