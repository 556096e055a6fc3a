"""Harmless prompts that are full of the words attackers use."""

import prompts
from grammar import read_core, seeded, surface, variants


def row(text, kind, split=None, lang="en"):
    out = {"text": text, "label": 0, "channel": "user", "kind": "triggers/" + kind, "lang": lang}
    return out | ({"split": split} if split else {})


def rows():
    rng, plain = seeded("benign_triggers"), []
    for kind, split, lang, _, line in read_core("benign_triggers.txt"):
        for text in variants(line, rng, 7 if "{" in line or "[" in line else 1):
            plain.append((text, kind, split, lang))
            yield row(surface(text, rng, lang), kind, split, lang)
    mixed = [p for p in plain if p[1] not in ("word_soup",) and not p[2]]
    for _ in range(350):
        text, kind, _, _ = rng.choice(mixed)
        yield row(prompts.wrapped(rng, text), "wrapped_" + kind)
    for _ in range(150):
        yield row(" ".join(p[0] for p in rng.sample(mixed, rng.randint(2, 3))), "several")
    for kind, make, n, split in (("long", prompts.long_prompt, 300, None), ("persona", prompts.persona, 260, None), ("chatbot_setup", prompts.setup, 220, None), ("few_shot", prompts.few_shot, 80, "heldout")):
        for _ in range(n):
            yield row(make(rng), kind, split)
