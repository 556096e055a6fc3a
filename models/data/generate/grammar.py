"""Expands the hand-written grammars of ../core into rows. Pure and seeded: the same files give the same rows.

A core file holds blocks headed `## kind=name [split=heldout] [lang=xx]`. Every other line is one sentence in which
`[a|b|c]` is a choice, `{slot}` is a filler from ../core/slots.txt, and `\\n` is a line break. `[a|]` may be empty.
A line that starts with `#!` is a comment."""

import hashlib
import random
import re
from pathlib import Path

CORE = Path(__file__).resolve().parent.parent / "core"
CHOICE = re.compile(r"\[([^\[\]{}]*\|[^\[\]{}]*)\]|\[((?:[^\[\]{}]|\{\w+\})*\|(?:[^\[\]{}]|\{\w+\})*)\]")
SAME = {"persona", "boss", "me"}  # one value per text
SLOT = re.compile(r"\{([a-z0-9_]+)\}")


def seeded(*parts):
    """A generator of its own per name, so that one file's growth leaves the others as they were."""
    text = "/".join(str(p) for p in parts)
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def read_slots():
    slots, name = {}, None
    for path in sorted(CORE.glob("slots*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                name = line[3:].strip()
                slots.setdefault(name, [])
            elif line.strip() and not line.startswith("#!"):
                slots[name].extend(p.strip() for p in line.split(" ; ") if p.strip())
    return slots


SLOTS = read_slots()


def read_core(name):
    """Yields (kind, split, lang, extra, line) of a core file and of its continuations, NAME_more.txt and NAME_extra.txt."""
    for path in (CORE / name, *(CORE / name.replace(".txt", f"_{part}.txt") for part in ("more", "extra"))):
        head = {"kind": "misc"}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            if line.startswith("## kind="):
                head = dict(p.split("=", 1) for p in line[3:].split())
            elif line.strip() and not line.startswith("#!"):
                yield head["kind"], head.get("split"), head.get("lang", "en"), head, line.strip()


def fill(line, rng, depth=0, kept=None):
    kept = {} if kept is None else kept

    def slot(m):
        name, options = m.group(1), SLOTS.get(m.group(1))
        if not options or depth >= 6:
            return m.group(0)
        if name in SAME:
            kept[name] = kept.get(name) or rng.choice(options)
            return kept[name]
        return fill(rng.choice(options), rng, depth + 1, kept)

    def choice(m):
        body = m.group(1) if m.group(1) is not None else m.group(2)
        return rng.choice(body.split("|"))

    for _ in range(4):
        line, n = CHOICE.subn(choice, line)
        if not n:
            break
    line = SLOT.sub(slot, line)
    return line


def render(line, rng):
    text = fill(line, rng).replace("\\\\n", "\0").replace("\\n", "\n").replace("\0", "\\n")
    text = re.sub(r"[ \t]{2,}(?=\S)", " ", text) if "\n" not in text else text
    text = re.sub(r" +([,.?!;:])(?=\s|$)", r"\1", text)
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU][a-z])(?!(?:one|uni|use|usu|eu|ur[aei]))", lambda m: m.group(1) + "n ", text)
    text = re.sub(r"\b(an?|the|this|Which|two) (an?|the) (?=\w)", r"\1 ", text)
    return text.strip()


def variants(line, rng, wanted):
    """Up to `wanted` distinct fillings; a plain sentence gives one."""
    seen, out = set(), []
    for _ in range(wanted * 4):
        text = render(line, rng)
        if text not in seen:
            seen.add(text)
            out.append(text)
        if len(out) == wanted or len(seen) == 1 and len(out) == 1 and "[" not in line and "{" not in line:
            break
    return out


OPENERS = ["Hi, ", "Hello! ", "Hey, ", "Please ", "Quick question: ", "Hi there. ", "ok so ", "Good morning. ", "Thanks for earlier. ",
           "I need help. ", "Question: ", "One more thing: ", "Not sure who to ask, but ", "For work: ", "Sorry to bother you. ", "btw "]
CLOSERS = [" Thanks!", " Thank you.", " please", " Keep it short.", " Be brief.", " Explain step by step.", " I have ten minutes.", " thx",
           " Any tips?", " Cheers", " Use plain words.", " Answer in two sentences.", " Give an example.", " I'm new to this.", " It's urgent."]
KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "y", "n": "m", "s": "d", "r": "t", "l": "k"}


def typo(text, rng):
    chars = list(text)
    for _ in range(max(1, len(chars) // 60)):
        i = rng.randrange(len(chars))
        how = rng.random()
        if how < 0.4 and i + 1 < len(chars) and chars[i].isalpha() and chars[i + 1].isalpha():
            chars[i], chars[i + 1] = chars[i + 1], chars[i]
        elif how < 0.7 and chars[i].lower() in KEYS:
            chars[i] = KEYS[chars[i].lower()]
        elif chars[i].isalpha():
            chars[i] = chars[i] * 2 if how < 0.85 else ""
    return "".join(chars)


def surface(text, rng, lang="en"):
    """The same light noise for both labels, so that noise itself says nothing."""
    roll = rng.random()
    if lang == "en" and "\n" not in text:
        if roll < 0.06:
            opener = rng.choice(OPENERS)
            text = opener + (text if opener[-2] in ".!" or text[:2] in ("I ", "I'") else text[0].lower() + text[1:])
        elif roll < 0.12:
            text = (text if text[-1] in ".?!" else text + ".") + rng.choice(CLOSERS)
    roll = rng.random()
    if roll < 0.08:
        text = text.lower()
    elif roll < 0.10 and lang == "en":
        text = text.upper()
    elif roll < 0.13 and lang == "en":
        text = typo(text, rng)
    if rng.random() < 0.10:
        text = text.rstrip(".?!")
    return text.strip()
