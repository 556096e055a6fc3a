"""Fills a stopped server's SQLite with many runs and audit entries, for figures: `seed.py nodeloom.db RUNS ENTRIES`.

Rows are copies of ones that the server wrote, with ids, times and states of their own. The copied entries continue no
chain: they are there to be listed, and a verification says so.
"""

import hashlib
import os
import random
import sqlite3
import sys

path, runs, entries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = OFF")
random.seed(7)


def uuid7(micros):
    rest = bytearray(os.urandom(10))
    rest[0] = 0x70 | rest[0] & 0x0F
    rest[2] = 0x80 | rest[2] & 0x3F
    return (micros // 1000).to_bytes(6, "big") + bytes(rest)


def fill(table, row, many, change):
    names = list(row)
    db.execute("BEGIN")
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    db.executemany(sql, ([{**row, **change(n)}[name] for name in names] for n in range(many)))
    db.execute("COMMIT")


def one(sql):
    cursor = db.execute(sql)
    found = cursor.fetchone()
    if found is None:
        sys.exit(f"nothing to copy: {sql}")
    return dict(zip([column[0] for column in cursor.description], found))


def tree(chain):
    """The roots of the complete subtrees over a chain's entries (RFC 6962), without which the server appends nothing."""
    peaks = []
    for size, (leaf,) in enumerate(db.execute("SELECT hash FROM audit_entries WHERE chain = ? ORDER BY seq", (chain,))):
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
    return b"".join(peaks)


run = one("SELECT * FROM runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1")


def another_run(n):
    begin = run["created_at"] - (n + 1) * 20_000_000
    took = random.randint(2_000, 4_000_000)
    status = random.choices(["succeeded", "failed", "blocked", "cancelled"], [90, 5, 4, 1])[0]
    return {"id": uuid7(begin), "created_at": begin, "started_at": begin, "finished_at": begin + took, "status": status,
            "idempotency": None, "parent": None, "sealed_reply": None}


fill("runs", run, runs, another_run)

chain = db.execute("SELECT chain FROM audit_entries WHERE operation = 'run.start' ORDER BY seq DESC LIMIT 1").fetchone()[0]
entry = one(f"SELECT * FROM audit_entries WHERE operation = 'run.start' AND chain = '{chain}' ORDER BY seq DESC LIMIT 1")
last, at = db.execute("SELECT max(seq), max(at) FROM audit_entries WHERE chain = ?", (chain,)).fetchone()
fill("audit_entries", entry, entries, lambda n: {"seq": last + 1 + n, "at": at + n * 10, "id": uuid7(at + n * 10)})
db.execute("UPDATE audit_heads SET seq = ?, hash = ?, tree = ? WHERE chain = ?", (last + entries, entry["hash"], tree(chain), chain))
db.execute("UPDATE audit_indexed SET seq = ? WHERE chain = ?", (last + entries, chain))
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(f"{runs:,} runs and {entries:,} entries in {path}")
