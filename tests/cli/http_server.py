#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server that does as it is told, also what no server should.

usage: http_server.py DIR ROOT [CERT KEY]

Serves the files of ROOT with ETag, Last-Modified and ranges, on a port of 127.0.0.1 that it writes to DIR/port; over
TLS with a certificate.  DIR/log gets a line for each request: method, path, and of its headers Range, If-Range,
If-None-Match, If-Modified-Since, Authorization and Accept-Encoding those that are there.

DIR/script, read for each request, says what else happens: lines "PATH WHAT [ARGUMENT...]".  The lines for one path are
used up one after the other; the last one stays.
  ok                      as usual
  status CODE [H: V]      this status, and perhaps a header
  as FILE [TYPE]          the bytes of another file (absolute)
  cut BYTES               declares all, sends so many, ends
  declare BYTES           declares a wrong length, sends all
  endless [chunked]       never stops sending zeros
  drip                    a byte ten times a second
  silent                  takes the request and says nothing
  redirect URL            302
  header LINE             as usual, with one more header
  headers BYTES           as usual, with so many bytes of headers
  drip-headers            headers without end, a few ten times a second
  range FIRST-LAST/SIZE   206 and the rest of the file, as if it were this range
  norange                 knows no ranges
  weak                    weak ETags only
  bare                    neither ETag nor Last-Modified nor Content-Length
"""
import email.utils
import hashlib
import os
import re
import socketserver
import ssl
import sys
import time

folder, root = sys.argv[1:3]
used = {}
last = [""]


def directive(path):
    try:
        text = open(os.path.join(folder, "script")).read()
    except FileNotFoundError:
        text = ""
    if text != last[0]:
        last[0] = text
        used.clear()
    lines = [line.split() for line in text.splitlines()]
    mine = [line[1:] for line in lines if line and line[0] == path]
    at = used.get(path, 0)
    used[path] = at + 1
    return mine[min(at, len(mine) - 1)] if mine else ["ok"]


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        try:
            while self.one():
                pass
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError, TimeoutError):
            pass

    def head(self, status, headers):
        lines = ["HTTP/1.1 %s" % status] + ["%s: %s" % pair for pair in headers]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def one(self):
        self.connection.settimeout(20)
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) < 2:
            return False
        headers = {}
        while True:
            text = self.rfile.readline(65536).decode("latin-1").strip()
            if not text:
                break
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        names = ["Range", "If-Range", "If-None-Match", "If-Modified-Since", "Authorization", "Accept-Encoding"]
        with open(os.path.join(folder, "log"), "a") as log:
            seen = ["%s: %s" % (name, headers[name.lower()]) for name in names if name.lower() in headers]
            print(line[0], line[1], "; ".join(seen), file=log)
        return self.answer(line[1].partition("?")[0], headers, *directive(line[1].partition("?")[0]))

    def answer(self, path, asked, what, *args):
        if what == "silent":
            time.sleep(20)
            return False
        if what == "redirect":
            self.head("302 Found", [("Location", args[0]), ("Content-Length", "0")])
            return True
        if what == "status":
            extra = [tuple(" ".join(args[1:]).split(": ", 1))] if args[1:] else []
            body = b"" if args[0] in ("204", "304") else b"an error\n" * 3
            self.head(args[0] + " X", extra + ([("Content-Length", len(body))] if body else []))
            self.wfile.write(body)
            return True
        if what == "drip-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-More: 1\r\n" * 3)
                time.sleep(0.1)
        name = args[0] if what == "as" else os.path.join(root, path.lstrip("/"))
        if ".." in path or not os.path.isfile(name):
            self.head("404 Not Found", [("Content-Length", "0")])
            return True
        data = open(name, "rb").read()
        return self.file(name, data, asked, what, args)

    def file(self, name, data, asked, what, args):
        etag = '%s"%s"' % ("W/" if what == "weak" else "", hashlib.sha256(data).hexdigest()[:16])
        stamp = email.utils.formatdate(os.stat(name).st_mtime, usegmt=True)
        kind = args[1] if what == "as" and args[1:] else "application/octet-stream"
        headers = [("Content-Type", kind), ("ETag", etag), ("Last-Modified", stamp)]
        if what in ("endless", "drip"):
            return self.trickle(headers, what, args, data)
        if what == "bare":
            self.head("200 OK", [("Connection", "close")])
            self.wfile.write(data)
            return False
        if what == "header":
            headers.append(tuple(" ".join(args).split(": ", 1)))
        if what == "headers":
            headers += [("X-Long-%d" % i, "x" * 1000) for i in range(int(args[0]) // 1000)]
        if asked.get("if-none-match") == etag or ("if-none-match" not in asked and
                                                  asked.get("if-modified-since") == stamp):
            self.head("304 Not Modified", headers)
            return True
        status, first = "200 OK", 0
        match = re.fullmatch(r"bytes=(\d+)-", asked.get("range", ""))
        if what == "range":
            status, first = "206 Partial Content", int(args[0].split("-")[0])
            headers.append(("Content-Range", "bytes " + args[0]))
        elif match and what != "norange" and asked.get("if-range", etag) in (etag, stamp):
            first = int(match[1])
            if first >= len(data):
                self.head("416 X", [("Content-Range", "bytes */%d" % len(data)), ("Content-Length", "0")])
                return True
            status = "206 Partial Content"
            headers.append(("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data))))
        body = data[first:]
        self.head(status, headers + [("Content-Length", args[0] if what == "declare" else len(body))])
        self.wfile.write(body[:int(args[0])] if what == "cut" else body)
        return what not in ("cut", "declare")

    def trickle(self, headers, what, args, data):
        chunked = "chunked" in args
        self.head("200 OK", headers + [("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")])
        for at in range(len(data)) if what == "drip" else iter(int, 1):
            piece = data[at:at + 1] if what == "drip" else b"\0" * 65536
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if what == "drip":
                time.sleep(0.1)
        return False


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def handle_error(self, request, client_address):
        pass

    def get_request(self):
        connection, address = super().get_request()
        if context:
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


context = None
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
server = Server(("127.0.0.1", 0), Handler)
with open(os.path.join(folder, "port.new"), "w") as file:
    print(server.server_address[1], file=file)
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
