"""What the encoder is shown: the folded reading of a text, cut into windows of whole sentences.

A port of guardrails/src/normalise/fold.rs and checks/prompt_injection/windows.rs, so that training sees what checking
sees. When those change, this changes with them; export.py writes golden texts that the Rust tests compare."""

import unicodedata

WINDOW = 126  # tokens, without [CLS] and [SEP]

_LOOKALIKES = {
    "a": "аАαΑɑᎪᴀ", "b": "ВвΒβʙ", "c": "сСϲϹᴄᏟ", "d": "ԁɗᎠᴅ", "e": "еЕεΕєЄҽᴇ℮", "f": "ϝƒ", "g": "ɡցɢԌ",
    "h": "нНһҺΗʜ", "i": "іІιΙıɪӏӀᎥ", "j": "јЈϳᴊ", "k": "кКκΚᴋ", "l": "ʟᏞⅼ", "m": "мМΜᴍ", "n": "ոΝɴη",
    "o": "оОοΟօσᴏөøØ", "p": "рРρΡᴘ", "q": "ԛզ", "r": "гʀᴦ", "s": "ѕЅꜱʂ", "t": "тТτΤᴛ", "u": "υսᴜц", "v": "νѵѴᴠ",
    "w": "ѡԝωɯᴡ", "x": "хХχΧⅹ", "y": "уУγΥүʏ", "z": "Ζᴢ", "'": "‘’‛ʼ＇´", '"': "“”„‟«»「」『』＂", "-": "‐‑‒–—―−", ".": "。｡",
    ",": "，、", "!": "！", "?": "？؟", ":": "：", ";": "；", "<": "〈‹＜⟨", ">": "〉›＞⟩", "[": "【［〔", "]": "】］〕", "|": "｜∣│",
    "/": "⁄∕",
}
LATIN = {ord(c): k for k, cs in _LOOKALIKES.items() for c in cs if ord(c) > 127}
LATIN.update({ord(c): "l" for c in "łŁ"} | {ord(c): "d" for c in "đĐðÐ"})
for first, last in ((0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189), (0x1F1E6, 0x1F1FF)):
    LATIN.update({first + i: chr(97 + i) for i in range(last - first + 1) if i < 26})

_INVISIBLE = [(0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
              (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
              (0xFFF0, 0xFFFB), (0xE0000, 0xE0FFF), (0x1D173, 0x1D17A)]
_MARKS = [(0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)]
_ACCENTED = [(0xC0, 0x24F), (0x370, 0x45F), (0x1E00, 0x1FFF)]


def _inside(c, ranges):
    return any(a <= ord(c) <= b for a, b in ranges)


def _lower(c):
    return "".join(LATIN.get(ord(s), s) for s in LATIN.get(ord(c), c).lower())


def _fold_char(c, memo={}):
    if c in memo:
        return memo[c]
    out = []
    for composed in unicodedata.normalize("NFKC", c):
        if _inside(composed, _ACCENTED):
            out += [_lower(p) for p in unicodedata.normalize("NFD", composed) if not _inside(p, _MARKS)]
        elif not _inside(composed, _MARKS):
            out.append(_lower(composed))
    memo[c] = "".join(out)
    return memo[c]


def fold(text):
    out, blank = [], False
    for c in text:
        if c.isascii():
            if c in " \t\r\x0b\x0c":
                if not blank:
                    out.append(" ")
                blank = True
            elif c == "\n" or (" " <= c < "\x7f"):
                blank = False
                out.append(c.lower())
            continue
        if _inside(c, _INVISIBLE):
            continue
        if c.isspace():
            if not blank:
                out.append("\n" if c in "\u2028\u2029\x85" else " ")
            blank = True
            continue
        blank = False
        out.append(_fold_char(c))
    return "".join(out)


def sentences(text):
    """(start, end) of each sentence, in characters."""
    out, start, previous, n = [], 0, " ", len(text)
    for at, c in enumerate(text):
        nxt = text[at + 1] if at + 1 < n else None
        ends = False
        if c == ".":
            ends = nxt is None or ((nxt.isspace() or nxt == '"' or not nxt.isascii()) and not ("0" <= previous <= "9"))
        elif c in "!?।۔。":
            ends = nxt is None or nxt not in "!?"
        elif c == "\n":
            ends = nxt is None or nxt == "\n" or not nxt.isalpha() or previous in ':;-=#*"'
        previous = c
        if ends or (at - start > 600 and c.isspace()):
            if text[start:at + 1].strip():
                out.append((start, at + 1))
            start = at + 1
    if text[start:].strip():
        out.append((start, n))
    return out


def windows(folded, tokenizer, window=WINDOW):
    """[(ids, start, end)]: sentences packed until the next would not fit; a longer sentence is cut hard."""
    encoded = tokenizer.encode(folded, add_special_tokens=False)
    ids, offsets = encoded.ids, encoded.offsets
    ends = [e for _, e in sentences(folded)]
    bounds, k = [], 0  # token index after each sentence
    for end in ends:
        while k < len(ids) and offsets[k][0] < end:
            k += 1
        bounds.append(k)
    if not bounds or bounds[-1] < len(ids):
        bounds.append(len(ids))
    out, start, last = [], 0, 0
    for b in bounds:
        if b - start > window:
            if last > start:
                out.append((start, last))
                start = last
            while b - start > window:
                out.append((start, start + window))
                start += window
        last = b
    if last > start:
        out.append((start, last))
    return [(ids[a:b], offsets[a][0], offsets[b - 1][1]) for a, b in out]
