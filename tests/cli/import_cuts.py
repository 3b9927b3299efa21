#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the connection of an import after N bytes, for every N at which something may be half done.

usage: import_cuts.py RNM CONFIGURATION FILE LISTEN_SOCKET REDIS_SOCKET commands|answers

The configuration names LISTEN_SOCKET.  After each cut Redis holds nothing or everything, the exit code and the
words agree with that, and a second import succeeds and leaves one model.
"""
import os
import select
import socket
import subprocess
import sys

rnm, configuration, file, listen_path, redis_path, direction = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(listen_path)
listener.listen(8)


def ask(*words):
    """The reply of Redis as redis-cli prints it, by a connection of its own."""
    return subprocess.run(["redis-cli", "--raw", "-s", redis_path, *words], stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace").strip()


def carry(limit):
    """Serves one connection until it ends or limit bytes have gone the counted way; returns what has gone."""
    client, _ = listener.accept()
    server = socket.socket(socket.AF_UNIX)
    server.connect(redis_path)
    gone = b""
    while True:
        for ready in select.select([client, server], [], [])[0]:
            try:
                data = ready.recv(65536)
            except ConnectionError:
                data = b""
            counted = (ready is client) == (direction == "commands")
            if counted and limit is not None:
                data = data[:limit - len(gone)]
            if counted:
                gone += data
            if data:
                (server if ready is client else client).sendall(data)
            if not data or (limit is not None and len(gone) >= limit):
                client.close()
                server.close()
                return gone


def run(limit):
    process = subprocess.Popen([rnm, "import", "-c", configuration, file, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    gone = carry(limit)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode(), gone


def state():
    """'nothing', 'everything', or what is half there."""
    if ask("DBSIZE") == "0":
        return "nothing"
    member = ask("ZRANGE", "rn3_default_3_default", "0", "-1")
    key = "rn_default_default_aa5f939b_3"
    fields = sorted(ask("HKEYS", key).split())
    expiries = [int(ask("TTL", name)) > 170000 for name in (key, "rn3_default_3_default")]
    if key in member and fields == whole and expiries == [True, True] and ask("DBSIZE") == "2":
        return "everything"
    return "%s %s %s" % (member, fields, expiries)


def places(gone):
    """Cuts around every end of a line, which covers ends of commands and of arguments, and within the blob."""
    found = {1, len(gone) - 1, len(gone) // 2, len(gone) - 40}
    at = -1
    while (at := gone.find(b"\r\n*" if direction == "commands" else b"\r\n", at + 1)) >= 0:
        found |= {at + 1, at + 2, at + 3}
    return sorted(place for place in found if 0 < place < len(gone))


whole = []
ask("FLUSHALL")
code, out, err, gone = run(None)
assert code == 0, err
whole = sorted(ask("HKEYS", "rn_default_default_aa5f939b_3").split())
assert "ann" in whole and state() == "everything", state()
seen = {}
for place in places(gone):
    ask("FLUSHALL")
    code, out, err, _ = run(place)
    found = state()
    seen[found] = seen.get(found, 0) + 1
    assert found in ("nothing", "everything"), (place, found)
    assert code in (0, 5), (place, code, err)
    if code == 0:
        assert found == "everything", (place, found)
    elif "written as version 3" in err:
        assert found == "everything", (place, err)
    elif "cannot tell whether" not in err:
        assert found == "nothing", (place, err)
    code, out, err, _ = run(None)
    assert code == 0, (place, err)
    assert ask("ZCARD", "rn3_default_3_default") == "1" and state() == "everything", (place, state())
assert seen.get("nothing", 0) > 3 and seen.get("everything", 0) > 3, seen
print("%d cuts" % sum(seen.values()), seen)
os.unlink(listen_path)
