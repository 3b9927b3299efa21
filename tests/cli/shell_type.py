# SPDX-License-Identifier: Apache-2.0
"""Types lines into a real interactive shell and checks what becomes of them.

usage: shell_type.py SHELL... <CASES

The shell must show READY> as its prompt, and its command rnm must write its arguments, each ended by a NUL, to
the file $TYPED.  A case is one line of CASES:

    KEYS => WORD|WORD|...     KEYS and Enter run the command with these arguments
    KEYS => ?TEXT|TEXT|...    KEYS alone put these texts on the screen

<TAB> in KEYS is the tab key.  A completion gives up after a second, which a busy machine can take, so a case
may be tried several times.
"""
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import fcntl

TRIES = 4
FAILURES_MAX = 3
PATIENCE = 10  # seconds
INTERRUPT = "\x03"
KILL_LINE = "\x15"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|\([A-Z0-9]|[=>])")


class Shell:
    def __init__(self, command, typed):
        self.typed = typed
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.screen = b""
        if not self.wait(lambda: b"READY>" in self.screen):
            sys.exit("no prompt: %r" % self.screen)

    def wait(self, done):
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                return False
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    self.screen += os.read(self.terminal, 65536)
                except OSError:
                    return done()
        return True

    def type(self, keys):
        self.screen = b""
        os.write(self.terminal, keys.replace("<TAB>", "\t").encode())

    def settle(self):
        while select.select([self.terminal], [], [], 0.3)[0]:
            self.screen += os.read(self.terminal, 65536)

    def arguments(self):
        if not os.path.exists(self.typed):
            return None
        with open(self.typed, "rb") as file:
            return file.read().decode("utf-8", "backslashreplace").split("\0")[:-1]

    def run(self, keys, words):
        if os.path.exists(self.typed):
            os.unlink(self.typed)
        self.type(keys + "\r")
        if not self.wait(lambda: os.path.exists(self.typed)):
            self.type(INTERRUPT)
            self.settle()
        found = self.arguments()
        return None if found == words else "the arguments %r, the screen %r" % (found, self.screen)

    def look(self, keys, texts):
        self.type(keys)

        def shown():
            plain = ESCAPES.sub("", self.screen.decode("utf-8", "replace"))
            return all(text in plain for text in texts)

        found = self.wait(shown)
        problem = None if found else "the screen %r" % self.screen
        self.settle()
        self.type(KILL_LINE)
        return problem

    def check(self, keys, expected):
        for _ in range(TRIES):
            if expected.startswith("?"):
                problem = self.look(keys, expected[1:].split("|"))
            else:
                problem = self.run(keys, expected.split("|"))
            if problem is None:
                return True
        print("%s\n  expected %s\n  found %s" % (keys, expected, problem))
        return False


def main():
    shell = Shell(sys.argv[1:], os.environ["TYPED"])
    count = failed = 0
    try:
        for line in sys.stdin:
            keys, arrow, expected = line.rstrip("\n").partition(" => ")
            if arrow:
                count += 1
                failed += not shell.check(keys, expected)
            if failed == FAILURES_MAX:
                break
    finally:
        os.kill(shell.pid, signal.SIGKILL)
        os.waitpid(shell.pid, 0)
    print("%d cases, %d failed" % (count, failed))
    sys.exit(failed > 0 or count == 0)


main()
