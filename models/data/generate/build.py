"""Writes ../*.jsonl from ../core. Usage: python3 build.py [name ...]; without a name, every file."""

import importlib
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
NAMES = ["benign_triggers", "benign_security_code", "benign_general", "benign_data", "attack_data", "attack_user", "content", "written"]


ENDINGS = [".com", ".com", ".org", ".net", ".io", ".de", ".co.uk", ".example"]


def homed(text):
    """Gives the made-up hosts of the core the endings that hosts have, by name, the same in both labels."""
    return re.sub(r"\b([\w-]+)\.example\b", lambda m: m.group(1) + ENDINGS[sum(m.group(1).encode()) % len(ENDINGS)], text)


def build(name):
    rows, seen = [], set()
    for row in importlib.import_module(name).rows():
        row |= {key: homed(row[key]) for key in ("text", "attack") if key in row}
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
