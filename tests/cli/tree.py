# SPDX-License-Identifier: Apache-2.0
"""A published tree as its readers see it.

usage: tree.py [--bucket] FOLDER [PUBLIC-KEY-FILE]

Reads the tree as rspamd, an agent that checks signatures, and a program that follows the index do, each by the rules
of docs/publishing.md and none of them with the code under test.  Raises Wrong when one of them would be served
something that does not fit together.  --bucket: the folder is that of an object store, which sets the times itself, and where
objects of a publication that came to nothing may be left.  `Reader` remembers what it has seen, as they do: nothing may go back.
"""
import base64
import hashlib
import json
import os
import re
import sys

import msgpack
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"


class Wrong(Exception):
    pass


def need(truth, text):
    if not truth:
        raise Wrong(text)


def hash_of(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def key_bytes(text):
    number = sum(ALPHABET.index(c) << (5 * i) for i, c in enumerate(text))
    return number.to_bytes(33, "little")[:32]


def contents(*parts):
    """The bytes of a file, or None."""
    try:
        with open(os.path.join(*parts), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def is_signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def canonical(text):
    """A line of JSON with sorted members and without blanks."""
    value = json.loads(text)
    need(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text, f"not canonical: {text[:200]}")
    return value


def envelope(key, domain, message, line):
    """Whether the line is a signature of the message by this key."""
    seal = canonical(line)
    need(seal["algorithm"] == "ed25519", "an unknown algorithm")
    return key_bytes(seal["key"]) == key and is_signed(key, domain + b"\n" + message, base64.b64decode(seal["signature"]))


class Reader:
    def __init__(self, folder, key=None, bucket=False):
        self.folder = folder
        self.bucket = bucket
        self.key = key_bytes(key.strip()) if key else None
        self.aliases = {}  # name -> (hash, time of the file)
        self.serial = 0

    def object(self, digest):
        data = contents(self.folder, "objects", digest + ".rnm")
        need(data is not None, f"there is no object {digest}")
        need(hash_of(data) == digest, f"the object {digest} is something else")
        if self.key:
            need(is_signed(self.key, data, contents(self.folder, "objects", digest + ".rnm.sig")), f"the object {digest} is not signed")
            self.statement(contents(self.folder, "objects", digest + ".rnm.rnmsig"), None)
        return data

    def statement(self, text, name):
        """What a FILE.rnmsig says."""
        need(text is not None, f"there is no statement of {name}")
        lines = text.decode().split("\n")
        need(len(lines) == 3 and lines[2] == "", f"the statement of {name} is not two lines")
        need(envelope(self.key, b"rnm statement 1", lines[0].encode(), lines[1]), f"the statement of {name} is not signed")
        said = canonical(lines[0])
        need(name in (None, said["name"]), f"the statement of {name} is one of {said['name']}")
        return said

    def read_history(self):
        """The events, oldest first; a line that has no end is none."""
        lines = (contents(self.folder, "history.jsonl") or b"").split(b"\n")[:-1]
        head, events = "0" * 64, []
        for line in lines:
            event = canonical(line.decode())
            need(event["previous"] == head and event["serial"] == len(events) + 1, f"line {len(events) + 1} of the history is out of order")
            head = hash_of(line)
            events.append((event, head))
        return events

    def read_alias(self, name, known):
        """What rspamd does, and then what an agent does that knows the key."""
        path = os.path.join(self.folder, "models", name)
        data, time = contents(path), int(os.stat(path).st_mtime)
        found = hash_of(data)
        model = msgpack.unpackb(data, raw=True)
        need(model[b"magic"] == b"RNM1" and model[b"version"] == 1 and model[b"ann_data"][:4] == b"\x28\xb5\x2f\xfd", f"{name} is no model")
        need(self.object(found) == data, "an alias has no object")
        need((name, found) in known, f"{name} is nothing that was ever published")
        need(model[b"providers_digest"].decode() == known[name, found]["providers_digest"], f"{name} has another digest")
        old, old_time = self.aliases.get(name, (found, time))
        need((old == found and old_time == time) or time > old_time, f"{name} has changed, but its time is {time} after {old_time}")
        need(known[name, found]["model_version"] >= known.get((name, old), {"model_version": 0})["model_version"], f"{name} went back")
        self.aliases[name] = (found, time)
        if not self.key:
            return
        said = self.statement(contents(path + ".rnmsig"), name)
        signature = contents(path + ".sig")
        need(signature is not None and len(signature) == 64, f"{name} has no signature")
        if said["blake2b"] == found:
            need(is_signed(self.key, data, signature), f"{name} and its statement are one, but its signature is another's")
        # While the alias is switched its statement is ahead of it, and names what lies there already.
        need(len(self.object(said["blake2b"])) == said["size"], f"the statement of {name} has another size")

    def read_index(self, events):
        text = contents(self.folder, "index.json")
        if text is None:
            return {}
        need(text.endswith(b"\n"), "half an index")
        index = canonical(text[:-1].decode())
        need(self.serial <= index["serial"] <= len(events), f"the index went from {self.serial} to {index['serial']} of {len(events)}")
        self.serial = index["serial"]
        need(index["head"] == events[index["serial"] - 1][1], "the index has another head than the history")
        if self.key:
            lines = contents(self.folder, "index.json.rnmsig").decode().split("\n")[:-1]
            need(any(envelope(self.key, b"rnm index 1", text, line) for line in lines), "the index is not signed")
        for model in index["models"]:
            need(model["object"] == f"objects/{model['blake2b']}.rnm", "an object in another place")
            need(len(self.object(model["blake2b"])) == model["size"], "an object of another size")
            need(model["name"] in os.listdir(os.path.join(self.folder, "models")), f"{model['name']} has no alias")
        return {model["name"]: model for model in index["models"]}

    def look(self, settled=False):
        """Everything, as each reader sees it.  settled: no publisher is at work, nor was killed."""
        if not os.path.isdir(self.folder):
            return {}
        events = self.read_history()
        known = {(event["model"]["name"], event["model"]["blake2b"]): event["model"] for event, _ in events if "model" in event}
        models = os.path.join(self.folder, "models")
        names = [name for name in os.listdir(models) if not re.search(r"^\.|\.sig$|\.rnmsig$", name)] if os.path.isdir(models) else []
        for name in names:
            self.read_alias(name, known)
        index = self.read_index(events)
        if settled:
            self.check_settled(events, names, index)
        return index

    def check_settled(self, events, names, index):
        need(self.serial == len(events), "the index is behind the history")
        need(sorted(names) == sorted(index), "aliases and index name other models")
        kept = {}
        for event, _ in events:
            if event["event"] == "drop":
                kept.pop((event["name"], event["blake2b"]))
            else:
                kept[event["model"]["name"], event["model"]["blake2b"]] = event["model"]
        for name, model in index.items():
            found, time = self.aliases[name]
            need(found == model["blake2b"] and (self.bucket or time == model["published"]), f"{name} is not what the index says")
            if self.key:
                data = contents(self.folder, "models", name)
                need(is_signed(self.key, data, contents(self.folder, "models", name + ".sig")), f"{name} is not signed")
                need(self.statement(contents(self.folder, "models", name + ".rnmsig"), name)["blake2b"] == hash_of(data), "another statement")
        endings = ["", ".sig", ".rnmsig"] if self.key else [""]
        if self.bucket:
            need(not os.path.exists(os.path.join(self.folder, ".rnm-lock")), "the lock is still there")
            return
        self.check_folder("objects", [digest + ".rnm" + ending for _, digest in kept for ending in endings])
        self.check_folder("models", [name + ending for name in names for ending in endings])
        self.check_folder(".", [".rnm-lock", "history.jsonl", "index.json", "models", "objects"] + ["index.json.rnmsig"] * bool(self.key))

    def check_folder(self, name, expected):
        found = sorted(os.listdir(os.path.join(self.folder, name)))
        need(found == sorted(set(expected)), f"in {name}: {found}, expected {sorted(set(expected))}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--bucket"]
    key = contents(words[1]).decode() if len(words) > 1 else None
    try:
        print(len(Reader(words[0], key, "--bucket" in sys.argv).look(settled=True)), "models")
    except Wrong as wrong:
        sys.exit(f"{words[0]}: {wrong}")
