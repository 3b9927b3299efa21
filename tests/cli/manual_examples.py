# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of a manual page, as a reader would type them, and compares what they print.

usage: manual_examples.py PAGE CONFDIR PORT TLS_PORT
       manual_examples.py --show PAGE RENDERER...

The page is rendered first: its quotes and hyphens must be such as can be typed.  In the section EXAMPLES a line
"$ ..." is a command, and the lines below it, up to an empty one, are all that it prints.  A command without such
lines must print something or change a file.  Each must end with exit code 0.

The commands of a page run one after another in the working directory.  Names of places stand for those of the
test: /etc/rspamd for CONFDIR, /var/backups/rnm for the folder backups there, /srv/models for served, https://s3.example for what STORE says, 127.0.0.1:6379 for the server on PORT, rediss://redis.example for the one on
TLS_PORT.  BASH_ENV may define stand-ins for commands such as ssh.  With --show the commands are printed and not run; the file name is added to RENDERER.
"""
import os
import re
import subprocess
import sys

BACKUPS = "/var/backups/rnm"
SERVED = "/srv/models"
MANDOC = ["mandoc", "-T", "utf8", "-O", "width=200"]


def examples(page, renderer):
    """[(command, lines that it prints)]"""
    text = subprocess.run([*renderer, page], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    found = []
    indent = inside = None
    for line in re.sub(".\b", "", text).expandtabs().split("\n"):
        command = re.match(r"( +)\$ (.*)", line)
        if line[:1].strip():
            inside = line == "EXAMPLES"
        elif inside and command:
            indent = len(command.group(1))
            found.append((command.group(2), []))
        elif inside and indent is not None and line.strip():
            found[-1][1].append(line[indent:])
        else:
            indent = None
    return found


def folder_state():
    return {name: os.lstat(name).st_mtime_ns for name in os.listdir(".")}


def problem_of(command, expected, places):
    before = folder_state()
    typed, confdir = command, places["/etc/rspamd"]
    for name, place in places.items():
        typed = typed.replace(name, place)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", typed],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
    )
    printed = done.stdout.replace(confdir, "/etc/rspamd").replace(places[BACKUPS], BACKUPS)
    said = "exit code %d\n%s%s" % (done.returncode, printed, done.stderr)
    if done.returncode != 0:
        return said
    if re.search("^rnm: ", done.stderr, re.M):
        return "expected no error, warning or note: " + said
    if expected and printed != "\n".join(expected) + "\n":
        return "expected:\n%s\nfound: %s" % ("\n".join(expected), said)
    if not printed and folder_state() == before:
        return "it did nothing that could be seen"
    return None


def main():
    if sys.argv[1] == "--show":
        for command, _ in examples(sys.argv[2], sys.argv[3:]):
            print(command)
        return
    page, confdir, port, tls_port = sys.argv[1:]
    places = {
        "/etc/rspamd": confdir,
        BACKUPS: os.path.abspath("backups"),
        SERVED: os.path.abspath("served"),
        "https://s3.example": os.environ.get("STORE", ""),
        "127.0.0.1:6379": "127.0.0.1:" + port,
        "rediss://redis.example": "rediss://127.0.0.1:" + tls_port,
    }
    commands = examples(page, MANDOC)
    failed = 0
    for command, expected in commands:
        problem = problem_of(command, expected, places)
        if problem is not None:
            failed += 1
            print("%s: $ %s\n%s" % (page, command, problem))
    print("%s: %d commands, %d failed" % (os.path.basename(page), len(commands), failed))
    sys.exit(failed > 0 or not commands)


main()
