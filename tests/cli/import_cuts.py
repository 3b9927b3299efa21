#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the connection of an import after N bytes, for every N at which something may be half done.

usage: import_cuts.py RNM CONFIGURATION FILE LISTEN_SOCKET REDIS_SOCKET commands|answers

The configuration names LISTEN_SOCKET.  After each cut Redis holds nothing or everything, the exit code and the
words agree with that, and a second import succeeds and leaves one model.
"""
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is written into the source tree

from cuts import Line

rnm, configuration, file, listen_path, redis_path, direction = sys.argv[1:]
COMMAND = [rnm, "import", "-c", configuration, file, "--json"]


def ask(*words):
    """The reply of Redis as redis-cli prints it, by a connection of its own."""
    return subprocess.run(["redis-cli", "--raw", "-s", redis_path, *words], stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace").strip()


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


whole = []
with Line(listen_path, redis_path, direction) as line:
    ask("FLUSHALL")
    code, out, err, gone = line.run(COMMAND)
    assert code == 0, err
    whole = sorted(ask("HKEYS", "rn_default_default_aa5f939b_3").split())
    assert "ann" in whole and state() == "everything", state()
    seen = {}
    for place in line.places(gone, len(gone) // 2, len(gone) - 40):
        ask("FLUSHALL")
        code, out, err, _ = line.run(COMMAND, place)
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
        code, out, err, _ = line.run(COMMAND)
        assert code == 0, (place, err)
        assert ask("ZCARD", "rn3_default_3_default") == "1" and state() == "everything", (place, state())
    assert seen.get("nothing", 0) > 3 and seen.get("everything", 0) > 3, seen
    print("%d cuts" % sum(seen.values()), seen)
