"""The network: a MiniLM encoder and one linear head per question on the mean of its last states."""

import torch
from torch import nn
from transformers import BertConfig, BertModel

CLS, SEP, PAD = 101, 102, 0


class Guard(nn.Module):
    def __init__(self, encoder, heads):
        super().__init__()
        self.encoder = encoder
        self.names = list(heads)
        self.heads = nn.Linear(encoder.config.hidden_size, len(self.names))

    def forward(self, ids, mask):
        states = self.encoder(ids, attention_mask=mask).last_hidden_state.float()
        mask = mask.unsqueeze(-1).float()
        pooled = (states * mask).sum(1) / mask.sum(1)
        return self.heads(pooled)


def base(folder, heads, layers):
    # Without dropout the fused attention applies, and a step takes half as long; one or two epochs do not need it.
    encoder = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa", attention_probs_dropout_prob=0.0,
                                        hidden_dropout_prob=0.0)
    encoder.encoder.layer = encoder.encoder.layer[:layers]
    encoder.config.num_hidden_layers = layers
    return Guard(encoder, heads)


def load(path, heads, config):
    saved = torch.load(path, weights_only=True)
    layers = 1 + max(int(k.split(".")[3]) for k in saved if k.startswith("encoder.encoder.layer."))
    config = BertConfig.from_pretrained(config, num_hidden_layers=layers)
    guard = Guard(BertModel(config, add_pooling_layer=False), heads)
    guard.load_state_dict(saved)
    return guard.eval()


def batch(id_lists):
    longest = max(len(ids) for ids in id_lists) + 2
    ids = torch.full((len(id_lists), longest), PAD)
    mask = torch.zeros((len(id_lists), longest), dtype=torch.long)
    for i, one in enumerate(id_lists):
        row = torch.tensor([CLS, *one, SEP])
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


@torch.no_grad()
def logits(guard, id_lists, tokens=6144):
    """In the order given; longest first inside, so that little is padded."""
    guard.eval()
    order = sorted(range(len(id_lists)), key=lambda i: len(id_lists[i]))
    out = torch.zeros(len(id_lists), len(guard.names))
    at = 0
    while at < len(order):
        size = max(1, tokens // (len(id_lists[order[min(at + 200, len(order) - 1)]]) + 2))
        some = order[at:at + size]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out[some] = guard(*batch([id_lists[i] for i in some])).float()
        at += size
    return out.numpy()
