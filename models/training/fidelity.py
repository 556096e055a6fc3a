"""What int8 costs: AUC of the exact network and of the shipped arithmetic (int8 weights, activations rounded per row to
8 bits) on the same texts. `python fidelity.py --data FOLDER --run FOLDER`."""

import argparse
from pathlib import Path

import numpy as np
import torch

import network
import rows as prep
from evaluate import auc, base_folder, held_sets, read_tokenizer, score
from export import pack


class Rounded(torch.nn.Module):
    """A linear layer whose input is rounded to 8 bits, one scale per row."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        scale = x.abs().amax(-1, keepdim=True).clamp(min=1e-8) / 127
        return self.linear((x / scale).round() * scale)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--data", required=True)
    ask.add_argument("--run", required=True)
    ask.add_argument("--most", type=int, default=60)
    args = ask.parse_args()
    tokenizer = read_tokenizer()
    exact = network.load(Path(args.run) / "guard.pt", prep.HEADS, base_folder())
    small = network.load(Path(args.run) / "guard.pt", prep.HEADS, base_folder())
    small.load_state_dict(pack(small.state_dict(), len(small.encoder.encoder.layer))[1])
    for layer in small.encoder.encoder.layer:
        own = layer.attention.self
        own.query, own.key, own.value = Rounded(own.query), Rounded(own.key), Rounded(own.value)
        layer.attention.output.dense = Rounded(layer.attention.output.dense)
        layer.intermediate.dense = Rounded(layer.intermediate.dense)
        layer.output.dense = Rounded(layer.output.dense)
    sets = held_sets(args.data, ["deepset", "small/bastion", "bipia/email", "davidson"], 7, args.most)
    for head, channel in (("user", "user"), ("data", "data"), ("toxic", "content")):
        h = prep.HEADS.index(head)
        texts = [(t, k[2]) for k, v in sets.items() if k[0] == channel for t in v]
        y = np.array([label for _, label in texts])
        a, b = (score(g, tokenizer, [t for t, _ in texts])[:, h] for g in (exact, small))
        print(f"{head}: n {len(y)} AUC f32 {auc(a[y == 1], a[y == 0]):.4f} int8 {auc(b[y == 1], b[y == 0]):.4f} "
              f"largest change of a logit {np.abs(a - b).max():.3f} mean {np.abs(a - b).mean():.4f}")


if __name__ == "__main__":
    main()
