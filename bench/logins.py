#!/usr/bin/env python3
"""What a flood of wrong sign-ins does to everybody else: p95 of an ordinary request before it, and while it goes on.

Usage: logins.py BASE CA KEY [SECONDS]. Standard library only; talks to loopback only.
"""
import http.client
import json
import multiprocessing
import os
import random
import ssl
import statistics
import sys
import threading
import time
from urllib.parse import urlparse

base, ca, key = sys.argv[1:4]
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 20.0
ATTACKERS, PACE = 64, 100
where = urlparse(base)
assert where.hostname in ("localhost", "127.0.0.1"), "loopback only"


def connect():
    context = ssl.create_default_context(cafile=ca)
    return http.client.HTTPSConnection(where.hostname, where.port, context=context, timeout=60)


def p95(times):
    return statistics.quantiles(times, n=100)[94] * 1e3


def ordinary(path):
    """A client that asks PACE times a second, whatever the answers take; how long each took."""
    connection, times, start = connect(), [], time.perf_counter()
    for n in range(int(seconds * PACE)):
        due = start + n / PACE
        time.sleep(max(0.0, due - time.perf_counter()))
        begin = time.perf_counter()
        connection.request("GET", path, headers={"authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append(time.perf_counter() - begin)
    return times


def attackers(stop, told):
    """A process of its own, at the lowest priority: attackers sit elsewhere, and what they compute is not ours."""
    os.nice(19)
    counts = {}
    threads = [threading.Thread(target=attacker, args=(stop, counts), daemon=True) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(counts)


def attacker(stop, counts):
    connection = connect()
    while not stop.is_set():
        # another address each time: no pause of one account slows the flood down
        body = json.dumps({"email": f"x{random.getrandbits(64):x}@example.com", "password": "not the password"})
        try:
            connection.request("POST", "/api/v1/auth/login", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except OSError:
            connection, status = connect(), 0
        counts[status] = counts.get(status, 0) + 1
        if status != 401:
            time.sleep(0.05)


counts = {}
worst = 0.0
for path in ("/api/v1/permissions", "/api/v1/teams/demo/development/workflows?limit=20"):
    ordinary(path)  # warm
    before = ordinary(path)
    stop, told = multiprocessing.Event(), multiprocessing.Queue()
    flood = multiprocessing.Process(target=attackers, args=(stop, told))
    flood.start()
    time.sleep(2)
    during = ordinary(path)
    stop.set()
    for status, count in told.get(timeout=120).items():
        counts[status] = counts.get(status, 0) + count
    flood.join()
    ratio = p95(during) / p95(before)
    worst = max(worst, ratio)
    print(f"{path}: p95 {p95(before):.2f} ms alone, {p95(during):.2f} ms beside the flood: {100 * (ratio - 1):+.0f} %")
print(f"answers to {ATTACKERS} attackers: " + ", ".join(f"{n} x {status}" for status, n in sorted(counts.items())))
sys.exit(0 if worst <= 1.2 else 1)
