"""How long each layer of the guardrails takes on one core: texts of 64 and 512 words and of one megabyte, made here.

`guard eval` does the measuring; this only makes the rows and prints one table. Each text is different, so that nothing
is answered from a cache, and none is an attack: an attack is often decided by the cheap layer alone."""

import argparse
import json
import random
import shutil
import subprocess
import tempfile

WORDS = """the harbour was quiet that morning and boats lay still while people from town walked along quay with bread
coffee letters for friends abroad who had moved north last spring after long talks about work weather prices schools
gardens trains bridges music books doctors neighbours cousins holidays recipes engines windows maps cameras tickets
budgets meetings invoices shipments contracts deadlines reports figures tables charts colours shapes numbers""".split()

LAYERS = [
    ("signatures and learned model", ["--check", "prompt_injection", "--channel", "user"]),
    ("the same for data", ["--check", "prompt_injection", "--channel", "data"]),
    ("personal data and secrets", ["--check", "pii"]),
    ("SQL in a text", ["--check", "sql"]),
    ("harmful content, local", ["--check", "content"]),
]
# What issue 3 asks for, p50 in milliseconds on one core.
REACH = {("--check pii", 512): 0.3, ("--check sql", 512): 0.3, ("--check prompt_injection", 64): 10, ("--check prompt_injection", 512): 60}


def text(words, draw):
    out = []
    while len(out) < words:
        out += [w.capitalize() if i == 0 else w for i, w in enumerate(draw.choices(WORDS, k=draw.randint(6, 16)))]
        out[-1] += "."
    return " ".join(out[:words])


def measure(guard, flags, rows, spans):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"text": row, "spans": []} if spans else {"text": row, "label": 0}) + "\n")
        file.flush()
        # One core, where the tool for it is there.
        pin = ["taskset", "-c", "0"] if shutil.which("taskset") else []
        done = subprocess.run([*pin, guard, "eval", *flags, "--json", file.name], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--guard", required=True)
    ask.add_argument("--rows", type=int, default=200)
    given = ask.parse_args()
    draw = random.Random(7)
    print("| layer | words | texts | p50 ms | p95 ms | p99 ms | asked |\n|---|---|---|---|---|---|---|")
    for name, flags in LAYERS:
        for words, count in ((64, given.rows), (512, given.rows), (170_000, 3)):
            m = measure(given.guard, flags, [text(words, draw) for _ in range(count)], "pii" in flags)
            reach = REACH.get((" ".join(flags[:2]), words))
            shown = f"≤ {reach}" if reach else "–"
            print(f"| {name} | {words} | {count} | {m['p50_ms']:.3f} | {m['p95_ms']:.3f} | {m['p99_ms']:.3f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
