#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills a publisher at every system call that changes the tree, and reads what it has left as consumers do.

usage: publish_kills.py RNM_FAULTS FOLDER PUBLIC-KEY-FILE BEFORE ARGUMENT...

FOLDER/tree is copied from FOLDER/BEFORE (which need not exist) before each run of `rnm publish ARGUMENT...`, which
publishes to FOLDER/tree.  After each kill the tree holds together, and nothing in it has gone back; after one more
run, which nobody kills, it is complete, and nothing is left over.  Prints how many kills there were.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from tree import Reader, Wrong, contents

# Kinds of calls in tests/faults/inject.c that change a file, or make what was changed last.
KINDS = ("open", "tmpfile", "write", "truncate", "utimes", "fsync", "link", "rename", "unlink", "mkdir")

program, folder, key_file, before, *arguments = sys.argv[1:]
tree, before = os.path.join(folder, "tree"), os.path.join(folder, before)
key = contents(key_file).decode() if key_file != "-" else None
streams = ["/dev/null", os.path.join(folder, "stdout"), os.path.join(folder, "stderr")]
server = subprocess.Popen(["rnm", "publish", *arguments, "--to", tree], executable=program, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, env={**os.environ, "RNM_FAULT": "server"})


def run(faults):
    """Exit code, or minus a signal; counts of calls."""
    server.stdin.write(" ".join([faults, *streams]) + "\n")
    server.stdin.flush()
    server.stdout.readline()
    reply = server.stdout.readline().split()
    return os.waitstatus_to_exitcode(int(reply[0])), {kind: int(count) for kind, _, count in (word.partition("=") for word in reply[2:]) if count}


def prepare():
    """A reader who has seen the tree as it was."""
    shutil.rmtree(tree, ignore_errors=True)
    if os.path.exists(before):
        shutil.copytree(before, tree)
    reader = Reader(tree, key)
    reader.look(settled=os.path.exists(before))
    return reader


def fail(fault, text):
    print(f"{fault}: {text}\n{contents(streams[2]).decode(errors='replace')}")
    subprocess.run(["ls", "-lAR", "--full-time", tree])
    server.kill()
    sys.exit(1)


def check(fault):
    reader = prepare()
    code, _ = run(fault)
    if code != -signal.SIGKILL:
        return False
    try:
        reader.look()
        code, _ = run("none")
        # A rollback that was decided on and is asked for again may find nothing older.
        if code != 0 and not (code == 4 and "--rollback" in arguments):
            fail(fault, f"the run after it ends with {code}")
        reader.look(settled=True)
    except Wrong as wrong:
        fail(fault, wrong)
    return True


prepare()
code, calls = run("none")
if code != 0:
    fail("none", f"exit code {code}")
faults = [f"{kind}:{n}:kill" for kind in KINDS for n in range(1, calls[kind] + 1)]
faults += [f"write:{n}:torn" for n in range(1, calls["write"] + 1)]
killed = sum(check(fault) for fault in faults)
server.stdin.close()
server.wait()
print(f"{killed} of {len(faults)} killed")
sys.exit(killed < 30)
