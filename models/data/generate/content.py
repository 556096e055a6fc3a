"""Comments for the content filter: five categories, and harmless comments that look like them."""

import re

from grammar import SLOTS, read_core, seeded, surface, variants

YOUNG = re.compile(r"daughter|son\b|school|class|teen|child|girl|boy|kid|baby|parent|birthday", re.I)  # never beside sexual text
LABELS = ["hate", "harassment", "self_harm", "sexual", "violence"]
CONTEXT = ["I read the {t} twice. ", "@{p} ", "Re: {t}. ", "Okay, listen. ", "After all these years on this forum: ", "lol. ", "Seriously, ", "As I said on the talk page, ", "== {t} ==\n", ":: ", "RT @{p}: "]
AFTER = [" Just saying.", " End of story.", " Think about it.", " Bye.", " I said what I said.", " (signed, {p})", " --{p} 10:41, 3 May", " lol", " ...", "!!!", " What do you all think?", " No more from me on {t}."]


def rows():
    rng = seeded("content")
    made = []
    for kind, split, lang, head, line in read_core("content.txt"):
        on = [] if "labels" not in head else head["labels"].split(",")
        plain = "{" not in line
        for text in variants(line, rng, 1 if plain else (6 if on else 5)):
            made.append((text, kind, split, on))
            if plain:
                made.append((text, kind, split, on))

    def row(text, kind, split, on):
        out = {"text": text, "labels": {name: int(name in on) for name in LABELS}, "kind": "content/" + kind, "lang": "en"}
        return out | ({"split": split} if split else {})

    def dressed(text, rng):
        names = {"t": rng.choice(SLOTS["topic"] + SLOTS["thingy"]), "p": rng.choice(SLOTS["person"])}
        if rng.random() < 0.35:
            text = rng.choice(CONTEXT).format(**names) + text
        if rng.random() < 0.35:
            text += rng.choice(AFTER).format(**names)
        return surface(text, rng)

    for text, kind, split, on in made:
        yield row(dressed(text, rng), kind, split, on)
    harmless = [m for m in made if not m[3] and not m[2]]
    hostile = [m for m in made if m[3] and not m[2]]
    for _ in range(340):
        second = rng.choice(hostile)
        first = rng.choice([m for m in harmless if m[1] == "neg_ordinary" and not YOUNG.search(m[0])] if "sexual" in second[3] else harmless)
        parts = [first[0], second[0]]
        rng.shuffle(parts)
        yield row(dressed(rng.choice([" ", "\n", " "]).join(parts), rng), "mixed_pos", None, second[3])
    for _ in range(470):
        picked = rng.sample(harmless, rng.randint(2, 4))
        yield row(dressed(" ".join(p[0] for p in picked), rng), "mixed_neg", None, [])
