"""Leave one source out, cheaply: the encoder as it came (never fine-tuned), one logistic head per fold.

`python leave_one_out.py --data FOLDER`. Each fold trains on every source but one and is measured on that one: attacks by
recall at a threshold that flags 2 % of the harmless sources left out with it, harmless sources by what they flag at .5."""

import argparse
import random

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

import network
import rows as prep
from evaluate import auc, read_tokenizer
from train import base_folder

GROUPS = {
    "user": ["neuralchemy", "slabs", "satml", "safeguard", "trustai", "jackhhao", "lakera", "deepset", "garak", "yanismiraoui", "small", "own/attack_user",
             "gpteacher_codegen", "gpteacher_roleplay", "prompt_armor_benign", "own/benign_triggers", "own/benign_general", "own/benign_security"],
    "data": ["bipia", "llmail", "small", "composed", "own/attack_data", "own/benign_data"],
}


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--data", required=True)
    ask.add_argument("--most", type=int, default=350, help="windows of a source")
    args = ask.parse_args()
    torch.set_num_threads(2)
    rng = random.Random(5)
    tokenizer = read_tokenizer()
    used, _ = prep.gather(args.data, 7, (), 700, 700)
    rng.shuffle(used)
    windows, counts = [], {}
    for w in prep.label_windows(used[:40000], tokenizer):
        key = w["source"].split("/")[0] + str(w["labels"]) if not w["source"].startswith(("own", "neural", "slabs")) else w["source"]
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= args.most and ("user" in w["labels"] or "data" in w["labels"]):
            windows.append(w)
    guard = network.base(base_folder(), prep.HEADS, 6)
    guard.heads = torch.nn.Identity()
    x = pooled(guard, [w["ids"] for w in windows])
    for head, groups in GROUPS.items():
        y = np.array([w["labels"].get(head, -1) for w in windows])
        source = np.array([w["source"] for w in windows])
        weight = np.array([w["weight"] for w in windows])
        for group in groups:
            out = np.char.startswith(source.astype(str), group)
            fit, test = (y >= 0) & ~out, (y >= 0) & out
            model = LogisticRegression(C=3, max_iter=400, class_weight="balanced").fit(x[fit], y[fit], weight[fit])
            p = model.predict_proba(x[test])[:, 1]
            pos, neg = p[y[test] == 1], p[y[test] == 0]
            line = f"{head} without {group:22}"
            if len(pos):
                line += f" recall at .5 {np.mean(pos >= .5):.3f} at .8 {np.mean(pos >= .8):.3f} (n={len(pos)})"
            if len(neg):
                line += f" false positives at .5 {np.mean(neg >= .5):.3f} at .8 {np.mean(neg >= .8):.3f} (n={len(neg)})"
            if len(pos) and len(neg):
                line += f" AUC {auc(pos, neg):.3f}"
            print(line, flush=True)


@torch.no_grad()
def pooled(guard, id_lists):
    order = sorted(range(len(id_lists)), key=lambda i: len(id_lists[i]))
    out = np.zeros((len(id_lists), 384), dtype=np.float32)
    for at in range(0, len(order), 48):
        some = order[at:at + 48]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = guard(*network.batch([id_lists[i] for i in some])).float().numpy()
        out[some] = z / np.linalg.norm(z, axis=1, keepdims=True)
    return out


if __name__ == "__main__":
    main()
