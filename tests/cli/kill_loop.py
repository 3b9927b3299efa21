#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ends an export at random moments, again and again, and looks at what is there.

usage: kill_loop.py SIGNAL SECONDS FOLDER COMMAND...

The command writes into FOLDER.  It runs once undisturbed, which tells what the new files are and how long it
takes, and then for SECONDS with the signal at any moment, each time over old files.  After each run every file
is the old one or the new one; a temporary file may be there only after SIGKILL, at most one, and the next run that
comes to its end removes it; TMPDIR is as empty as before.  Prints what was counted.
"""
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time

OLD = b"an old model\n"
LEFT_OVER = re.compile(r"\.(.*)\.rnm-\d\.tmp")
number = signal.Signals[sys.argv[1]]
seconds, folder, command = float(sys.argv[2]), sys.argv[3], sys.argv[4:]
spool = os.environ["TMPDIR"]
counts = {"runs": 0, "ended": 0, "old": 0, "new": 0, "left over": 0}


def digest(name):
    with open(os.path.join(folder, name), "rb") as file:
        return hashlib.blake2b(file.read()).digest()


def fail(text):
    print(f"{text}: {sorted(os.listdir(folder))}, in TMPDIR {os.listdir(spool)}; {counts}")
    sys.exit(1)


def start():
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def put_old_files():
    for name in new:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(OLD)


def look(code):
    """What a run has left."""
    left = [name for name in os.listdir(folder) if name not in new]
    if os.listdir(spool):
        fail("left behind in TMPDIR")
    if len(left) > (number == signal.SIGKILL) or not all(LEFT_OVER.fullmatch(name) for name in left):
        fail("left behind")
    counts["left over"] += len(left)
    for name in new:
        found = digest(name)
        if found not in (hashlib.blake2b(OLD).digest(), new[name]):
            fail(f"{name} is neither the old file nor the new one")
        counts["new" if found == new[name] else "old"] += 1
        if code == 0 and found != new[name]:
            fail(f"exit code 0 without a new {name}")
    if code not in (0, -number, 128 + number):
        fail(f"exit code {code}")
    counts["ended"] += code != 0
    counts["runs"] += 1


began = time.monotonic()
if start().wait() != 0:
    fail("the undisturbed run fails")
duration = time.monotonic() - began
new = {name: digest(name) for name in os.listdir(folder)}
end = time.monotonic() + seconds
while time.monotonic() < end or counts["runs"] < 5:
    put_old_files()
    process = start()
    time.sleep(random.uniform(0, 1.1 * duration))
    process.send_signal(number)
    look(process.wait())
put_old_files()
if start().wait() != 0 or {name: digest(name) for name in os.listdir(folder)} != new:
    fail("the run after all the others has not done everything")
if counts["ended"] == 0 and number != signal.SIGPIPE:
    fail("no run was ended")
print(counts)
