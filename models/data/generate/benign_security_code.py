"""Harmless requests about security, operations and code."""

import prompts
from grammar import read_core, seeded, surface, variants

SNIPPETS = ["$ sudo systemctl status nginx\nActive: failed (Result: exit-code)", "ERROR: permission denied for schema public\nHINT: ask the administrator",
            "def check(user):\n    if user.role != 'admin':\n        raise PermissionError('restricted')\n    return secrets.token_hex(16)",
            "SELECT name, role FROM users WHERE role = 'admin' AND hidden = false;", "GET /admin?id=1%27%20OR%201=1-- HTTP/1.1\nHost: shop.example\nUser-Agent: curl/8",
            "import os\npw = os.environ['DB_PASSWORD']  # never log this", "<form action='/reset' method='post'><input type='hidden' name='csrf' value='abc'></form>",
            "Nov 21 10:02:11 web1 sshd[331]: Failed password for root from 203.0.113.9 port 4022", "class Base { public: virtual void run() = 0; };\nclass Job : public Base { void run() override; };",
            "allow: [read]\ndeny: [write, execute]\nrole: viewer", "const token = req.headers['x-api-key'] || process.env.SECRET;\nif (!token) res.status(401).send('no token');",
            "#!/bin/bash\nread -s -p 'Password: ' pw\necho \"$pw\" | sha256sum", "- name: ignore errors\n  command: /bin/false\n  ignore_errors: true"]
ASKS = ["What's wrong here?", "Explain this line by line.", "Make this safer.", "Is there a vulnerability in this?", "Why does this fail?", "Add error handling.", "Rewrite in {lang_code}.",
        "Write tests for this.", "Which instruction is executed first?", "How do I get rid of the warning?", "Add comments for {audience}.", "Can an attacker misuse that?"]


def rows():
    rng, plain = seeded("benign_security_code"), []

    def row(text, kind, split=None):
        out = {"text": text, "label": 0, "channel": "user", "kind": "security/" + kind, "lang": "en"}
        return out | ({"split": split} if split else {})

    for kind, split, lang, _, line in read_core("benign_security_code.txt"):
        for text in variants(line, rng, 14 if "[" in line and "|" in line else 8):
            if not split:
                plain.append((text, kind))
            yield row(surface(text, rng), kind, split)
    from grammar import render
    for snippet in SNIPPETS:
        for ask in ASKS:
            ask = render(ask, rng)
            yield row(rng.choice([f"{ask}\n\n{snippet}", f"{snippet}\n\n{ask}", f"```\n{snippet}\n```\n{ask}", f"{ask} `{snippet}`"]), "snippet")
    for _ in range(400):
        text, kind = rng.choice(plain)
        yield row(prompts.wrapped(rng, text) if rng.random() < 0.6 else text + " " + rng.choice(plain)[0], "wrapped_" + kind)
    for text, kind in plain:
        if rng.random() < 0.4:
            yield row(rng.choice(["I'm on {tool}. ", "We use {lang_code} at {company}. ", "For a class: ", "As a {role}: ", "Context: small team, no security staff. "])
                      .replace("{tool}", "Ubuntu").replace("{lang_code}", "Go").replace("{company}", "work").replace("{role}", "beginner") + text, "context_" + kind)
