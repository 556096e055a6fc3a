"""Every training row with where it came from: the data folder (README.md there), our own rows in ../data, and texts that
ship inside pinned Python packages. A row is a dict: text, source, channel, weight and the labels that are known."""

import bz2
import glob
import gzip
import html
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

OWN = Path(__file__).resolve().parent.parent / "data"
CATEGORIES = ["hate", "harassment", "self_harm", "sexual", "violence"]
# Rows whose "attack" is a harmful wish or a persona without any attack on the assistant's instructions.
NOT_INJECTION = {"harmbench", "wildguard_judgecomp", "harmbench_benign"}


def read(folder, name):
    with gzip.open(Path(folder) / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def row(text, source, channel, label, weight=1.0, **more):
    return dict(text=text, source=source, channel=channel, label=int(label), weight=weight, **more)


def injection(folder):
    """USER and DATA rows of the data folder."""
    rows = []
    for r in read(folder, "train/injection/neuralchemy"):
        if r["source"] in NOT_INJECTION:
            if not r["label"]:
                rows.append(row(r["text"], "neuralchemy/benign", "user", 0, 0.7))
            continue
        weight = {"hackaprompt": 0.35}.get(r["source"], 1.0)
        name = f"neuralchemy/{r['source']}" if r["label"] else "neuralchemy/benign"
        rows.append(row(r["text"], name, "user", r["label"], weight))
    for r in read(folder, "train/injection/slabs"):
        rows.append(row(r["text"], "slabs/attack" if r["label"] else "slabs/benign", "user", r["label"]))
    for r in read(folder, "train/injection/prompt_armor_attacks"):
        source = r["source"]
        if source == "llmail-inject":
            rows.append(row(r["text"], "llmail", "data", 1, 0.8))
        else:
            weight = {"satml-ctf-2024": 0.3, "jackhhao/jailbreak": 0.5, "trustai/in-the-wild": 0.8}.get(source, 1.0)
            rows.append(row(r["text"], source, "user", 1, weight))
    for r in read(folder, "train/injection/prompt_armor_benign"):
        rows.append(row(r["text"], "prompt_armor_benign", "user", 0, 1.0))
    for r in read(folder, "train/injection/garak"):
        rows.append(row(r["text"], "garak", "user", 1, 1.0))
    for r in read(folder, "train/injection/yanismiraoui_multilingual"):
        rows.append(row(r["text"], "yanismiraoui", "user", 1, 1.0))
    for r in read(folder, "train/injection/small_corpora"):
        channel = "data" if r.get("channel") in ("tool_output", "memory") else "user"
        rows.append(row(r["text"], "small/" + r["source"], channel, r["label"]))
    for r in read(folder, "train/injection/bipia_documents"):
        rows.append(row(r["text"], "bipia/" + r["task"], "data", r["label"], 1.0, attack=r["attack"]))
    for name in ("roleplay", "codegen", "toolformer"):
        for r in read(folder, f"train/benign/gpteacher_{name}"):
            rows.append(row(r["text"], f"gpteacher_{name}", "user", 0))
    return rows


def bare_attacks(folder):
    """Sentences to be planted in documents, from the data folder."""
    return [r["text"] for r in read(folder, "train/injection/bipia_attacks")]


def own():
    """Rows of ../data/*.jsonl; split "heldout" marks kinds that are only measured on."""
    if not list(OWN.glob("*.jsonl")):
        subprocess.run([sys.executable, str(OWN / "generate" / "build.py")], check=True)
    rows = []
    for path in sorted(OWN.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            r = json.loads(line)
            source = f"own/{path.stem}/{r.get('kind', '')}"
            r.setdefault("label", int(any(r.get("labels", {}).values())))
            extra = {"heldout": r.get("split") == "heldout", "lang": r.get("lang", "en"), "attack": r.get("attack")}
            if path.stem == "content" or r.get("channel") == "content" or "labels" in r or "categories" in r:
                rows.append(row(r["text"], source, "content", r["label"], 1.0, labels=own_labels(r), **extra))
            else:
                rows.append(row(r["text"], source, r["channel"], r["label"], 1.0, **extra))
    return rows


def own_labels(r):
    given = r.get("labels", r.get("categories"))
    labels = {c: 0 for c in CATEGORIES}
    if given is None and r["label"]:
        labels = {}
    for key in given or []:
        name = re.split(r"[/.]", key.replace("-", "_"))[0]
        if name in labels and (not isinstance(given, dict) or given[key]):
            labels[name] = 1
    labels["toxic"] = int(r["label"])
    return labels


def content(folder):
    rows = []
    short = {"H": "hate", "HR": "harassment", "SH": "self_harm", "S": "sexual", "V": "violence"}
    for r in read(folder, "dev/content/openai_moderation"):
        labels = {short[k]: v for k, v in r["labels"].items() if k in short}
        if r["labels"].get("H2") == 1:
            labels["hate"] = 1
        labels["toxic"] = r["label"]
        rows.append(row(re.sub(r"\s+", " ", r["text"]), "openai_moderation", "content", r["label"], 1.0, labels=labels))
    for r in read(folder, "dev/content/davidson"):
        text = re.sub(r"https?://\S+|&#\d+;", " ", html.unescape(html.unescape(r["text"])))
        text = re.sub(r"^[!\"\s]*(RT )?(@[\w_]+:?\s*)*|[!\"]{3,}", "", text).strip()
        labels = {"toxic": r["label"]}
        if r["class"] == "neither":
            labels |= {c: 0 for c in CATEGORIES}
        elif r["class"] == "hate":
            labels["hate"] = 1
        else:
            labels["hate"] = 0
        if text:
            rows.append(row(text, "davidson/" + r["class"], "content", r["label"], 1.0, labels=labels))
    return rows


# ---- harmless documents of pinned packages (requirements.txt)

def _site():
    return Path(importlib.util.find_spec("gensim").origin).resolve().parent.parent


def _wiki(path):
    text = bz2.open(path, "rt", encoding="utf-8").read()
    for page in re.findall(r"<text[^>]*>(.*?)</text>", text, re.S):
        page = html.unescape(html.unescape(page))
        page = re.sub(r"<ref[^>]*/>|<ref.*?</ref>|<!--.*?-->|<[^>]+>", "", page, flags=re.S)
        for _ in range(4):
            page = re.sub(r"\{\{[^{}]*\}\}|\{\|[^{}]*\|\}", "", page, flags=re.S)
        page = re.sub(r"\[\[(?:File|Image|Category)[^\[\]]*(?:\[\[[^\]]*\]\][^\[\]]*)*\]\]", "", page)
        page = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]*)\]\]", r"\1", page)
        page = re.sub(r"\[https?:\S+ ?([^\]]*)\]", r"\1", page)
        page = re.sub(r"'{2,}|^[=*#:;|!].*$", "", page, flags=re.M)
        for paragraph in page.split("\n"):
            if 120 < len(paragraph) < 2500 and "{{" not in paragraph and "}}" not in paragraph:
                yield paragraph.strip()


