#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""at_terminal.py PROMPT=ANSWER... -- COMMAND...: runs it on a terminal of its own and answers its prompts in turn.

Each answer is typed when the prompt is there and the terminal shows nothing of what is typed; ^C is the key.  Prints
what was to be seen, then "exit CODE, echo on" or "exit CODE, echo off".
"""
import fcntl
import os
import pty
import select
import sys
import termios
import time

PATIENCE = 60


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def start(command, terminal):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(terminal, fd)
        os.execvp(command[0], command)
    return pid


def main():
    split = sys.argv.index("--")
    dialogue = [word.split("=", 1) for word in sys.argv[1:split]]
    # Our own end keeps the terminal alive when the command is gone.
    master, terminal = pty.openpty()
    pid = start(sys.argv[split + 1:], terminal)
    shown, answered, status = "", 0, None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if select.select([master], [], [], 0.02)[0]:
            shown += os.read(master, 4096).decode(errors="replace")
            continue
        if status is not None:
            break
        if dialogue and dialogue[0][0] in shown[answered:] and not echoes(terminal):
            answered = len(shown)
            answer = dialogue.pop(0)[1]
            os.write(master, b"\x03" if answer == "^C" else answer.encode() + b"\n")
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
    if status is None:
        os.kill(pid, 9)
    print(shown.replace("\r", ""), end="")
    print(f"exit {status}, echo {'on' if echoes(terminal) else 'off'}")


main()
