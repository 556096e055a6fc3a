"""What a trained network does on texts it has not seen: recall or false-positive rate per source, AUC per pairing.

`python evaluate.py --data FOLDER --run FOLDER [--extra FOLDER] [--half calibrate|report] [--dump FOLDER]`; --extra names a
folder of text files that count as harmless documents, a folder a source. Texts fall into two halves by their digest: one
sets thresholds, the other is reported. --dump writes the rows for `nodeloom guard eval`."""

import argparse
import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import network
import rows as prep
import sources
import textprep
from train import base_folder


def read_tokenizer():
    tokenizer = Tokenizer.from_file(base_folder() + "/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def score(guard, tokenizer, texts, most=64):
    """Highest logit over a text's windows, per head."""
    owner, ids = [], []
    for i, text in enumerate(texts):
        for cut, _, _ in textprep.windows(textprep.fold(text[:40000]), tokenizer)[:most] or [([100], 0, 0)]:
            owner.append(i)
            ids.append(cut)
    z = network.logits(guard, ids)
    out = np.full((len(texts), z.shape[1]), -1e9)
    np.maximum.at(out, np.array(owner), z)
    return out


def auc(positive, negative):
    ranks = np.argsort(np.argsort(np.concatenate([positive, negative]), kind="stable"), kind="stable")
    p, n = len(positive), len(negative)
    return (ranks[:p].sum() - p * (p - 1) / 2) / (p * n)


def held_sets(data, leave, seed, most, extra=None, half=None):
    rng = random.Random(seed)
    _, held = prep.gather(data, seed, leave, 0, 0)
    sets = defaultdict(list)
    for r in held:
        sets[(r["channel"], r["source"], r["label"])].append(r["text"])
    for r in sources.read(data, "dev/benign/self_instruct"):
        sets[("user", "self_instruct", 0)].append(r["text"])
        sets[("passage", "self_instruct", 0)].append(r["text"])
    for name in ("neuralchemy", "slabs"):
        for r in sources.read(data, f"dev/injection/{name}"):
            sets[("user", f"dev/{name}", r["label"])].append(r["text"])
    if extra:
        for path in sorted(Path(extra).rglob("*")):
            if path.is_file() and path.suffix in (".md", ".txt", ".cor"):
                text = path.read_text(errors="ignore")
                at = 0
                for _ in range(3):
                    if len(text) - at > 200:
                        sets[("data", "extra/" + path.parent.name, 0)].append(text[at:at + 900])
                    at += 1800
    for text in sources.crates(held=True):
        sets[("data", "crates", 0)].append(text)
    sets = {k: [t for t in dict.fromkeys(v) if half in (None, half_of(t))] for k, v in sets.items()}
    return {k: rng.sample(v, min(len(v), most)) for k, v in sets.items() if v}


def half_of(text):
    return "calibrate" if hashlib.sha256(text.encode()).digest()[0] < 128 else "report"


def dump(sets, folder):
    """A file a source and label, and all of a channel together."""
    for (channel, source, label), texts in sets.items():
        if channel == "passage":
            continue
        if source.startswith("own/attack_data"):
            source = "own/attack_data/" + source.rsplit("/", 1)[1].removeprefix("bare_").split("@")[0]
        path = Path(folder) / channel / (source.replace("/", "_") + ".jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": t, "label": label}, ensure_ascii=False) + "\n" for t in texts)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--data", required=True)
    ask.add_argument("--run", required=True)
    ask.add_argument("--most", type=int, default=400)
    ask.add_argument("--leave", help="default: what the run left out")
    ask.add_argument("--extra")
    ask.add_argument("--half", choices=["calibrate", "report"])
    ask.add_argument("--dump", help="write the rows there and stop")
    args = ask.parse_args()
    torch.set_num_threads(2)
    run = json.loads((Path(args.run) / "run.json").read_text())
    leave = run["leave"] if args.leave is None else args.leave.split(",")
    sets = held_sets(args.data, leave, 7, args.most, args.extra, args.half)
    if args.dump:
        dump(sets, args.dump)
        return
    tokenizer = read_tokenizer()
    guard = network.load(Path(args.run) / "guard.pt", prep.HEADS, base_folder())
    results = {}
    for key, texts in sorted(sets.items()):
        results[key] = score(guard, tokenizer, texts)
    np.savez(Path(args.run) / f"held{'-' + args.half if args.half else ''}.npz", **{"|".join(map(str, k)): v for k, v in results.items()})
    for channel in ("user", "data"):
        h = prep.HEADS.index(channel)
        mine = {k: 1 / (1 + np.exp(-v[:, h])) for k, v in results.items() if k[0] == channel or (channel == "data" and k[0] == "passage")}
        print(f"== {channel}: share at or above .3 .5 .7 .8 .9 .95 (1 = attacks: recall, 0 = harmless: false positives)")
        for (c, source, label), p in mine.items():
            print(f"{label} {source:46} n={len(p):4} " + " ".join(f"{(p >= t).mean():.3f}" for t in (.3, .5, .7, .8, .9, .95)))
        pos = [p for (c, s, label), p in mine.items() if label and not s.startswith("dev/")]
        neg = [p for (c, s, label), p in mine.items() if not label and not s.startswith("dev/")]
        if pos and neg:
            print("AUC over all held out", round(auc(np.concatenate(pos), np.concatenate(neg)), 4))
    mine = {k: v for k, v in results.items() if k[0] == "content"}
    if mine:
        h = prep.HEADS.index("toxic")
        pos, neg = [v[:, h] for k, v in mine.items() if k[2]], [v[:, h] for k, v in mine.items() if not k[2]]
        if pos and neg:
            print("== content: AUC toxic", round(auc(np.concatenate(pos), np.concatenate(neg)), 4))
        for (c, s, label), v in mine.items():
            p = 1 / (1 + np.exp(-v[:, h]))
            print(f"{label} {s:46} n={len(p):4} " + " ".join(f"{(p >= t).mean():.3f}" for t in (.3, .5, .7, .8, .9, .95)))


if __name__ == "__main__":
    main()