def crates(held):
    """READMEs, guides, change logs and licences of the libraries in Cargo.lock, in pieces; one crate in four is only
    measured on (`held`)."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    out = []
    for folder in sorted(home.glob("registry/src/*/*")):
        name = re.sub(r"-\d.*", "", folder.name)
        if (sum(name.encode()) % 4 == 0) != held:
            continue
        for path in sorted(folder.glob("*.md")) + sorted(folder.glob("docs/*.md")) + sorted(folder.glob("LICENSE*"))[:1]:
            text = path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""
            step = 1400 if path.name.upper().startswith("README") else 6000
            out += [text[at:at + 900] for at in range(0, min(len(text), 18000), step) if len(text) - at > 120]
    return sorted(set(out))


def documents():
    """{pool: [harmless text]}"""
    site = _site()
    base = site / "gensim/test/test_data"
    pools = {}
    pools["wiki"] = list(_wiki(glob.glob(str(base / "enwiki-latest*.bz2"))[0]))
    pools["news"] = (base / "lee_background.cor").read_text(encoding="utf-8").split("\n")
    pools["review"] = [re.sub(r" (?=[.,!?;:'])", "", line.split(" ", 1)[1]) for line in
                       (base / "pang_lee_polarity.cor").read_text(encoding="latin-1").splitlines() if " " in line]
    manual = []
    for path in [site / "sklearn", site / "numpy", site / "django", site / "torch/nn", site / "transformers"]:
        for file in sorted(path.rglob("*.py"))[:900]:
            body = file.read_text(encoding="utf-8", errors="ignore")
            for doc in re.findall(r'"""(.{300,2500}?)"""', body, re.S)[:3]:
                if "http" not in doc[:40]:
                    manual.append(re.sub(r"[ \t]+", " ", doc).strip())
    import pydoc_data.topics
    manual += [t[i:i + 900] for t in pydoc_data.topics.topics.values() for i in range(0, min(len(t), 6000), 900)]
    pools["manual"] = manual
    pools["readme"] = crates(held=False)
    return {k: [t for t in v if len(t.strip()) > 20] for k, v in pools.items()}


def short_texts():
    """[(language, text)]: interface phrases and example sentences in many languages, all harmless."""
    site, out = _site(), []
    keep = "de fr es pt pt_BR it ru zh_Hans ja ko hi ar nl pl tr sv uk cs el he id vi fa ro hu da fi en".split()
    for lang in keep:
        for po in sorted(glob.glob(str(site / f"django/**/locale/{lang}/LC_MESSAGES/django.po"), recursive=True)):
            for s in re.findall(r'^msgstr(?:\[0\])? ((?:".*"\s*)+)', Path(po).read_text(encoding="utf-8"), re.M):
                text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', s)).replace("\\n", " ").replace('\\"', '"')
                if len(text) > 18 and "Project-Id" not in text:
                    out.append((lang[:2], re.sub(r"%\(?\w*\)?[sd]", "7", text)))
    for path in sorted(glob.glob(str(site / "spacy/lang/*/examples.py"))):
        lang = os.path.basename(os.path.dirname(path))
        for line in re.findall(r'^\s+"(.*)",?$', Path(path).read_text(encoding="utf-8"), re.M):
            out.append((lang, line))
    return sorted(set(out))
