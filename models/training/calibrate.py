"""Platt scaling and one threshold per head, from logits on texts that were not trained on (held.npz of evaluate.py).

The threshold is the lowest at which every harmless group with at least 60 texts stays under its limit; the printed table
shows what that costs in recall."""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import rows as prep

# Share of harmless texts that may be flagged, per group that the source's name starts with.
LIMITS = {"user": 0.02, "data": 0.008, "toxic": 0.05}


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--held", required=True, nargs="+")
    ask.add_argument("--out", required=True)
    ask.add_argument("--raw", default="", help="head=share,... before scaling: decided by hand after reading evaluate.py's table")
    args = ask.parse_args()
    result = {}
    by_hand = dict(p.split("=") for p in args.raw.split(",") if p)
    for head, channels in (("user", ("user",)), ("data", ("data",))):
        h = prep.HEADS.index(head)
        groups = {}
        for path in args.held:
            for key, z in np.load(path).items():
                channel, source, label = key.split("|")
                if channel in channels:
                    groups.setdefault((source, int(label)), []).append(z[:, h])
        groups = {k: np.concatenate(v) for k, v in groups.items()}
        x = np.concatenate(list(groups.values()))
        y = np.concatenate([np.full(len(v), k[1]) for k, v in groups.items()])
        w = np.concatenate([np.full(len(v), 1 / np.sqrt(len(v))) for v in groups.values()])
        fit = LogisticRegression(C=100, class_weight="balanced").fit(x[:, None], y, w)
        a, b = float(fit.coef_[0, 0]), float(fit.intercept_[0])
        probability = {k: 1 / (1 + np.exp(-(a * v + b))) for k, v in groups.items()}
        limit = LIMITS[head]
        threshold = max([0.5] + [float(np.quantile(p, 1 - limit)) for (s, label), p in probability.items() if not label and len(p) >= 60])
        threshold = min(0.99, threshold)
        if head in by_hand:
            raw = float(by_hand[head])
            threshold = float(1 / (1 + np.exp(-(a * np.log(raw / (1 - raw)) + b))))
        result[head] = {"a": round(a, 5), "b": round(b, 5), "threshold": round(threshold, 4)}
        print(f"== {head}: a {a:.3f} b {b:.3f} threshold {threshold:.3f}")
        for (source, label), p in sorted(probability.items(), key=lambda kv: (kv[0][1], kv[0][0])):
            print(f"  {label} {source:52} n={len(p):4} at or above: {(p >= threshold).mean():.3f}  (.5: {(p >= .5).mean():.3f} .9: {(p >= .9).mean():.3f})")
    for head in prep.HEADS:
        if head not in result and head in by_hand:
            result[head] = {"a": 1.0, "b": 0.0, "threshold": float(by_hand[head])}
    Path(args.out).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
