"""Ordinary prompts of every sort, in twelve languages."""

import re

import documents
import prompts
from grammar import read_core, render, seeded, surface, variants


def rows():
    rng, plain = seeded("benign_general"), []

    def row(text, kind, split=None, lang="en"):
        out = {"text": text, "label": 0, "channel": "user", "kind": "general/" + kind, "lang": lang}
        return out | ({"split": split} if split else {})

    for kind, split, lang, _, line in read_core("benign_general.txt"):
        if "{passage}" in line:
            for _ in range(9):
                yield row(render(re.sub(r"\{passage\}", lambda _: documents.passage(rng), line), rng), "with_text")
            continue
        for text in variants(line, rng, 8 if "{" in line or "|" in line else 1):
            plain.append((text, kind, split))
            yield row(surface(text, rng), kind, split)
    for kind, split, lang, _, line in read_core("multi_benign.txt"):
        for text in variants(line, rng, 6):
            yield row(surface(text, rng, lang), kind, split, lang)
    open_rows = [p for p in plain if not p[2]]
    for _ in range(250):
        text, kind, _ = rng.choice(open_rows)
        yield row(prompts.wrapped(rng, text), "wrapped_" + kind)
    for _ in range(80):
        yield row(prompts.transcript(rng, rng.choice(open_rows)[0]), "transcript")
    for _ in range(120):
        yield row(prompts.long_prompt(rng), "long")
    for _ in range(120):
        ask = rng.choice(["Summarise this.", "What does the sender want?", "Reply to this politely.", "Is there anything I have to do?", "Clean up the formatting.", "Extract all names and dates as JSON.",
                          "Translate this into " + render("{language}", rng) + ".", "Explain this to me.", "Turn this into a table."])
        text = documents.document(rng, rng.choice(documents.CARRIERS), documents.benign_insertion(rng) if rng.random() < 0.5 else None)
        yield row(rng.choice([f"{ask}\n\n{text}", f"{text}\n\n{ask}", f'{ask}\n"""\n{text}\n"""']), "pasted_document")
