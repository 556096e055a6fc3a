"""Tool results, documents and retrieved passages without any attack."""

import documents
from grammar import SLOTS, read_core, render, seeded

WEIGHT = {"passage": 75, "passage_long": 60, "json_tool": 34, "email": 32, "legal_report": 20, "calendar_slip": 20}
LONE = ["mailbody", "custnote", "review", "slack", "tweet", "eventnote", "todo", "ticketbody", "manual", "policy", "paper", "legal", "readme",
        "recipestep", "bugbody", "hoteltext", "jobtext"]


def rows():
    rng = seeded("benign_data")

    def row(text, kind, split=None):
        out = {"text": text, "label": 0, "channel": "data", "kind": "data/" + kind, "lang": "en"}
        return out | ({"split": split} if split else {})

    for carrier in documents.CARRIERS:
        for _ in range(WEIGHT.get(carrier[0], 24)):
            insertion = documents.benign_insertion(rng) if rng.random() < 0.6 else None
            yield row(documents.document(rng, carrier, insertion), carrier[0], carrier[1])
    for name in LONE:
        for text in SLOTS[name]:
            yield row(render(text, rng), "lone_" + name)
            yield row(render(text, rng) + " " + render(rng.choice(SLOTS[name]), rng), "lone_" + name)
    for line in documents.BENIGN:
        for _ in range(3):
            yield row(render(line, rng), "lone_insert")
    for _ in range(300):
        yield row(documents.passage(rng, 1, 3), "passage_short")
    for kind, split, lang, _, line in read_core("benign_data_multi.txt"):
        for _ in range(3):
            yield row(render(line, rng), kind, split) | {"lang": lang}
