# SPDX-License-Identifier: Apache-2.0
"""Where the commands run: a private Redis with recorded models, a configuration, model files."""
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
sys.path.insert(1, os.path.join(HERE, "..", "cli"))

import msgpack
import vectors
# What the recorded data set is reduced to: a network alone, one with all its companions, one with a PCA matrix.
KEPT_SETS = ("rn3_embed_3_default", "rn3_embed_3_unit", "rn3_embed_3_pca", "rn3_symbolic_3_default",
             "rn3_embed_3_badjson")
# The recorded profile as rspamd would write it, which it is not.
CANONICAL = """
    local profile = cjson.decode(redis.call('zrange', 'rn3_embed_3_unit', 0, 0)[1])
    redis.call('del', 'rn3_embed_3_unit')
    redis.call('zadd', 'rn3_embed_3_unit', 1795400000, string.format(
        '{"digest":"%s","symbols":[],"version":1,"redis_key":"%s","providers_digest":"%s"}',
        profile.digest, profile.redis_key, profile.providers_digest))
"""
# What a database of a command holds before: nothing, or the models of one settings id and one thing that is not as it
# should be, in the words of Redis' Lua.
CONTENTS = {
    "empty": None,
    "copy": "",
    "another network": "redis.call('hset', 'rn_embed_unit_aabbccdd_1', 'ann', 'another')",
    "another spelling": "",
    "tombstone": CANONICAL + """
        redis.call('zadd', 'rn3_embed_3_unit', 1000, '{"digest":"00000000","symbols":[],"version":0,"redis_key":"rn_embed_unit_00000000_0"}')
        redis.call('hset', 'rn_embed_unit_00000000_0', 'obsolete', 1)
        redis.call('hset', 'rn_embed_unit_00000000_0_base', 'version', 1)""",
    "dead lock": CANONICAL + "redis.call('hset', 'rn_embed_unit_aabbccdd_1', 'lock', 5, 'hostname', 'gone')",
    "orphan": CANONICAL + "redis.call('hset', 'rn_embed_unit_00000000_0', 'ann', 'x')",
    "odd vector": CANONICAL + "redis.call('sadd', 'rn_embed_unit_aabbccdd_1_spam_set', 'no vector')",
}
# Large enough for threads and for several pieces.
BIG_NETWORK = 3 << 20
# Large enough to be handed to the disk before it is complete.
HUGE_NETWORK = 9 << 20
# Of the vectors that the models of the rule take.
DIMENSIONS = 64


def contents(path):
    with open(path) as file:
        return file.read()


def written(path):
    """The contents, when a server that was started has written them."""
    for _ in range(400):
        if os.path.exists(path):
            return contents(path)
        time.sleep(0.05)
    raise RuntimeError(f"a server did not start: there is no {path}")


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in held]
    for probe in held:
        probe.close()
    return ports


def write_class(path, count, shift):
    """Made-up vectors of one class."""
    source = random.Random(shift)
    with open(path, "w") as file:
        for _ in range(count):
            file.write(json.dumps([round(source.gauss(shift, 1), 6) for _ in range(DIMENSIONS)]) + "\n")


def retrained(network):
    """Other weights: the numbers are at the end, 32 bits each, the lowest byte first."""
    changed = bytearray(network)
    for at in range(len(changed) - 6000, len(changed) - 2000, 4):
        changed[at] ^= 0x55
    return bytes(changed)


