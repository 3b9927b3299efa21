# SPDX-License-Identifier: Apache-2.0
"""Where the commands run: a private Redis with recorded models, a configuration, model files."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
# What the recorded data set is reduced to: a network alone, one with all its companions, one with a PCA matrix.
KEPT_SETS = ("rn3_embed_3_default", "rn3_embed_3_unit", "rn3_embed_3_pca", "rn3_symbolic_3_default",
             "rn3_embed_3_badjson")
# Large enough for threads and for several pieces.
BIG_NETWORK = 3 << 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        # Much is synced: in memory where that can be.
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="rnm-faults-", dir=shm)
        self.socket = os.path.join(self.folder, "redis.sock")
        self.port = free_port()
        self.redis = None
        # A tree as rspamd ships it: of the recorded version where the records are, else Debian's.
        recorded = os.path.join(os.environ.get("RNM_SHARED", "/nonexistent"), "golden", "stock-4.1", "tree")
        self.stock = recorded if os.path.isdir(recorded) else "/etc/rspamd"

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def environment(self, **more):
        """What a command sees: nothing of the caller's."""
        return {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C", "NO_COLOR": "1", "SOURCE_DATE_EPOCH": "1700000000",
                "CONFDIR": self.path("conf"), "LOCAL_CONFDIR": self.path("conf"), "DBDIR": "/var/lib/rspamd",
                "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1",
                "LSAN_OPTIONS": "exitcode=98", "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=97", **more}

    def places(self):
        return {"conf": self.path("conf", "rspamd.conf"), "socket": self.socket, "port": str(self.port),
                "model": self.path("model.rnm"), "packed": self.path("packed.rnm"), "stock": self.stock, "password": self.path("password")}

    def cli(self, *words, stdin=None):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], input=stdin, check=True,
                              capture_output=True).stdout.decode().strip()

    def start_redis(self):
        shutil.copy(os.path.join(DATA, "cli", "dump.rdb"), self.path("dump.rdb"))
        self.redis = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket,
             "--dir", self.folder, "--save", "", "--daemonize", "no", "--maxclients", "1000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            if subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True).stdout == b"PONG\n":
                return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def choose_data(self):
        self.cli("acl", "setuser", "reader", "on", ">secret", "~*", "+@all")
        for key in self.cli("--scan", "--pattern", "rn3_*").split("\n"):
            if key not in KEPT_SETS:
                self.cli("del", key)
        profile = self.cli("zrange", "rn3_embed_3_unit", "0", "0")
        self.cli("copy", "rn_embed_unit_aabbccdd_1", "rn_embed_big_aabbccdd_1")
        self.cli("zadd", "rn3_embed_3_big", "1795400000", profile.replace("_unit_", "_big_"))
        with open(self.path("big"), "wb") as file:
            file.write(b"KAN\1" + bytes((i * i * 2654435761 >> 13) & 255 for i in range(BIG_NETWORK)))
        subprocess.run(["zstd", "-q", self.path("big")], check=True)
        with open(self.path("big.zst"), "rb") as file:
            self.cli("-x", "hset", "rn_embed_big_aabbccdd_1", "ann", stdin=file.read())

    def make_files(self):
        shutil.copytree(os.path.join(HERE, "conf"), self.path("conf"))
        with open(self.path("conf", "redis.inc"), "w") as file:
            file.write(f'servers = "{self.socket}";\n')
        with open(self.path("password"), "w") as file:
            file.write("secret\n")
        for name, option in (("model", []), ("packed", ["--compress"])):
            subprocess.run([self.program, "-q", "-c", self.path("conf", "rspamd.conf"), "export", "-r", "embed", "-s", "unit",
                            "-o", self.path(name + ".rnm"), *option], check=True, env=self.environment())

    def __enter__(self):
        try:
            self.start_redis()
            self.choose_data()
            self.make_files()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.redis is not None:
            self.redis.kill()
            self.redis.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
