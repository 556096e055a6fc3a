"""A month of ordinary life for the pictures of the guide, into a stopped server's SQLite: `pictures.py nodeloom.db`.

Every row is a copy of one that the server wrote in the minutes before, with a time, a state and numbers of its own.
"""

import json
import math
import os
import random
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
random.seed(11)
DAY = 86_400_000_000
MODELS = [("openai", "gpt-5-mini", 0.62), ("anthropic", "claude-haiku-4-5", 0.26), ("local", "SmolLM2-135M-Instruct", 0.12)]
FOUND = [("PROMPT_INJECTION", "critical", "block"), ("PII_REDACTION", "medium", "redact"), ("PII_REDACTION", "medium", "redact"),
         ("CONTENT_FILTER", "high", "warn"), ("internal codes", "medium", "flag"), ("PROMPT_INJECTION", "low", "log")]


def uuid7(micros):
    rest = bytearray(os.urandom(10))
    rest[0] = 0x70 | rest[0] & 0x0F
    rest[2] = 0x80 | rest[2] & 0x3F
    return (micros // 1000).to_bytes(6, "big") + bytes(rest)


def rows(sql):
    cursor = db.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def add(table, row):
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


runs = rows("SELECT * FROM runs WHERE finished_at IS NOT NULL")
violations = rows("SELECT * FROM violations")
columns = [row[1] for row in db.execute("PRAGMA table_info(token_usage)")]
now = max(run["created_at"] for run in runs)
db.execute("BEGIN")
for back in range(30):
    busy = (60 if (back + 2) % 7 < 5 else 18) + 25 * math.sin(back / 4) + random.randint(-8, 8)
    for _ in range(int(busy)):
        template = random.choices(runs, [8 if run["status"] == "succeeded" else 1 for run in runs])[0]
        begin = now - back * DAY - random.randint(60_000_000, DAY if back else 6 * 3_600_000_000)
        failed = template["status"] == "succeeded" and random.random() < 0.03
        run = {**template, "id": uuid7(begin), "created_at": begin, "started_at": begin, "idempotency": None, "parent": None,
               "finished_at": begin + random.randint(80_000, 4_200_000), "status": "failed" if failed else template["status"]}
        tokens = (random.randint(300, 2600), random.randint(40, 700)) if template["status"] == "succeeded" else (0, 0)
        run["input_tokens"], run["output_tokens"] = tokens
        add("runs", run)
        if tokens[0]:
            provider, model, _ = random.choices(MODELS, [share for _, _, share in MODELS])[0]
            known = {"id": uuid7(begin), "team": run["team"], "environment": run["environment"], "workflow": run["workflow"],
                     "run": run["id"], "principal": run["principal"], "provider": provider, "model": model, "at": begin,
                     "node": "agent", "path": "", "step": 0, "attempt": 1, "input_tokens": tokens[0], "output_tokens": tokens[1]}
            add("token_usage", {name: known[name] for name in columns if name in known})
        if violations and random.random() < 0.22:
            one = dict(random.choice(violations))
            name, severity, enforcement = random.choice(FOUND)
            detail = json.loads(one["detail"])
            matching = [known for known in violations if known["name"] == name]
            if matching:
                detail = json.loads(matching[0]["detail"])
            add("violations", {**one, "id": uuid7(begin), "run": run["id"], "at": begin, "name": name, "severity": severity, "enforcement": enforcement,
                               "detail": json.dumps({**detail, "check": name if name.isupper() else "CUSTOM_RULE"})})
db.execute("COMMIT")
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
