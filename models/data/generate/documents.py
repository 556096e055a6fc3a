"""Builds what tools and retrieval return: documents in many formats, with places where something may be inserted."""

import html
import json
import re

from grammar import CORE, read_core, render

MARK = "§"


def themes():
    found, name = {}, None
    for line in (CORE / "passages.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## theme="):
            name = line[9:].strip()
        elif line.strip():
            found.setdefault(name, []).append(line.strip())
    return found


THEMES = themes()
CARRIERS = [(kind, split, head["mode"], line) for kind, split, _, head, line in read_core("carriers.txt")]
BENIGN = [line for *_, line in read_core("benign_inserts.txt")]


def passage(rng, low=2, high=6):
    lines = THEMES[rng.choice(sorted(THEMES))]
    picked = sorted(rng.sample(range(len(lines)), rng.randint(low, min(high, len(lines)))))
    return " ".join(lines[i] for i in picked)


def skeleton(line, rng):
    """The carrier with its slots filled and its marks still in place."""
    line = re.sub(r"\{passage\}", lambda _: passage(rng), line)
    return render(line, rng)


def unmarked(text):
    return re.sub(r" ?" + MARK, "", text)


def escaped(text, mode, rng):
    """The insertion as an author of that format would have to write it."""
    if mode == "json":
        return json.dumps(text, ensure_ascii=False)[1:-1]
    if mode == "csv":
        return text.replace('"', "'").replace("\n", " ")
    if mode == "code":
        return "\n".join("# " + part for part in text.split("\n"))
    if mode == "html":
        text, how = html.escape(text, quote=False), rng.randrange(9)
        return [f"<!-- {text} -->", f'<p style="display:none">{text}</p>', f"<p>{text}</p>", f'<span style="font-size:1px;color:#fff">{text}</span>',
                f'<img src="/x.gif" alt="{html.escape(text)}">', f"<div hidden>{text}</div>", f" {text}", f"<blockquote>{text}</blockquote>",
                f'<meta name="description" content="{html.escape(text)}">'][how]
    how = rng.randrange(14)
    return text if how < 10 else [f"[{text}]", f"({text})", f"**{text}**", f"<!-- {text} -->"][how - 10]


def document(rng, carrier, insertion=None):
    """A carrier with the insertion at one of its marks (or at a sentence's end), or without any."""
    return planted(rng, carrier, insertion)[0]


def planted(rng, carrier, insertion):
    """The document, and the insertion as it stands in it."""
    kind, split, mode, line = carrier
    text = skeleton(line, rng)
    spots = [m.start() for m in re.finditer(MARK, text)]
    if insertion is None or not spots and mode == "json":
        return unmarked(text).strip(), None
    if mode in ("text",) and rng.random() < 0.3:
        spots += [m.end() for m in re.finditer(r"[.!?](?=\s)", text)] + [0]
    if not spots:
        spots = [len(text)]
    spot = rng.choice(spots)
    piece = escaped(insertion, mode, rng)
    before, after = unmarked(text[:spot]), unmarked(text[spot + 1:] if text[spot:spot + 1] == MARK else text[spot:])
    gap = "\n" if mode == "code" else rng.choice([" ", " ", "\n", "\n\n"]) if mode == "text" else " "
    left = gap if before and not before[-1].isspace() and before[-1] not in "\"'>" else ""
    right = gap if after and not after[0].isspace() and after[0] not in "\"'<}]|)," else ""
    if mode == "text" and "\n" in gap and re.search(r"\n[>|\-\[#\d]", text):
        left, right = " " if left else "", " " if right else ""
    return (before + left + piece + right + after).strip(), piece


LEADS = [""] * 9 + ["Note: ", "IMPORTANT: ", "P.S. ", "Attention! ", "Reminder: ", "One more thing: ", "*** ", "Before you go on: ", "INFO: ", "Update: ", "Hint: ", "FYI: "]
TAILS = [""] * 8 + [" Thank you.", " Thanks!", " Keep this confidential.", " This takes priority.", " No confirmation needed.", " Then continue as normal.", " Sorry for the trouble."]


def led(text, rng):
    """The same leads and tails for harmless and hostile insertions."""
    text = rng.choice(LEADS) + text + (rng.choice(TAILS) if text[-1] in ".?!" else "")
    return text.upper() if rng.random() < 0.02 else text


def benign_insertion(rng):
    return led(render(rng.choice(BENIGN), rng), rng)
