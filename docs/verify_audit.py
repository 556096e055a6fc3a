#!/usr/bin/env python3
"""Verifies what NodeLoom hands out about its audit trail (a bundle, a proof, an export as JSON lines or as CSV), with
nothing but Python's standard library.

    python3 verify_audit.py file [public-key-file-or-text [witness-key-file-or-text ...]]

Written from docs/life-of-an-entry.md alone, to show that the format is documented well enough; it shares no code with
NodeLoom. Prints one line a chain and exits with 0 when everything holds, 1 when something was tampered with, 2 when the
file is not a bundle. Without a key the one in the bundle is used, which proves less. With keys of witnesses it says which
checkpoints they signed; a line over a witness's name that the witness did not sign makes its checkpoint bad.
"""

import base64
import csv
import datetime
import hashlib
import io
import json
import os
import sys

# --- Ed25519 (RFC 8032), verification only: slow and short ---------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(data):
    number = int.from_bytes(data, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519_ok(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    point, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(k, point))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- Hashes and trees (RFC 6962) --------------------------------------------------------------------------------------


def leaf(data):
    return hashlib.sha256(b"\x00" + data).digest()


def parent(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    def __init__(self, size=0, peaks=()):
        heights = [bit for bit in range(63, -1, -1) if size >> bit & 1]
        if len(heights) != len(peaks):
            raise ValueError("the peaks do not fit the size")
        self.size, self.stack = size, list(zip(heights, peaks))

    def add(self, hashed):
        self.stack.append((0, hashed))
        self.size += 1
        while len(self.stack) > 1 and self.stack[-1][0] == self.stack[-2][0]:
            (height, left), (_, right) = self.stack[-2:]
            self.stack[-2:] = [(height + 1, parent(left, right))]

    def root(self):
        root = None
        for _, peak in reversed(self.stack):
            root = peak if root is None else parent(peak, root)
        return hashlib.sha256(b"").digest() if root is None else root


def included(hashed, index, size, proof, root):
    if not 0 <= index < size:
        return False
    last = size - 1
    for step in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            hashed = parent(step, hashed)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            hashed = parent(hashed, step)
        index, last = index >> 1, last >> 1
    return last == 0 and hashed == root


def consistent(old, old_root, new, new_root, proof):
    if old == 0 or old > new:
        return False
    if old == new:
        return not proof and old_root == new_root
    steps = list(proof)
    if old & (old - 1):
        if not steps:
            return False
        first = steps.pop(0)
    else:
        first = old_root
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old = from_new = first
    for step in steps:
        if last == 0:
            return False
        if node & 1 or node == last:
            from_old, from_new = parent(step, from_old), parent(step, from_new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            from_new = parent(from_new, step)
        node, last = node >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


# --- Entries: deterministic CBOR -----------------------------------------------------------------------------------


class Malformed(Exception):
    pass


def cbor_item(data, at):
    """One unsigned or negative number, byte string or text, in its only spelling; answers (major type, value, end)."""
    if at >= len(data):
        raise Malformed("it ends too early")
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if short > 27:
        raise Malformed("it uses an indefinite length")
    value = short
    if short >= 24:
        width = 1 << (short - 24)
        value = int.from_bytes(data[at : at + width], "big")
        if len(data) < at + width:
            raise Malformed("it ends too early")
        if value < (24 if width == 1 else 1 << (4 * width)):
            raise Malformed("a number is not in its shortest form")
        at += width
    if major in (2, 3):
        chunk = data[at : at + value]
        if len(chunk) != value:
            raise Malformed("it ends too early")
        at += value
        value = chunk
        if major == 3:
            try:
                value = chunk.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Malformed("a text is not UTF-8") from error
    elif major == 1:
        value = -1 - value
    return major, value, at


# field: (name, major types, length of a byte string, must be there)
FIELDS = {
    0: ("version", (0,), None, True),
    1: ("chain", (3,), None, True),
    2: ("sequence", (0,), None, True),
    3: ("previous", (2,), 32, True),
    4: ("id", (2,), 16, True),
    5: ("at", (0, 1), None, True),
    6: ("operation", (3,), None, True),
    7: ("target", (3,), None, False),
    8: ("result", (3,), None, True),
    9: ("request", (2,), 16, False),
    10: ("intent", (2,), 16, False),
    11: ("duration", (0,), None, False),
    12: ("pseudonym", (2,), 32, True),
    13: ("subject", (2,), None, True),
    14: ("detail", (2,), 32, True),
}


def read_entry(data):
    major, count, at = cbor_item(data, 0)
    if major != 5:
        raise Malformed("it is not a map")
    entry, before = {}, -1
    for _ in range(count):
        major, key, at = cbor_item(data, at)
        if major != 0 or key <= before or key not in FIELDS:
            raise Malformed("its fields are not in ascending order, or one is unknown")
        before = key
        name, majors, length, _ = FIELDS[key]
        major, value, at = cbor_item(data, at)
        if major not in majors or (length is not None and len(value) != length):
            raise Malformed(f"{name} is not what version 1 says")
        entry[name] = value
    if at != len(data) or any(needed and name not in entry for name, _, _, needed in FIELDS.values()):
        raise Malformed("a field is missing, or something follows the last")
    if entry["version"] != 1:
        raise Malformed("its version is not 1")
    return entry


# --- Notes and checkpoints (C2SP signed-note) ---------------------------------------------------------------------------


class BadCheckpoint(Exception):
    pass


def b64(text):
    return base64.b64decode(text, validate=True)


def read_key(text, algorithm=1):
    name, key_id, key = text.strip().split("+", 2)
    tagged = b64(key)
    full = hashlib.sha256(name.encode() + b"\n" + tagged).digest()
    if not name or len(tagged) != 33 or tagged[0] != algorithm or full[:4].hex() != key_id:
        raise ValueError("this is not a verifier key" if algorithm == 1 else "this is not the key of a witness")
    return name, full[:4], tagged[1:]


class Witnesses:
    """What witnesses (C2SP tlog-cosignature) signed, of the notes that hold."""

    def __init__(self, keys):
        self.signed = {read_key(key, 4): [] for key in keys}

    def take(self, number, note):
        """Raises when a line over a witness's name does not hold."""
        text, _, lines = note.rpartition("\n\n")
        for (name, key_id, public), signed in self.signed.items():
            for line in lines.splitlines():
                _, signer, blob = line.split(" ")
                blob = b64(blob)
                if signer != name or blob[:4] != key_id:
                    continue
                message = b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big") + text.encode() + b"\n"
                if len(blob) != 76 or not ed25519_ok(public, message, blob[12:]):
                    raise BadCheckpoint(f"bad_cosignature {number}")
                if not signed or signed[-1] != number:
                    signed.append(number)

    def say(self):
        for (name, _, _), signed in self.signed.items():
            if signed:
                print(f"witness {name}: signed {len(signed)} checkpoints, the newest is {max(signed)}")
            else:
                print(f"witness {name}: signed none of the checkpoints here")


def open_note(note, key):
    name, key_id, public = key
    text, found, signatures = note.rpartition("\n\n")
    if not found:
        raise BadCheckpoint("malformed")
    text += "\n"
    signed = False
    for line in signatures.splitlines():
        if not line.startswith("\u2014 ") or line.count(" ") != 2:
            raise BadCheckpoint("malformed")
        _, signer, blob = line.split(" ")
        blob = b64(blob)
        if signer == name and blob[:4] == key_id:
            if not ed25519_ok(public, text.encode(), blob[4:]):
                raise BadCheckpoint("bad_signature")
            signed = True
    if not signed:
        raise BadCheckpoint("bad_signature")
    return text


def read_note(note, key):
    """Answers number, root of the log, statement, count of heads and their root."""
    text = open_note(note, key)
    origin, number, root, statement = text.split("\n", 3)
    lines = statement.split("\n")
    if origin != key[0] or len(lines) != 3 or lines[2] or not lines[0].startswith("at "):
        raise BadCheckpoint("malformed")
    word, count, heads_root = lines[1].split(" ")
    if word != "heads":
        raise BadCheckpoint("malformed")
    return int(number), b64(root), statement, int(count), b64(heads_root)


def read_head(head, count, heads_root):
    """Answers chain, size, hash and root, if the head belongs to its checkpoint."""
    proof = [b64(step) for step in head["proof"]]
    if not included(leaf(head["line"].encode()), head["index"], count, proof, heads_root):
        raise BadCheckpoint("heads_altered")
    chain, size, hashed, chain_root = head["line"].split(" ")
    return chain, int(size), b64(hashed), b64(chain_root)


class Checkpoints:
    def __init__(self, key):
        self.key, self.log = key, Tree()

    def take(self, note, heads):
        """Answers the heads that hold: (chain, size, hash, root)."""
        number, root, statement, count, heads_root = read_note(note, self.key)
        if number != self.log.size + 1:
            raise BadCheckpoint("missing")
        log = Tree(self.log.size, [peak for _, peak in self.log.stack])
        log.add(leaf(statement.encode()))
        if log.root() != root:
            raise BadCheckpoint("inconsistent")
        self.log = log
        return [read_head(head, count, heads_root) for head in heads]


# --- Chains -------------------------------------------------------------------------------------------------------------


class Chain:
    """Finds the first bad entry. Holds one entry back: whom to blame for a broken link shows in the entry after it."""

    def __init__(self, name, covered, size, hashed, peaks):
        self.name, self.bad, self.entries, self.held = name, None, 0, None
        self.covered, self.checked = {}, size
        for chain, covered_size, covered_hash, root in covered:
            if chain == name:
                known = self.covered.setdefault(covered_size, (covered_hash, root))
                if known != (covered_hash, root):
                    self.fail(covered_size, "recomputed")
        self.tree, self.last, self.before, self.start = Tree(size, peaks), hashed, None, size
        if size == 0 and hashed != bytes(32) or size and self.covered.get(size) != (hashed, self.tree.root()):
            self.fail(1, "head_altered", max(size, 1))

    def fail(self, first, kind, last=None):
        if self.bad is None:
            self.bad = (first, last or first, kind)

    def take(self, data, detail, salt):
        self.entries += 1
        if self.bad:
            return
        try:
            entry = read_entry(data)
        except Malformed:
            entry = None
        good = entry and hashlib.sha256(b"nodeloom/audit/detail/v1\0" + salt + detail).digest() == entry["detail"]
        item = (entry, leaf(data), good)
        if self.held:
            self.judge(self.held, item)
        self.held = item

    def judge(self, held, following, head_hash=None):
        if self.bad:
            return
        (entry, hashed, good), expected = held, self.tree.size + 1
        after = following[0] if following else None
        if entry is None:
            return self.fail(expected, "malformed")
        if entry["chain"] != self.name:
            return self.fail(expected, "foreign")
        sequence = entry["sequence"]
        if sequence < expected:
            pushed = hashed != self.last and sequence == expected - 1 and self.before == entry["previous"]
            return self.fail(expected - 1 if pushed else expected, "inserted")
        if sequence > expected:
            if entry["previous"] == self.last:
                return self.fail(expected, "edited")
            swapped = after is not None and expected <= after["sequence"] < sequence
            return self.fail(expected, "reordered" if swapped else "deleted")
        if not good:
            return self.fail(expected, "edited")
        if entry["previous"] != self.last:
            if self.tree.size == self.start:
                return self.fail(expected, "edited")
            if self.before == entry["previous"]:
                return self.fail(expected - 1, "inserted")
            if following:
                vouched = after is not None and after["previous"] == hashed
            else:
                vouched = head_hash == hashed or self.covered.get(expected, (None,))[0] == hashed
            return self.fail(expected - 1 if vouched else expected, "edited")
        self.tree.add(hashed)
        self.before, self.last = self.last, hashed
        if expected in self.covered:
            if self.covered[expected] != (hashed, self.tree.root()):
                return self.fail(self.checked + 1, "recomputed", expected)
            self.checked = expected

    def end(self, size, hashed):
        if self.held:
            self.judge(self.held, None, hashed)
        if self.bad:
            return
        if max(self.covered, default=0) > self.tree.size or size > self.tree.size:
            self.fail(self.tree.size + 1, "truncated")
        elif size < self.tree.size:
            self.fail(size + 1, "inserted")
        elif hashed != self.last:
            self.fail(max(self.tree.size, 1), "edited")

    def line(self):
        if self.bad is None:
            return f"{self.name} {self.entries} entries: intact"
        first, last, kind = self.bad
        return f"{self.name} {self.entries} entries: {kind} {first}" + (f"..{last}" if last != first else "")


def cosigned(witnesses, number, note):
    """What is wrong with the lines of witnesses under a note that holds, if anything is."""
    try:
        witnesses.take(number, note)
    except BadCheckpoint as error:
        return str(error)
    return None


def verify(lines, trusted, witnesses):
    key = checkpoints = bad_checkpoint = chain = None
    covered, chains = [], []
    for text in lines:
        (kind, body), = json.loads(text).items()
        if key is None and kind != "bundle":
            raise ValueError("a bundle begins with its format")
        if kind == "bundle":
            if key is not None or body["format"] != "nodeloom/audit-bundle/v1":
                raise ValueError("this is not a bundle of version 1")
            key = read_key(body["key"])
            if trusted is not None and key != read_key(trusted):
                raise ValueError("the bundle carries another key than the given one")
            checkpoints = Checkpoints(key)
        elif kind == "checkpoint":
            if bad_checkpoint is None:
                try:
                    covered += checkpoints.take(body["note"], body["heads"])
                except BadCheckpoint as error:
                    bad_checkpoint = f"{error} {checkpoints.log.size + (str(error) != 'heads_altered')}"
                else:
                    bad_checkpoint = cosigned(witnesses, checkpoints.log.size, body["note"])
        elif kind == "chain":
            if chain is not None:
                raise ValueError("a chain begins inside another")
            chain = Chain(body["name"], covered, body["size"], b64(body["hash"]), [b64(peak) for peak in body["peaks"]])
        elif kind == "entry":
            chain.take(b64(body["cbor"]), body["detail"].encode(), b64(body["salt"]))
        elif kind == "end":
            if chain is None or chain.name != body["name"]:
                raise ValueError("another chain ends than began")
            chain.end(body["size"], b64(body["hash"]))
            chains.append(chain)
            chain = None
        else:
            raise ValueError(f"unknown line {kind}")
    if key is None:
        raise ValueError("the bundle is empty")
    if chain is not None:
        if chain.held:
            chain.judge(chain.held, None)
        chain.fail(chain.tree.size + 1, "truncated")
        chains.append(chain)
    for name in sorted({name for name, size, _, _ in covered if size} - {chain.name for chain in chains}):
        gone = Chain(name, [], 0, bytes(32), [])
        gone.fail(1, "truncated")
        chains.append(gone)
    for found in chains:
        print(found.line())
    print(f"{checkpoints.log.size} checkpoints: {bad_checkpoint or 'intact'}")
    witnesses.say()
    if trusted is None:
        print("note: the public key came with the bundle; give the key you trust to be sure whose it is")
    return bad_checkpoint is None and all(found.bad is None for found in chains)


# --- Proofs and exports -----------------------------------------------------------------------------------------------


class Bad(Exception):
    """What is wrong with an entry: its sequence, and a word."""


def vouched(shown, key, chain):
    """Answers number, root of the log, and the chain's size and root."""
    number = 0
    try:
        number, root, _, count, heads_root = read_note(shown["note"], key)
        name, size, _, chain_root = read_head(shown["head"], count, heads_root)
        if name != chain:
            raise BadCheckpoint("heads_altered")
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{error} {number}") from error
    return number, root, size, chain_root


def prove(chain, size, root, shown):
    """Answers the entry and its hash, if the path leads to the root and the detail is what it commits to."""
    data = b64(shown["cbor"])
    try:
        entry = read_entry(data)
    except Malformed as error:
        raise Bad(0, "malformed") from error
    sequence, hashed = entry["sequence"], leaf(data)
    if entry["chain"] != chain:
        raise Bad(sequence, "foreign")
    if not included(hashed, sequence - 1, size, [b64(step) for step in shown["path"]], root):
        raise Bad(sequence, "edited")
    salted = b64(shown["salt"]) + shown["detail"].encode()
    if hashlib.sha256(b"nodeloom/audit/detail/v1\0" + salted).digest() != entry["detail"]:
        raise Bad(sequence, "edited")
    return entry, hashed


def report(chain, entries, bad, checkpoints, bad_checkpoint, trusted, witnesses):
    if chain is not None:
        print(f"{chain} {entries} entries: {bad or 'intact'}")
    print(f"{checkpoints} checkpoints: {bad_checkpoint or 'intact'}")
    witnesses.say()
    if trusted is None:
        print("note: the public key came with the file; give the key you trust to be sure whose it is")
    return bad is None and bad_checkpoint is None


def own_key(text, trusted):
    key = read_key(text)
    if trusted is not None and key != read_key(trusted):
        raise ValueError("the file carries another key than the given one")
    return key


def verify_proof(proof, trusted, witnesses):
    if proof["format"] != "nodeloom/audit-proof/v1":
        raise ValueError("this is not a proof of version 1")
    key, chain = own_key(proof["key"], trusted), proof["chain"]
    try:
        number, log_root, size, root = vouched(proof["checkpoint"], key, chain)
    except BadCheckpoint as error:
        return report(None, 0, None, 0, str(error), trusted, witnesses)
    bad, bad_checkpoint = None, cosigned(witnesses, number, proof["checkpoint"]["note"])
    if "inclusion" in proof:
        try:
            prove(chain, size, root, proof["inclusion"])
        except Bad as error:
            bad = f"{error.args[1]} {error.args[0]}"
        return report(chain, 1, bad, 1, bad_checkpoint, trusted, witnesses)
    shown = proof["consistency"]
    try:
        old_number, old_log, old_size, old_root = vouched(shown["older"], key, chain)
    except BadCheckpoint as error:
        return report(chain, 0, None, 1, str(error), trusted, witnesses)
    if not consistent(old_number, old_log, number, log_root, [b64(step) for step in shown["log"]]):
        bad_checkpoint = bad_checkpoint or f"inconsistent {number}"
    if not consistent(old_size, old_root, size, root, [b64(step) for step in shown["path"]]):
        bad = "recomputed 1" + (f"..{old_size}" if old_size > 1 else "")
    return report(chain, 0, bad, 2, bad_checkpoint, trusted, witnesses)


def moment(micros):
    seconds, fraction = divmod(micros, 1_000_000)
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction:06}".rstrip("0") if fraction else "") + "Z"


def says(shown, entry, hashed):
    def identity(prefix, name):
        return f"{prefix}_{entry[name].hex()}" if name in entry else None

    return (
        shown["sequence"] == entry["sequence"]
        and shown["id"] == identity("aud", "id")
        and shown["at"] == moment(entry["at"])
        and shown["operation"] == entry["operation"]
        and shown.get("target") == entry.get("target")
        and shown["result"] == entry["result"]
        and shown.get("request") == identity("req", "request")
        and shown.get("intent") == identity("aud", "intent")
        and shown.get("duration_micros") == entry.get("duration")
        and shown["hash"] == hashed.hex()
    )


def verify_export(about, checkpoint, entries, ending, trusted, witnesses):
    """`about`: format, key and chain; `ending`: how many entries there should be, or None when it breaks off."""
    if about["format"] != "nodeloom/audit-export/v1":
        raise ValueError("this is not an export of version 1")
    key, chain = own_key(about["key"], trusted), about["chain"]
    try:
        number, _, size, root = vouched(checkpoint, key, chain)
    except BadCheckpoint as error:
        return report(None, 0, None, 0, str(error), trusted, witnesses)
    count, last, bad = 0, None, None
    for shown in entries:
        count += 1
        if bad:
            continue
        try:
            entry, hashed = prove(chain, size, root, shown["proof"])
            place = (entry["at"], entry["sequence"])
            if not says(shown, entry, hashed):
                bad = f"edited {entry['sequence']}"
            elif last is not None and last <= place:
                bad = f"reordered {entry['sequence']}"
            last = place
        except Bad as error:
            bad = f"{error.args[1]} {error.args[0] or shown['sequence']}"
    at = last[1] if last else 0
    if bad is None and ending != count:
        bad = f"truncated {at}" if ending is None else f"{'deleted' if count < ending else 'inserted'} {at}"
    bad_checkpoint = cosigned(witnesses, number, checkpoint["note"])
    return report(chain, count, bad, 1, bad_checkpoint, trusted, witnesses)


def verify_lines(lines, trusted, witnesses):
    parsed = [next(iter(json.loads(line).items())) for line in lines]
    if len(parsed) < 2 or parsed[0][0] != "export" or parsed[1][0] != "checkpoint":
        raise ValueError("an export begins with its format and its checkpoint")
    entries = [body for kind, body in parsed if kind == "entry"]
    ending = [body["entries"] for kind, body in parsed if kind == "end"]
    return verify_export(parsed[0][1], parsed[1][1], entries, ending[0] if ending else None, trusted, witnesses)


def verify_table(text, trusted, witnesses):
    rows = [[cell[1:] if cell.startswith("'") else cell for cell in row] for row in csv.reader(io.StringIO(text, ""))]
    if len(rows) < 2 or rows[-1][0] != "#proof":
        raise ValueError("the last row, which holds the proof, is missing")
    about = json.loads(rows[-1][1])
    entries = []
    for row in rows[1:-1]:
        shown = {name: cell for name, cell in zip(rows[0], row, strict=True) if cell}
        for name in ("sequence", "duration_micros"):
            if name in shown:
                shown[name] = int(shown[name])
        path = shown.get("path", "").split()
        shown["proof"] = {"cbor": shown["cbor"], "salt": shown["salt"], "detail": shown["detail"], "path": path}
        entries.append(shown)
    return verify_export(about, about["checkpoint"], entries, about["entries"], trusted, witnesses)


def verify_any(text, trusted, witnesses):
    start = text[:64]
    if start.startswith('"sequence"'):
        return verify_table(text, trusted, witnesses)
    if start.startswith('{"export"'):
        return verify_lines([line for line in text.split("\n") if line], trusted, witnesses)
    lines = text.split("\n")
    if '"bundle"' not in start and lines and '"format"' in text:
        return verify_proof(json.loads(text), trusted, witnesses)
    return verify([line for line in lines if line], trusted, witnesses)


def key_text(given):
    """A key as it was given, or as the file holds it that was named."""
    if os.path.exists(given):
        with open(given, encoding="utf-8") as file:
            return file.read()
    return given


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        keys = [key_text(given) for given in sys.argv[2:]]
        trusted, witnesses = (keys[0] if keys else None), Witnesses(keys[1:])
        with open(sys.argv[1], encoding="utf-8", newline="") as file:
            intact = verify_any(file.read(), trusted, witnesses)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        print(f"this is not a bundle that can be judged: {error}", file=sys.stderr)
        return 2
    print("OK: the audit trail is intact" if intact else "FAILED: the audit trail was tampered with")
    return 0 if intact else 1


if __name__ == "__main__":
    sys.exit(main())
