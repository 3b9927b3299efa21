#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server that makes one mistake for each path, and the list of what rnm probe must find there.

usage: odd_server.py DIR ADDRESS... [NAME=CERT,KEY[,tls1.1]]...    serves
       odd_server.py --cases                                       CASE|PATH|OPTIONS|EXIT|IDS, one a line

All addresses have one port, which is written to DIR/port; each NAME is another one, in DIR/port.NAME, with TLS and this
certificate.  DIR holds the models good, other, bare.  The first part of the path is the case, good for others; every request is kept in
DIR/requests as one line of JSON: its case, the address that it came to, and its bytes.
"""
import gzip
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.utils import formatdate

import msgpack

DIGEST = "376616275a1a984c"
EDGES = "--address 127.0.0.1,127.0.0.2"
STARTED = int(time.time())
MODIFIED = STARTED - 86400

CASES = {}


def case(ids="", options="", path=DIGEST, exit_code=None):
    """A function that changes the good answer; ids without their "probe."."""
    def add(function):
        name = function.__name__.strip("_").replace("_", "-")
        found = sorted("probe." + i for i in ids.split())
        CASES[name] = (function, path, options, (1 if ids else 0) if exit_code is None else exit_code, found)
        return function
    return add


class Answer:
    """What will be sent.  n counts the requests of the same method and case before this one."""

    def __init__(self, request, n, address, models):
        self.head = request["method"] == "HEAD"
        self.request, self.n, self.address, self.models = request, n, address, models
        self.status, self.body = 200, models["good"]
        self.etag, self.modified, self.now, self.expires = None, MODIFIED, int(time.time()), None
        self.compare = True
        self.headers = {}  # replaces what would be sent; None: leave out
        self.raw = None  # all that is sent instead, or a function of the connection
        self.framing, self.behind = "length", b""

    def dates(self):
        return {"Date": formatdate(self.now, usegmt=True), "ETag": self.etag or '"%s"' % hashlib.md5(self.body).hexdigest(),
                "Last-Modified": formatdate(self.modified, usegmt=True),
                "Expires": formatdate(self.now + 1200 if self.expires is None else self.expires, usegmt=True)}

    def not_modified(self, sent):
        tag, since = self.request["headers"].get("if-none-match"), self.request["headers"].get("if-modified-since")
        if not self.compare or self.status != 200 or (tag is None and since is None):
            return False
        return tag == sent.get("ETag") if tag is not None else since == sent.get("Last-Modified")

    def bytes(self):
        sent = {**self.dates(), **{k: v for k, v in self.headers.items()}}
        known = {k: v for k, v in sent.items() if v is not None}
        if self.not_modified({**self.dates(), **known}):
            self.status = 304
            late = getattr(self, "late", None)
            if late:
                late(self, sent)
        lines = ["HTTP/1.1 %d Some words" % self.status]
        has_body = self.status == 200
        if self.framing == "length":
            sent.setdefault("Content-Length", len(self.body) if has_body else None)
        if self.framing == "chunked":
            sent["Transfer-Encoding"] = "chunked"
        for name, value in sent.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    lines.append("%s: %s" % (name, one))
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if self.head or not has_body:
            return data + (self.behind if self.head else b"")
        if self.framing == "chunked":
            half = len(self.body) // 2
            for piece in (self.body[:half], self.body[half:]):
                data += b"%x\r\n%s\r\n" % (len(piece), piece)
            return data + b"0\r\n\r\n"
        return data + self.body + self.behind


# ---- the cases ----

@case()
def good(a):
    pass


@case()
def continued(a):
    a.raw = b"HTTP/1.1 100 Continue\r\n\r\n" + a.bytes()


@case()
def http_1_0(a):
    a.raw = a.bytes().replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n", b"\n", 1)


@case()
def zstd(a):
    a.body = a.models["packed"]


@case("fragment", path=DIGEST + "#part")
def fragment(a):
    pass


@case("redirect")
def redirect(a):
    a.status, a.headers = 302, {"Location": "/elsewhere"}


@case("status")
def missing(a):
    a.status = 404


@case("status")
def down(a):
    a.status = 503


@case("status")
def nothing(a):
    a.status = 204


@case("status")
def partial(a):
    a.status = 206


@case("head-status")
def no_head(a):
    if a.head:
        a.status = 405


@case("head-status")
def head_304(a):
    if a.head and "if-none-match" not in a.request["headers"]:
        a.status = 304


@case("status")
def conditions_fail(a):
    if "if-none-match" in a.request["headers"]:
        a.status = 500


@case("head-differs")
def head_length(a):
    if a.head:
        a.headers = {"Content-Length": 17}


@case("head-differs")
def head_etag(a):
    if a.head and a.n == 0:
        a.etag = '"another"'


@case("head-differs")
def head_no_date(a):
    if a.head and a.n == 0:
        a.headers = {"Date": None}


@case("head-body")
def head_body(a):
    a.behind = b"some bytes" if a.head else b""


@case("repeated-header")
def repeated(a):
    a.headers = {"ETag": ['"one"', '"two"']}
    a.compare = False
    if a.request["headers"].get("if-none-match") == '"one"':
        a.status = 304


@case("chunked")
def chunked(a):
    a.framing = "chunked"


@case("until-close")
def until_close(a):
    a.framing = "close"


@case("bad-length")
def bad_length(a):
    a.headers = {"Content-Length": "many"}


@case("short-body")
def short(a):
    a.headers = {"Content-Length": len(a.body) + 10}


@case("short-body chunked")
def short_chunked(a):
    a.framing = "chunked"
    if not a.head:
        a.raw = a.bytes()[:-8]


@case("not-http chunked")
def bad_chunk(a):
    a.framing = "chunked"
    if not a.head:
        a.raw = a.bytes().split(b"\r\n\r\n")[0] + b"\r\n\r\nxyz\r\n"


@case("long-body")
def long(a):
    if not a.head:
        a.headers, a.behind = {"Content-Length": len(a.body)}, b"behind"


@case("empty-body")
def empty(a):
    a.body = b""


@case("too-large", options="--max-size 1000")
def large(a):
    pass


@case("too-large until-close", options="--max-size 1000")
def large_until_close(a):
    a.framing = "close"


@case("compressed")
def packed(a):
    a.body = gzip.compress(a.body, mtime=0)
    a.headers = {"Content-Encoding": "gzip"}


@case("encoding-name")
def named_encoding(a):
    a.body = a.models["packed"]
    a.headers = {"Content-Encoding": "zstd"}


@case("not-a-model")
def page(a):
    a.body = b"<html><body>It works!</body></html>"


@case("not-a-model")
def bare(a):
    a.body = a.models["bare"]


@case("padded")
def padded(a):
    a.body += bytes(100)


@case("padded")
def padded_zstd(a):
    a.body = a.models["packed"] + bytes(100)


@case("unfit-model")
def unfit(a):
    a.body = a.models["good"].replace(b"\x28\xb5\x2f\xfd", b"none", 1)


@case("odd-model")
def odd(a):
    model = msgpack.unpackb(a.body, raw=False, unicode_errors="surrogateescape")
    a.body = msgpack.packb({**model, "roc_thresholds": []}, use_bin_type=False, unicode_errors="surrogateescape")


@case("digest", path="ffffffffffffffff")
def digest(a):
    pass


@case("encrypted", path="model.enc", exit_code=0)
def encrypted(a):
    a.body = hashlib.sha512(b"secret").digest()


@case("no-date")
def no_date(a):
    a.headers = {"Date": None}


@case("no-date")
def no_date_304(a):
    a.late = lambda a, sent: sent.update(Date=None)


@case("bad-date")
def bad_date(a):
    a.headers = {"Date": "yesterday"}


@case("clock-overdue")
def overdue(a):
    a.now -= 3600


@case("clock-overdue")
def old_copy(a):
    a.now -= 3600
    a.headers = {"Age": "3600"}


@case("clock-behind")
def behind(a):
    a.now -= 300


@case("clock-ahead")
def ahead(a):
    a.now += 600


@case("no-expires", exit_code=0)
def no_expires(a):
    a.headers = {"Expires": None}


@case("bad-expires")
def bad_expires(a):
    a.headers = {"Expires": "0"}


@case("past-expires")
def past_expires(a):
    a.expires = a.now - 10


@case("soon-expires", exit_code=0)
def soon_expires(a):
    a.expires = a.now + 10


@case("soon-expires", exit_code=0)
def soon(a):
    """A rspamd that looks every second asks again so soon."""
    a.expires = a.now + 3


@case("far-expires")
def far_expires(a):
    a.expires = a.now + 9 * 3600


@case("absurd-expires")
def absurd_expires(a):
    a.expires = a.now + 400 * 86400


@case("fixed-expires")
def fixed_expires(a):
    a.expires = STARTED + 2000
    a.now += 5 if "if-none-match" in a.request["headers"] else 0


@case("no-validators")
def no_validators(a):
    a.headers = {"ETag": None, "Last-Modified": None}
    a.compare = False


@case("no-last-modified")
def no_last_modified(a):
    a.headers = {"Last-Modified": None}


@case("bad-last-modified")
def bad_last_modified(a):
    a.headers = {"Last-Modified": "2026-11-23T10:00:00Z"}


@case("future-last-modified")
def future(a):
    a.modified = STARTED + 7200


@case("no-etag")
def no_etag(a):
    a.headers = {"ETag": None}


@case("weak-etag")
def weak_etag(a):
    a.etag = 'W/"abc"'


@case("bad-etag")
def bad_etag(a):
    a.etag = "abc"


@case("bad-etag")
def escapes(a):
    a.etag = "\x1b[2J\x1b]0;title\x07\x9b"


def new_model(a):
    """From the second question of its method on there is another one."""
    if a.n > 0:
        a.body = a.models["other"]
    return a.n > 0


@case("changed", exit_code=0)
def changed(a):
    if new_model(a):
        a.modified += 10


@case("changed last-modified-back")
def back(a):
    if new_model(a):
        a.modified -= 10


@case()
def back_later(a):
    """Goes back when the test says so, between two runs."""
    if os.path.exists(os.path.join(sys.argv[1], "later")):
        a.body = a.models["other"]
        a.modified -= 10


@case("last-modified-back")
def back_same(a):
    if a.n > 0:
        a.modified -= 10
        a.compare = "rnm-probe" in a.request["headers"].get("if-none-match", "")


@case("changed last-modified-stuck")
def stuck(a):
    new_model(a)


@case("changed reused-etag")
def reused_etag(a):
    a.etag, a.compare = '"same"', False
    if new_model(a):
        a.modified += 10


@case("unstable-etag head-differs")
def unstable_etag(a):
    a.etag = '"%s"' % os.urandom(8).hex()


@case("unstable-last-modified")
def unstable_date(a):
    a.compare = False
    a.modified += min(a.n, 1)


@case("no-304")
def no_304(a):
    a.compare = False


@case("wrong-304")
def wrong_304(a):
    if a.request["headers"].get("if-modified-since"):
        a.request["headers"].pop("if-none-match", None)


@case("304-no-last-modified")
def bare_304(a):
    a.late = lambda a, sent: sent.update({"Last-Modified": None})


@case("304-etag")
def etag_304(a):
    a.late = lambda a, sent: sent.update(ETag='"other"')


@case("304-last-modified")
def date_304(a):
    a.late = lambda a, sent: sent.update({"Last-Modified": formatdate(MODIFIED + 60, usegmt=True)})


@case(options=EDGES)
def edges(a):
    pass


@case("addresses-differ", options=EDGES)
def edges_differ(a):
    if a.address == "127.0.0.2":
        a.body = a.models["other"]
        a.modified += 60


@case("addresses-differ last-modified-stuck reused-etag", options=EDGES)
def edges_alike(a):
    a.etag = '"v1"'
    if a.address == "127.0.0.2":
        a.body = a.models["other"]


@case("unstable-etag", options=EDGES)
def edges_etag(a):
    a.etag = '"at %s"' % a.address


@case("unstable-last-modified", options=EDGES)
def edges_date(a):
    a.modified -= 60 if a.address == "127.0.0.2" else 0


@case("chunked", options=EDGES)
def one_edge(a):
    a.framing = "chunked" if a.address == "127.0.0.2" else "length"


@case("unreachable", options="--address 127.0.0.1,127.0.0.9")
def dead_edge(a):
    pass


@case("unreachable", options="--address 127.0.0.9", exit_code=5)
def dead(a):
    pass


@case("cut", exit_code=5)
def cut(a):
    a.raw = b""


@case("cut", exit_code=5)
def cut_head(a):
    a.raw = a.bytes()[:40]


@case("not-http", exit_code=5)
def mail(a):
    a.raw = b"220 mail.example ESMTP\r\n\r\n"


@case("not-http", exit_code=5)
def folded(a):
    a.raw = a.bytes().replace(b"\r\nETag", b"\r\n folded\r\nETag")


@case("headers-large", exit_code=5)
def many_headers(a):
    a.headers = {"X-Policy": ["a" * 1000] * 90}


def wait(seconds):
    def behave(connection):
        time.sleep(seconds)
    return behave


@case("no-answer", options="--timeout 1", exit_code=5)
def silent(a):
    a.raw = wait(2)


@case("slow-body", options="--timeout 1")
def slow_body(a):
    data = a.bytes()

    def behave(connection):
        connection.sendall(data[:-100])
        time.sleep(2)
    a.raw = data if a.head else behave


@case("slow", options="--timeout 20")
def slow(a):
    data, first = a.bytes(), a.head and a.n == 0

    def behave(connection):
        time.sleep(2.3 if first else 0)
        connection.sendall(data)
    a.raw = behave


# ---- the server ----

class Server:
    def __init__(self, folder):
        self.folder = folder
        self.models = {}
        for name in ("good", "other", "bare"):
            with open(os.path.join(folder, name), "rb") as file:
                self.models[name] = file.read()
        self.models["packed"] = subprocess.run(["zstd", "-qc", os.path.join(folder, "good")], stdout=subprocess.PIPE,
                                               check=True).stdout
        self.counts, self.lock = {}, threading.Lock()
        self.requests = open(os.path.join(folder, "requests"), "a", encoding="utf-8")

    def count(self, method, name, raw, address):
        with self.lock:
            self.requests.write(json.dumps({"case": name, "address": address, "bytes": raw.decode("latin-1")}) + "\n")
            self.requests.flush()
            n = self.counts.get((method, name, address), 0)
            self.counts[method, name, address] = n + 1
            return n

    def answer(self, connection, address):
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = connection.recv(65536)
            if not piece:
                return
            raw += piece
            if raw[0] == 22:  # TLS; nginx does the same
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        lines = raw.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}
        name = path.split("/")[1]
        n = self.count(method, name, raw, address)
        answer = Answer({"method": method, "headers": headers}, n, address, self.models)
        CASES.get(name, CASES["good"])[0](answer)
        data = answer.raw if answer.raw is not None else answer.bytes()
        if callable(data):
            data(connection)
        else:
            connection.sendall(data)

    def serve(self, connection, address, context):
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            self.answer(connection, address)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def accept(self, listener, address, context):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=(connection, address, context), daemon=True).start()

    def listen(self, address, port=0, context=None):
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
        threading.Thread(target=self.accept, args=(listener, address, context), daemon=True).start()
        return listener.getsockname()[1]

    def write_port(self, name, port):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(str(port))
        os.rename(path + ".new", path)


def tls_context(cert, key, *old):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def main():
    if sys.argv[1:] == ["--cases"]:
        for name, (_, path, options, code, ids) in CASES.items():
            print("|".join([name, "/%s/%s" % (name, path), options, str(code), " ".join(ids)]))
        return
    words = sys.argv[2:]
    addresses = [word for word in words if "=" not in word]
    server = Server(sys.argv[1])
    for name, files in (word.split("=") for word in words if "=" in word):
        context, port = tls_context(*files.split(",")), 0
        for address in addresses:
            port = server.listen(address, port, context)
        server.write_port("port." + name, port)
    port = 0
    for address in addresses:
        port = server.listen(address, port)
    server.write_port("port", port)
    threading.Event().wait()


main()
