#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lets a store (s3_server.py) refuse everything from the Nth request of a publisher on, for every N.

usage: s3_cuts.py PORT FOLDER PUBLIC-KEY-FILE RNM ARGUMENT...

FOLDER/models/tree is copied from FOLDER/models/before before each run of `rnm publish ARGUMENT...` to s3://models/tree.
After each run the tree holds together for its readers (tree.py), no publication has come without its object, and the next
run, to which nothing is refused, completes it.  Prints how many runs there were.
"""
import json
import os
import shutil
import subprocess
import sys
import urllib.request

sys.dont_write_bytecode = True
from tree import Reader, Wrong, contents

port, folder, key_file, *command = sys.argv[1:]
tree, before = os.path.join(folder, "models", "tree"), os.path.join(folder, "models", "before")
key = contents(key_file).decode()


def control(**how):
    """Sets how the store behaves; the requests since the last time."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_control", json.dumps(how).encode())
    return json.loads(urllib.request.urlopen(request).read())


def publish():
    words = [command[0], "publish", *command[1:], "--to", "s3://models/tree", "--endpoint", f"http://127.0.0.1:{port}"]
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def prepare():
    shutil.rmtree(tree, ignore_errors=True)
    if os.path.exists(before):
        shutil.copytree(before, tree)
    reader = Reader(tree, key, bucket=True)
    reader.look()
    return reader


def fail(n, text, done):
    print(f"from request {n} on: {text}\n{done.stderr.decode()}\n{control()}")
    subprocess.run(["find", tree, "-type", "f"])
    sys.exit(1)


prepare()
control(fail=0)
done = publish()
requests = control()
if done.returncode != 0:
    fail(0, f"exit code {done.returncode}", done)
for n in range(1, len(requests) + 1):
    reader = prepare()
    control(fail=n)
    done = publish()
    control(fail=0)
    if done.returncode != (5 if n < len(requests) else 0):
        fail(n, f"exit code {done.returncode}", done)
    try:
        reader.look()
        # As time would do it.
        if os.path.exists(os.path.join(tree, ".rnm-lock")):
            os.unlink(os.path.join(tree, ".rnm-lock"))
        done = publish()
        if done.returncode != 0:
            fail(n, f"the run after it ends with {done.returncode}", done)
        reader.look(settled=True)
    except Wrong as wrong:
        fail(n, wrong, done)
print(f"{len(requests)} requests")
sys.exit(len(requests) < 20)
