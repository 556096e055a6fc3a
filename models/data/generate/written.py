"""Rows written one by one, as strangers' text looks: ../written/NAME[-K].txt, rows apart by a line of equals signs. A row
begins with `# label=0|1 lang=xx kind=NAME [categories=a,b]`; «« »» stand around an attack's own words."""

import re
from pathlib import Path

CHANNEL = {"office": "data", "mails": "data", "tools": "data", "papers": "data", "quiet": "data", "orders": "data", "users": "user", "direct": "user"}  # the others are comments
LABELS = ["hate", "harassment", "self_harm", "sexual", "violence"]
HEAD = re.compile(r"#\s*label=([01])\s+lang=(\S+)\s+kind=\S+(?:\s+categories=(\S*))?\s*$")
EVERY = 7  # one row in so many is only measured on


def rows():
    for path in sorted((Path(__file__).resolve().parent.parent / "written").glob("*.txt")):
        name = path.stem.split("-")[0]
        for n, block in enumerate(re.split(r"^=====+\s*$", path.read_text(encoding="utf-8"), flags=re.M)):
            if not block.strip():
                continue
            head, _, text = block.strip().partition("\n")
            match = HEAD.match(head)
            if not match or not text.strip():
                raise SystemExit(f"{path.name}, row {n}: {head[:80]!r} is no header, or nothing follows it")
            yield row(name, *match.groups(), text.strip("\n"), n % EVERY == 3)


def unmarked(text):
    """The text without the marks, and the longest of what stood between them."""
    open_, close = ("««", "»»") if "««" in text else ("«", "»")
    marked = re.findall(f"{open_}(.+?){close}", text, re.S)
    return text.replace(open_, "").replace(close, ""), max((one.strip() for one in marked), key=len, default=None)


def row(name, label, lang, categories, text, held):
    attack = None
    if label == "1" and CHANNEL.get(name) == "data":
        text, attack = unmarked(text)
    out = {"text": text, "lang": lang, "kind": name}
    if name in CHANNEL:
        out |= {"label": int(label), "channel": CHANNEL[name]}
    else:
        on = [one for one in (categories or "").split(",") if one]
        if set(on) - set(LABELS) or bool(on) != (label == "1"):
            raise SystemExit(f"{name}: categories {on} of label {label}: {text[:60]!r}")
        out["labels"] = {one: int(one in on) for one in LABELS}
    return out | ({"attack": attack} if attack else {}) | ({"split": "heldout"} if held else {})
