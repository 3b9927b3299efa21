#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the connection of `rnm doctor --fix` after N bytes, around every end of a command or an answer.

usage: doctor_cuts.py RNM CONFIGURATION LISTEN_SOCKET REDIS_SOCKET commands|answers

The configuration names LISTEN_SOCKET.  After each cut every repair has happened whole or not at all, what has been
told agrees with that, and a second run leaves nothing to repair.
"""
import json
import socket
import sys
import time

sys.dont_write_bytecode = True  # nothing is written into the source tree

from cuts import Line

rnm, configuration, listen_path, redis_path, direction = sys.argv[1:]
COMMAND = [rnm, "doctor", "-c", configuration, "--fix", "--json"]
DIGEST = "954230f4936c9433"
LIST = "rn3_embed_3_default"
KEY = "rn_embed_default_954230f4_%d"
direct = socket.socket(socket.AF_UNIX)
direct.connect(redis_path)
answers = direct.makefile("rb")


def ask(*words):
    """The reply of Redis, by a connection of our own."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    direct.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
    return reply()


def reply():
    line = answers.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return None if rest == b"-1" else answers.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [reply() for _ in range(int(rest))]
    return int(rest) if kind == b":" else rest


def member(version, space=""):
    return '{"digest":"%s",%s"symbols":[],"version":%d,"redis_key":"%s","providers_digest":"%s"}' % (
        DIGEST, space, version, KEY % version, DIGEST)


def prepare():
    """A tombstone with a hash, two forms of one profile, a life about to end, a key that is left behind."""
    now = int(time.time())
    ask("FLUSHALL")
    ask("ZADD", LIST, now - 10, member(3, " "), now - 20, member(3), now - 5000, member(2))
    ask("HSET", KEY % 3, "ann", "x")
    ask("EXPIRE", KEY % 3, 1000)
    ask("EXPIRE", LIST, 1000)
    ask("HSET", KEY % 2, "obsolete", 1)
    ask("HSET", KEY % 9, "ann", "y")


def done():
    """Which repairs have happened; fails when one is half done."""
    members = ask("ZRANGE", LIST, 0, -1)
    tombstone = (member(2).encode() in members, ask("EXISTS", KEY % 2) == 1)
    assert tombstone[0] == tombstone[1], tombstone
    forms = (member(3).encode() in members, member(3, " ").encode() in members)
    assert forms in ((True, True), (True, False)), forms
    lives = (ask("TTL", KEY % 3) > 1000, ask("TTL", LIST) > 1000)
    assert lives[0] == lives[1], lives
    return {"doctor.tombstone": not tombstone[0], "doctor.twin": forms == (True, False), "doctor.expiring": lives[0],
            "doctor.orphan-model": ask("EXISTS", KEY % 9) == 0}


with Line(listen_path, redis_path, direction) as line:
    prepare()
    code, out, err, gone = line.run(COMMAND)
    assert code == 0 and all(done().values()), (code, out, err)
    # Before it begins to repair, there is nothing to be half done.
    first = gone.find(b"WATCH") if direction == "commands" else len(gone) // 3
    seen = {}
    for place in [place for place in line.places(gone) if place >= first - 20]:
        prepare()
        code, out, err, _ = line.run(COMMAND, place)
        now = done()
        seen[sum(now.values())] = seen.get(sum(now.values()), 0) + 1
        assert code in (0, 5), (place, code, err)
        for finding in json.loads(out)["findings"] if out else []:
            # The word to commit may have arrived although its answer has not.
            told = finding["state"] == "repaired"
            assert now[finding["id"]] == told or (not told and "cannot tell whether" in (finding["outcome"] or "")), (place, finding)
        code, out, err, _ = line.run(COMMAND)
        assert code == 0 and all(done().values()), (place, out, err)
    assert seen.get(0, 0) > 1 and len(seen) >= 4, seen
    print("%d cuts" % sum(seen.values()), seen)
