#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that no HTTP library would be: for serve.bats.

usage: serve_peer.py malformed PORT            requests that are none, and how each is refused
       serve_peer.py slow PORT SECONDS         bytes that trickle in, an answer that is not read: all are cut in time
       serve_peer.py stay PORT PATH SECONDS    a client of a large file that has got all and stays
       serve_peer.py idle PORT COUNT PID KIB   so many silent connections; the server answers others, and stays small
       serve_peer.py flood PORT COUNT OPEN     how many of so many connections stay open
       serve_peer.py poll PORT PATH COUNT TAG  connections as rspamd's, one after another, each answered with 304
       serve_peer.py expires PORT PATH COUNT   how many seconds Expires lies behind Date, of so many answers
       serve_peer.py record TO FILE            passes connections on to the port TO and writes requests to FILE; FILE.port says where
       serve_peer.py raw PORT TEXT             sends this (with escapes), prints the answer
       serve_peer.py notify SOCKET FILE        what a service tells its manager
"""
import calendar
import os
import resource
import socket
import sys
import threading
import time


def connect(port, timeout=20.0):
    peer = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return peer


def rest(peer):
    """All that comes, until the end of the connection."""
    got = b""
    try:
        while True:
            piece = peer.recv(65536)
            if not piece:
                return got
            got += piece
    except ConnectionResetError:
        return got


def ask(port, request):
    with connect(port) as peer:
        peer.sendall(request)
        return rest(peer)


def check(name, condition, got):
    if not condition:
        sys.exit(f"{name}: {got[:500]!r}")


def malformed(port):
    line = b"GET /healthz HTTP/1.1\r\n"
    end = b"Host: h\r\nConnection: close\r\n\r\n"
    refused = {
        "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + end, b"HTTP/1.1 414 "),
        "a long header": (line + b"X: " + b"b" * 9000 + b"\r\n" + end, b"HTTP/1.1 431 "),
        "many headers": (line + b"X: y\r\n" * 5000 + end, b"HTTP/1.1 431 "),
        "a body": (line + b"Content-Length: 3\r\n" + end + b"abc", b"HTTP/1.1 400 "),
        "a chunked body": (line + b"Transfer-Encoding: chunked\r\n" + end + b"3\r\nabc\r\n0\r\n\r\n", b"HTTP/1.1 400 "),
        "two lengths": (line + b"Content-Length: 0\r\nContent-Length: 3\r\n" + end + b"abc", b"HTTP/1.1 400 "),
        "no number for a length": (line + b"Content-Length: x\r\n" + end, b"HTTP/1.1 400 "),
        "a negative length": (line + b"Content-Length: -1\r\n" + end, b"HTTP/1.1 400 "),
        "another version": (b"GET /healthz HTTP/7.3\r\n" + end, b"HTTP/1.1 505 "),
        "another method": (b"DELETE /healthz HTTP/1.1\r\n" + end, b"HTTP/1.1 405 "),
        "a method that nobody knows": (b"BREW /pot HTTP/1.1\r\n" + end, b"HTTP/1.1 405 "),
        "an upload": (b"POST /healthz HTTP/1.1\r\nContent-Length: 999999999\r\n" + end, b"HTTP/1.1 405 "),
    }
    for name, (request, status) in refused.items():
        got = ask(port, request)
        check(name, got.startswith(status), got)
        # libmicrohttpd 0.9.75 sends its own headers twice when it cannot read a length.
        check(name + ": one answer", got.count(b"HTTP/1.1 ") == 1 or b"Request malformed" in got, got)
    # What follows a request that was refused is no request: nobody knows where that one ends.
    smuggled = ask(port, line + b"Host: h\r\nContent-Length: 4\r\n\r\nabcd" + line + end)
    check("smuggled", smuggled.count(b"HTTP/1.1 ") == 1 and b" 400 " in smuggled, smuggled)
    # No request at all: an answer or none, but no file, and the connection ends.
    for junk in (b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n\n", b"\x00" * 10000,
                 b"GET /healthz\r\n\r\n", b" GET /healthz HTTP/1.1\r\n\r\n", b"\xff\xfe GET \n\n"):
        with connect(port) as peer:
            try:
                peer.sendall(junk)
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = rest(peer)
            check(repr(junk[:20]), b" 200 " not in got.split(b"\r\n")[0], got)
    # Two requests in one piece are answered in their order.
    got = ask(port, line + b"Host: h\r\n\r\n" + b"GET /none HTTP/1.1\r\n" + end)
    check("pipeline", got.index(b" 200 ") < got.index(b" 404 "), got)
    # A request in pieces.
    with connect(port) as peer:
        for byte in line + end:
            peer.sendall(bytes([byte]))
        got = rest(peer)
        check("pieces", got.startswith(b"HTTP/1.1 200 "), got)
    print("well")


def trickle(peer, stop):
    try:
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: ")
        while not stop.is_set():
            peer.sendall(b"a")
            time.sleep(0.2)
    except OSError:
        pass


def slow(port, limit):
    begun = time.monotonic()
    stop = threading.Event()
    peers = [connect(port, limit * 4 + 10) for _ in range(12)]
    threads = [threading.Thread(target=trickle, args=(peer, stop)) for peer in peers[:6]]
    for thread in threads:
        thread.start()
    for peer in peers[6:9]:  # a first request, and then nothing
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    for peer in peers:
        rest(peer)
    took = time.monotonic() - begun
    stop.set()
    for thread in threads:
        thread.join()
    check("time", limit * 0.9 <= took <= limit * 3 + 5, b"%f" % took)
    print("well")


def stay(port, path, limit):
    """It has got all of a large file, is told that this was all, and does not go: it is cut, what it says notwithstanding."""
    peer = connect(port, limit * 4 + 10)
    peer.sendall(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode("ascii"))
    got = rest(peer)
    check("answer", got.startswith(b"HTTP/1.1 200 ") and b"\r\nConnection: close\r\n" in got, got[:500])
    begun = took = time.monotonic()
    try:
        while took - begun <= limit * 3 + 5:
            peer.sendall(b"a")
            time.sleep(0.1)
            took = time.monotonic()
    except OSError:
        print("well")
        return
    check("time", False, b"%f" % (took - begun))


def idle(port, count, pid, kib):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 100)), hard))
    peers = []
    for i in range(count):
        peer = connect(port)
        if i % 2:
            peer.sendall(b"GET /models/x HTTP/1.1\r\nHost: h\r\nUser-Agent: ")
        peers.append(peer)
    got = ask(port, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
    check("others are answered", got.startswith(b"HTTP/1.1 200 "), got)
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    check("memory", rss <= kib, b"%d KiB" % rss)
    print(rss)


def flood(port, count, still_open):
    peers = [connect(port) for _ in range(count)]
    # Silent ones wait in the kernel, and are not accepted yet.
    for peer in peers:
        peer.sendall(b"G")
    time.sleep(0.5)
    left = 0
    for peer in peers:
        peer.setblocking(False)
        try:
            left += peer.recv(1) != b""
        except BlockingIOError:
            left += 1
        except ConnectionResetError:
            pass
    check("open", left == still_open, b"%d" % left)
    print("well")


def poll(port, path, count, tag):
    request = (f"HEAD {path} HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
               f"User-Agent: rspamd-3.4\r\nIf-None-Match: {tag}\r\n\r\n").encode()
    for _ in range(count):
        got = ask(port, request)
        check("304", got.startswith(b"HTTP/1.1 304 ") and got.endswith(b"\r\n\r\n"), got)
    print("well")


def expires(port, path, count):
    for _ in range(count):
        got = ask(port, f"HEAD {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode()).decode()
        headers = dict(line.split(": ", 1) for line in got.split("\r\n")[1:] if line)
        times = [calendar.timegm(time.strptime(headers[name], "%a, %d %b %Y %H:%M:%S GMT")) for name in ("Date", "Expires")]
        print(times[1] - times[0])


def pump(source, target, log):
    try:
        while piece := source.recv(65536):
            log.write(piece)
            log.flush()
            target.sendall(piece)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def record(to, path):
    listener = socket.create_server(("127.0.0.1", 0))
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(path + ".new", path + ".port")
    with open(path, "ab") as requests, open(path + ".answers", "ab") as answers:
        while True:
            client, _ = listener.accept()
            server = connect(to, None)
            client.settimeout(None)
            for pair in ((client, server, requests), (server, client, answers)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def raw(port, text):
    sys.stdout.buffer.write(ask(port, text.encode().decode("unicode_escape").encode("latin-1")))


def notify(path, out):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    peer.bind(path)
    with open(out, "w", encoding="utf-8") as file:
        while True:
            file.write(peer.recv(4096).decode() + "\n")
            file.flush()


if __name__ == "__main__":
    kind = {f.__name__: f for f in (malformed, slow, stay, idle, flood, poll, expires, record, raw, notify)}[sys.argv[1]]
    kind(*(float(a) if kind is slow and i == 1 else int(a) if a.isdigit() else a for i, a in enumerate(sys.argv[2:])))
