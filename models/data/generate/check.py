"""Checks the built rows: labels and fields, duplicates, words that give a label away, and (with a folder as argument)
that no row stands in other people's data. Exits 1 on a defect. Usage: python3 check.py [folder of .jsonl.gz]"""

import collections
import gzip
import json
import math
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def key(text):
    return re.sub(r"\W+", " ", text.lower()).strip()


def rows():
    for path in sorted(HERE.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield path.stem, json.loads(line)


def main():
    bad, seen, table, words = [], {}, collections.Counter(), {}
    held = collections.defaultdict(set)
    for name, r in rows():
        k = key(r["text"])
        known = seen.setdefault((r.get("channel"), k), (name, r.get("label")))
        if "label" in r and known[1] != r["label"]:
            bad.append(f"both labels: {r['kind']} {r['text'][:80]!r}")
        held[r["kind"]].add(r.get("split"))
        if "labels" in r:
            if set(r["labels"]) != {"hate", "harassment", "self_harm", "sexual", "violence"}:
                bad.append("content labels")
            continue
        table[(r["channel"], r["label"], "rows")] += 1
        table[(r["channel"], r["label"], "chars")] += len(r["text"])
        for w in set(re.findall(r"[a-z']{3,}", r["text"].lower())):
            words.setdefault(r["channel"], collections.Counter())[(w, r["label"])] += 1
    for (channel, label, what), n in sorted(table.items()):
        if what == "rows":
            print(f"{channel} label {label}: {n} rows, mean {table[(channel, label, 'chars')] / n:.0f} characters")
    for channel, count in words.items():
        n = {lab: table[(channel, lab, "rows")] for lab in (0, 1)}
        score = {w: math.log((count[(w, 1)] + 5) / n[1]) - math.log((count[(w, 0)] + 5) / n[0]) for w in {w for w, _ in count} if count[(w, 0)] + count[(w, 1)] > 60}
        ranked = sorted(score, key=score.get)
        print(channel, "leans to 1:", ", ".join(f"{w} {count[(w, 1)]}/{count[(w, 0)]}" for w in ranked[-25:][::-1]))
        print(channel, "leans to 0:", ", ".join(f"{w} {count[(w, 1)]}/{count[(w, 0)]}" for w in ranked[:25]))
    if len(sys.argv) > 1:
        theirs = set()
        for path in Path(sys.argv[1]).rglob("*.jsonl.gz"):
            with gzip.open(path, "rt", encoding="utf-8") as f:
                theirs.update(key(json.loads(line)["text"]) for line in f)
        same = [(name, k) for (_, k), (name, _) in seen.items() if k in theirs]
        print(f"rows that stand in {len(theirs)} other rows: {len(same)} {same[:12]}")
        bad += [f"copied: {k}" for name, k in same if len(k.split()) > 6]
    print(f"{len(seen)} distinct rows, {len(bad)} defects", *bad[:20], sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
