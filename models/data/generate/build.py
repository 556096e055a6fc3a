"""Writes ../*.jsonl from ../core. Usage: python3 build.py [name ...]; without a name, every file."""

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
NAMES = ["benign_triggers", "benign_security_code", "benign_general", "benign_data", "attack_data", "attack_user", "content"]


def build(name):
    rows, seen = [], set()
    for row in importlib.import_module(name).rows():
        key = " ".join(row["text"].split()).lower()
        if key and key not in seen:
            seen.add(key)
            rows.append(row)
    path = HERE.parent / f"{name}.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    held = sum(r.get("split") == "heldout" for r in rows)
    size = sum(len(r["text"]) for r in rows) / max(1, len(rows))
    print(f"{name}: {len(rows)} rows, {held} held out, mean {size:.0f} characters")


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        if (HERE / f"{each}.py").exists():
            build(each)
