# SPDX-License-Identifier: Apache-2.0
"""One command under the injector: started once, forked for each run (serve() in inject.c)."""
import os
import shlex
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field

# A loaded machine is slow; a hang is for ever.
SECONDS_MAX = 60
# Of those that are written to, one for each worker.
FIRST_DATABASE = 2
OLD = b"what was there before\n"
# What says who is at work.
VOLATILE = (".rnm-lock", "model.rnm.rnmpull", "model.rnm.rnmpull.lock", ".model.rnm.rnmpart", "pulled.rnm.rnmpull", "pulled.rnm.rnmpull.lock",
            ".pulled.rnm.rnmpart")


@dataclass
class Outcome:
    faults: str
    code: int  # exit code, or minus a signal
    fired: bool
    hung: bool
    calls: dict  # kind -> how many
    places: dict  # kind -> from where, in the order of the calls
    out: bytes
    err: str
    files: dict = field(default_factory=dict)  # name -> contents
    spool: list = field(default_factory=list)  # names
    had: dict = field(default_factory=dict)  # files that were there before, but for old ones
    before: str = ""  # what its database of Redis held
    after: str = ""


def contents(path):
    with open(path, "rb") as file:
        return file.read()


class Runner:
    def __init__(self, stage, number, command):
        self.stage = stage
        self.command = command
        self.database = FIRST_DATABASE + number
        self.runs = 0
        self.folder = stage.path(f"worker{number}")
        self.out, self.spool = os.path.join(self.folder, "out"), os.path.join(self.folder, "tmp")
        self.streams = [os.path.join(self.folder, name) for name in ("stdout", "stderr")]
        os.makedirs(self.spool, exist_ok=True)
        places = {**stage.places(), "out": self.out, "bucket": f"s3://worker{number}/out", "database": str(self.database)}
        words = [word.format(**places) for word in shlex.split(command.arguments)]
        self.stdin = command.stdin.format(**places)
        name = "neural_export" if command.drop_in else "rnm"
        self.server = subprocess.Popen([name, *words], executable=stage.program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       cwd=self.folder, env=stage.environment(RNM_FAULT="server", TMPDIR=self.spool))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def prepare(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.mkdir(self.out)
        for name in self.command.old:
            with open(os.path.join(self.out, name), "wb") as file:
                file.write(OLD)
        if self.command.tree:
            shutil.copytree(self.stage.path("tree"), os.path.join(self.out, "tree"))
        if self.command.database:
            self.stage.reset_database(self.database, self.command.database)

    def files(self):
        found = {}
        for folder, _, names in os.walk(self.out):
            for path in (os.path.join(folder, name) for name in names if name not in VOLATILE):
                found[os.path.relpath(path, self.out)] = contents(path)
        return found

    def state(self):
        return self.stage.database_state(self.database) if self.command.database else ""

    def ask(self, faults, streams):
        """The reply of the server, and whether the run had to be killed."""
        self.server.stdin.write(" ".join([faults, *streams]) + "\n")
        self.server.stdin.flush()
        pid = int(self.server.stdout.readline())
        hung = threading.Event()

        def kill():
            hung.set()
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(SECONDS_MAX, kill)
        timer.start()
        reply = self.server.stdout.readline().split()
        timer.cancel()
        return reply, hung.is_set()

    def run(self, faults, stdout=None, stderr=None):
        """One run; what goes to another stdout or stderr is not looked at."""
        self.runs += 1
        self.prepare()
        before, had = self.state(), self.files() if self.command.tree else {}
        streams = [self.stdin, stdout or self.streams[0], stderr or self.streams[1]]
        reply, hung = self.ask(faults, streams)
        calls = {kind: int(count) for kind, _, count in (word.partition("=") for word in reply[2:]) if count}
        places = {kind: [] for kind in calls}
        for kind, _, place in (word.partition("@") for word in reply[2:]):
            if place:
                places[kind].append(place)
        outcome = Outcome(faults, os.waitstatus_to_exitcode(int(reply[0])), reply[1] == "1", hung, calls, places,
                          b"" if stdout else contents(streams[1]),
                          "" if stderr else contents(streams[2]).decode(errors="replace"))
        outcome.files, outcome.had = self.files(), had
        outcome.before, outcome.after = before, self.state()
        outcome.spool = os.listdir(self.spool)
        for name in outcome.spool:
            os.unlink(os.path.join(self.spool, name))
        return outcome