class Stage:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        # Much is synced: in memory where that can be.
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="rnm-faults-", dir=shm)
        self.socket = os.path.join(self.folder, "redis.sock")
        self.port, self.tls_port, self.sentinel_port = free_ports(3)
        self.servers = []
        self.web_port = self.store = None
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
        names = ("model.rnm", "packed.rnm", "other.rnm", "large.rnm", "bare.kann", "password", "spam", "ham", "recorded.csv", "recorded.npy", "recorded.jsonl",
                 "halting", "wide.jsonl", "symbols", "backup", "gathered", "key", "pub", "minisign", "passphrase", "trusted", "signed.rnm", "raw.rnm", "bulk", "tree", "figures")
        return {"conf": self.path("conf", "rspamd.conf"), "broken": self.path("conf", "broken.conf"), "sentinel_conf": self.path("conf", "sentinel.conf"),
                "socket": self.socket, "port": str(self.port), "tls_port": str(self.tls_port), "web": f"http://127.0.0.1:{self.web_port}", "stock": self.stock,
                "store": self.store, "credentials": self.path("credentials"),
                "site_port": contents(self.path("site", "port")), "site_tls_port": contents(self.path("site", "port.tls")),
                "certs": self.path("certs"), "ca": self.path("certs", "ca.pem"), "models": os.path.join(DATA, "models"),
                **{name.split(".")[-1] if name.startswith("recorded") else name.split(".")[0]: self.path(name) for name in names}}

    def cli(self, *words, stdin=None):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], input=stdin, check=True,
                              capture_output=True).stdout.decode().strip()

    def start_server(self, port, *words):
        self.servers.append(subprocess.Popen(["redis-server", *words, "--port", str(port), "--bind", "127.0.0.1", "--dir", self.folder],
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for _ in range(400):
            if subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True).stdout == b"PONG\n":
                return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def start_redis(self):
        certs = self.path("certs")
        os.mkdir(certs)
        subprocess.run([os.path.join(HERE, "..", "make_certs"), certs], check=True)
        shutil.copy(os.path.join(DATA, "cli", "dump.rdb"), self.path("dump.rdb"))
        self.start_server(self.port, "--unixsocket", self.socket, "--save", "", "--maxclients", "1000", "--tls-port", str(self.tls_port),
                          "--tls-cert-file", os.path.join(certs, "good.pem"), "--tls-key-file", os.path.join(certs, "server.key"),
                          "--tls-ca-cert-file", os.path.join(certs, "ca.pem"), "--tls-auth-clients", "no")
        with open(self.path("sentinel.conf"), "w") as file:
            file.write(f"sentinel monitor main 127.0.0.1 {self.port} 1\nsentinel down-after-milliseconds main 600000\n")
        self.start_server(self.sentinel_port, self.path("sentinel.conf"), "--sentinel")

    def store_network(self, key, network, *where):
        frame = vectors.compress(b"KAN\1" + network)
        self.cli("-x", *where, "hset", key, "ann", stdin=frame)

    def reset_database(self, database, content):
        """Makes it what a command finds."""
        change = CONTENTS[content]
        self.cli("-n", str(database), "flushdb")
        if change is None:
            return
        self.cli("eval", """
            for _, key in ipairs(redis.call('keys', 'rn*_embed_*unit*')) do
                redis.call('copy', key, key, 'db', ARGV[1])
            end
            redis.call('select', ARGV[1])
            """ + change, "0", str(database))

    def database_state(self, database):
        """All keys, each with a hash of its value, but those in which a restore gathers vectors and which expire."""
        return self.cli("-n", str(database), "eval", """
            local keys = redis.call('keys', '*')
            table.sort(keys)
            local states = {}
            for _, key in ipairs(keys) do
                local kind, value = redis.call('type', key).ok
                -- Neither has an order that stays.
                if kind == 'set' or kind == 'hash' then
                    value = redis.call(kind == 'set' and 'smembers' or 'hgetall', key)
                    table.sort(value)
                    value = table.concat(value, ' ')
                else
                    value = redis.call('dump', key)
                end
                if not key:find('^rn_restore_') or redis.call('pttl', key) < 0 then
                    states[#states + 1] = key .. ' ' .. redis.sha1hex(value)
                end
            end
            return states""", "0")

    def choose_data(self):
        self.cli("acl", "setuser", "reader", "on", ">secret", "~*", "+@all")
        self.cli("acl", "setuser", "writer", "on", ">secret", "~*", "+@all", "-info")
        for key in self.cli("--scan", "--pattern", "rn3_*").split("\n"):
            if key not in KEPT_SETS:
                self.cli("del", key)
        profile = self.cli("zrange", "rn3_embed_3_unit", "0", "0")
        self.cli("copy", "rn_embed_unit_aabbccdd_1", "rn_embed_big_aabbccdd_1")
        self.cli("zadd", "rn3_embed_3_big", "1795400000", profile.replace("_unit_", "_big_"))
        self.store_network("rn_embed_big_aabbccdd_1", bytes((i * i * 2654435761 >> 13) & 255 for i in range(BIG_NETWORK)))
        # In a database of its own, where nothing else finds it.
        for key in ("rn3_embed_3_unit", "rn_embed_unit_aabbccdd_1"):
            self.cli("copy", key, key, "db", "1")
        self.store_network("rn_embed_unit_aabbccdd_1", random.Random(1).randbytes(HUGE_NETWORK), "-n", "1")

    def make_files(self):
        shutil.copytree(os.path.join(HERE, "conf"), self.path("conf"))
        with open(self.path("conf", "redis.inc"), "w") as file:
            file.write(f'servers = "{self.socket}";\n')
        with open(self.path("conf", "sentinel.conf"), "w") as file:
            file.write(f'redis {{ servers = "127.0.0.1:1"; sentinels = "127.0.0.1:{self.sentinel_port}"; }}\n'
                       '.include(glob=true) "$CONFDIR/modules.d/*.conf"\n')
        with open(self.path("password"), "w") as file:
            file.write("secret\n")
        with open(self.path("symbols"), "w") as file:
            file.write("BAYES_SPAM\nBAYES_HAM\n")
        for name, option in (("model", []), ("packed", ["--compress"])):
            subprocess.run([self.program, "-q", "-c", self.path("conf", "rspamd.conf"), "export", "-r", "embed", "-s", "unit",
                            "-o", self.path(name + ".rnm"), *option], check=True, env=self.environment())

    def make_vectors(self):
        for name, count, shift in (("spam", 12, 0.5), ("ham", 15, -0.5)):
            write_class(self.path(name), count, shift)
            vectors.train(self.socket, f"rn_embed_unit_aabbccdd_1_{name}_set", self.path(name))
        with open(self.path("halting"), "w") as file:
            file.write("[1, 2]\n" + open(self.path("ham")).read())
        record = os.path.join(DATA, "models", "embedding_64.json")
        for form, ending in (("objects", "jsonl"), ("csv-id", "csv"), ("f8", "npy")):
            vectors.write(form, record, self.path("recorded." + ending))
        vectors.write("jsonl", os.path.join(DATA, "models", "embedding_256_pca32.json"), self.path("wide.jsonl"))

    def make_other_model(self):
        """Of the same rule, one training later; and its network alone."""
        with open(self.path("model.rnm"), "rb") as file:
            content = msgpack.unpackb(file.read(), raw=True)
        frame = subprocess.run(["zstd", "-dc"], input=content[b"ann_data"], check=True, capture_output=True)
        network = retrained(frame.stdout)
        content.update({b"ann_data": vectors.compress(network), b"model_version": 2, b"roc_thresholds": [0.25, 0.5]})
        for name, data in (("other.rnm", msgpack.packb(content, use_bin_type=False)), ("bare.kann", network)):
            with open(self.path(name), "wb") as file:
                file.write(data)

        subprocess.run([sys.executable, os.path.join(HERE, "..", "cli", "made_model.py"), self.path("large.rnm"), "64", "hidden=5000", "version=5",
                        "digest=" + content[b"providers_digest"].decode()], check=True)

    def make_backup(self):
        subprocess.run([self.program, "-c", self.path("conf", "rspamd.conf"), "backup", "--all", "--with-training", "-o", self.path("backup")],
                       env=self.environment(), check=True, stdout=subprocess.DEVNULL)
        # A set that a restore does not write in one go.
        change = """for i = 1, 300 do redis.call(ARGV[1], 'rn_embed_unit_aabbccdd_1_ham_set', 'vector ' .. i) end"""
        self.cli("eval", change, "0", "sadd")
        subprocess.run([self.program, "-c", self.path("conf", "rspamd.conf"), "backup", "-r", "embed", "-s", "unit", "--with-training",
                        "-o", self.path("gathered")], env=self.environment(), check=True, stdout=subprocess.DEVNULL)
        self.cli("eval", change, "0", "srem")

    def make_signed(self):
        """A key pair, one of minisign that costs little to open, and files signed with the first for ever."""
        public = "deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbqb"
        secret = "yeyroboyfobqyrrbkanaogabxyrnbjcnwefctmyd3ogsbqwd6a8goo6y97h7ceaz7yh4pchhmnou3uthsgcs31sb9k8apd1c1eindhn"
        os.mkdir(self.path("trusted"))
        for name, text in (("key", f"type = sign; pubkey = {public}; privkey = {secret};\n"), ("pub", public),
                           ("trusted/signer.pub", public), ("passphrase", "x\n"), ("bulk", "rnm\n" * 80000)):
            with open(self.path(name), "w") as file:
                file.write(text)
        shutil.copy(os.path.join(HERE, "..", "fuzz", "corpus", "key", "minisign-password"), self.path("minisign"))
        for name in ("key", "minisign"):
            os.chmod(self.path(name), 0o600)
        for name in ("signed.rnm", "raw.rnm"):
            shutil.copy(self.path("model.rnm"), self.path(name))
        subprocess.run([self.program, "-q", "sign", "-k", self.path("key"), "--any-file", "--not-after", "never",
                        *(self.path(name) for name in ("signed.rnm", "raw.rnm", "bulk", "large.rnm"))], env=self.environment(), check=True)
        os.unlink(self.path("raw.rnm.rnmsig"))

    def make_tree(self):
        """Two versions of a model, signed, as their publisher has left them, and what is said of a third."""
        for name, figures in ("model.rnm", "published"), ("other.rnm", "figures"):
            with open(self.path(figures), "wb") as file:
                subprocess.run([self.program, "eval", self.path(name), "--spam", self.path("spam"), "--ham", self.path("ham"), "--json"],
                               env=self.environment(), check=True, stdout=file)
        for version in "1", "2":
            subprocess.run([self.program, "-q", "publish", self.path("model.rnm"), "--model-version", version, "--sign", self.path("key"),
                            "--eval", self.path("published"), "--to", self.path("tree")], env=self.environment(), check=True)

    def start_web_server(self):
        """Serves a model that fits the rule, signed for ever."""
        os.makedirs(self.path("www"))
        os.mkdir(self.path("web"))
        shutil.copy(self.path("other.rnm"), self.path("www", "pulled.rnm"))
        subprocess.run([self.program, "-q", "sign", "-k", self.path("key"), "--any-file", "--not-after", "never", "--name", "pulled.rnm",
                        self.path("www", "pulled.rnm")], env=self.environment(), check=True)
        self.servers.append(subprocess.Popen([sys.executable, os.path.join(HERE, "..", "cli", "http_server.py"), self.path("web"),
                                              self.path("www")], stderr=subprocess.DEVNULL))
        self.web_port = written(self.path("web", "port")).strip()

    def start_store(self):
        """Objects in buckets that are the folders of the stage: what is written there is among the files of the run."""
        with open(self.path("credentials"), "w") as file:
            file.write("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n")
        self.servers.append(subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "..", "cli", "s3_server.py"), self.path("store"), self.folder,
                                              "AKIAEXAMPLE", "secret", "us-east-1"], stderr=subprocess.DEVNULL))
        self.store = f"http://127.0.0.1:{written(self.path('store'))}"
        # The clock of a command stands still.
        urllib.request.urlopen(self.store + "/_control", b'{"skew": false}').close()

    def start_site(self):
        """A web server with the model."""
        os.mkdir(self.path("site"))
        for name, model in (("good", "model.rnm"), ("other", "other.rnm"), ("bare", "bare.kann")):
            shutil.copy(self.path(model), self.path("site", name))
        certs = self.path("certs")
        self.servers.append(subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "..", "cli", "odd_server.py"), self.path("site"), "127.0.0.1",
                                              f"tls={certs}/good.pem,{certs}/server.key"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        written(self.path("site", "port"))

    def __enter__(self):
        try:
            self.start_redis()
            self.choose_data()
            self.make_files()
            self.make_vectors()
            self.make_other_model()
            self.make_backup()
            self.make_signed()
            self.start_web_server()
            self.make_tree()
            self.start_site()
            self.start_store()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for server in self.servers:
            server.kill()
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
