"""From sources to labelled windows: what is left out, how much of each source is used, and which label a window gets."""

import random
import re
from collections import defaultdict

import compose
import sources
import textprep

HEADS = ["user", "data", "toxic", *sources.CATEGORIES]
# Templated or huge sources are capped, so that none of them dominates.
CAPS = {"slabs/attack": 1000, "slabs/benign": 1000, "gpteacher_codegen": 1000, "gpteacher_toolformer": 400, "neuralchemy/hackaprompt": 400,
        "satml-ctf-2024": 500, "llmail": 700, "davidson/offensive": 2600, "davidson/hate": 1430, "davidson/neither": 3400,
        "own/benign_data/data/lone_insert": 900, "own/written/users": 2000}
OWN_CAP = 500  # rows of one kind of our own


def near_duplicate_key(text):
    """Texts that differ in digits, names of one letter or punctuation only are one text."""
    return re.sub(r"[^a-z]+", " ", textprep.fold(text)[:400]).strip()[:160] or textprep.fold(text)[:160]


def gather(folder, seed, leave=(), tools=2600, documents=2600):
    """[(row, planted words or None)], labels under head names; rows of `leave`d sources come back apart."""
    rng = random.Random(seed)
    injection, content, own = sources.injection(folder), sources.content(folder), sources.own()
    left = lambda r: r.get("heldout") or any(r["source"].startswith(x) for x in leave)
    used, held, seen, counts = [], [], set(), defaultdict(int)
    rows = injection + content + own
    rng.shuffle(rows)
    for r in rows:
        if left(r):
            held.append(r)
            continue
        key = (r["channel"], near_duplicate_key(r["text"]))
        cap = CAPS.get(r["source"], OWN_CAP if r["source"].startswith("own/") else 10**9)
        if key in seen or counts[r["source"]] >= cap:
            continue
        seen.add(key)
        counts[r["source"]] += 1
        used.append(r)

    out = []
    for r in used:
        labels = {}
        if r["channel"] == "user":
            labels["user"] = r["label"]
            if r["label"]:
                labels["data"] = 1
            if r["source"].startswith(("gpteacher_codegen", "slabs/benign")) and rng.random() < 0.15:
                labels |= {"toxic": 0, **{c: 0 for c in sources.CATEGORIES}}
        elif r["channel"] == "data":
            labels["data"] = r["label"]
            if not r["label"]:
                labels["user"] = 0
        else:
            labels |= r["labels"]
            if "openai" in r["source"] or rng.random() < 0.2:
                labels["user"] = 0
                if r["source"] != "openai_moderation" or r["label"] == 0:
                    labels["data"] = 0
        out.append((dict(r, labels=labels), r.get("attack")))

    bare = [] if any("bipia".startswith(x) for x in leave) else sources.bare_attacks(folder)
    user_attacks = [r["text"] for r in used if r["channel"] == "user" and r["label"] and len(r["text"]) < 400 and r["weight"] >= 1]
    tasks = [r["text"] for r in used if r["source"] in ("gpteacher_codegen", "gpteacher_roleplay") and len(r["text"]) < 260]
    alone = lambda start: [r["text"] for r in used if r["source"].startswith(start) and len(r["text"]) < 500]
    pools = sources.documents() if tools or documents else {}
    written = [r for r in used if r["source"].startswith("own/written/") and r["channel"] == "data"]
    if written:
        pools["written"] = [r["text"] for r in written if not r["label"]]
        bare += [r["attack"] for r in written if r["attack"]]
    composer = compose.Composer(seed, pools, bare, user_attacks, tasks, alone("own/attack_data/indirect/bare_"),
                                alone("own/benign_data/data/lone_insert"))
    for source, words, text in composer.rows(tools, documents):
        labels = {"data": int(words is not None)}
        if words is None:
            labels["user"] = 0
            if rng.random() < 0.1:
                labels |= {"toxic": 0, **{c: 0 for c in sources.CATEGORIES}}
        out.append((dict(text=text, source=source, channel="data", label=labels["data"], weight=1.0, labels=labels), words))
    for text in rng.sample(pools.get("readme", []), min(len(pools.get("readme", [])), documents // 2)):
        out.append((dict(text=text, source="readme", channel="data", label=0, weight=1.0, labels={"user": 0, "data": 0}), None))
    phrases = sources.short_texts()
    rng.shuffle(phrases)
    for lang, text in phrases[:1600]:
        out.append((dict(text=text, source=f"phrases/{lang}", channel="user", label=0, weight=0.7, labels={"user": 0, "data": 0}), None))
    return out, held


def label_windows(rows, tokenizer):
    """[{ids, labels, weight, source}]: an attack's label goes to the windows that hold it."""
    out = []
    for r, words in rows:
        folded = textprep.fold(r["text"])
        cut = textprep.windows(folded, tokenizer)
        span = None
        if words and len(cut) > 1 and r["label"]:
            for probe in (textprep.fold(words).strip(), textprep.fold(words).strip()[:40].split("\n")[0].split('"')[0]):
                at = folded.find(probe) if len(probe) > 8 else -1
                if at >= 0:
                    span = (at, at + len(textprep.fold(words)))
                    break
        if len(cut) > 1 and not words and r["source"].startswith("own/attack_data"):
            continue  # nothing says which window holds the attack
        for i, (ids, start, end) in enumerate(cut[:4]):
            labels, weight = dict(r["labels"]), r["weight"]
            if span:
                overlap = min(end, span[1]) - max(start, span[0])
                if overlap <= 0:
                    labels, weight = {"data": 0}, 0.5 * weight
                elif overlap < 0.4 * (span[1] - span[0]) and overlap < 60:
                    continue
            elif i and r["label"] and len(cut) > 1:
                weight *= 0.7 if i == 1 else 0.2
                if r["channel"] == "content":
                    weight *= 0.5
            out.append(dict(ids=ids, labels=labels, weight=weight, source=r["source"]))
    return out
