#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of large files, each of which must get every byte: for serve.bats.

usage: serve_large.py PORT PATH FILE
"""
import socket
import sys
import threading
import time


def read(peer, limit=None):
    """(head, body) of an answer, until the end of the connection or so many bytes of body."""
    got = bytearray()
    while limit is None or b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < limit:
        piece = peer.recv(65536)
        if not piece:
            break
        got += piece
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    return head.decode("ascii"), body


class Clients:
    def __init__(self, port, path, content):
        self.port, self.path, self.content = port, path, content
        self.failed = []

    def connect(self, *headers, method="GET", version="1.1"):
        peer = socket.socket()
        peer.settimeout(60)
        # So that most of the file is still with the server when a client does not read.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        peer.connect(("127.0.0.1", self.port))
        peer.sendall("\r\n".join([f"{method} {self.path} HTTP/{version}", "Host: h", *headers, "", ""]).encode("ascii"))
        return peer

    def expect(self, who, answer, wanted=None, status="200 OK"):
        head, body = answer
        wanted = self.content if wanted is None else wanted
        if head.partition("\r\n")[0] != f"HTTP/1.1 {status}" or f"Content-Length: {len(wanted)}" not in head.split("\r\n"):
            self.failed.append(f"{who}: {head!r}")
        elif "Connection: close" not in head.split("\r\n"):
            self.failed.append(f"{who}: the connection does not end")
        elif body != wanted:
            self.failed.append(f"{who}: {len(body)} bytes, not {len(wanted)} of the right ones")

    def rspamd(self):
        with self.connect("Connection: close", "Content-Length: 0") as peer:
            self.expect("rspamd", read(peer))

    def head(self):
        """HEAD says what GET says, but for the times."""
        heads = []
        for method in ("HEAD", "GET"):
            with self.connect("Connection: close", method=method) as peer:
                head, body = read(peer)
            lines = head.split("\r\n")
            heads.append((lines[0], sorted(line for line in lines[1:] if not line.startswith(("Date: ", "Expires: ")))))
            if method == "HEAD" and body:
                self.failed.append("HEAD: a body")
        if heads[0] != heads[1]:
            self.failed.append(f"HEAD: {heads}")

    def patient(self):
        """One that would go on with its connection: it is told that there is no more, and may take its time."""
        with self.connect() as peer:
            self.expect("patient", read(peer))
            time.sleep(0.3)
            peer.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")

    def talkative(self):
        """What it says while it does not read must not cost it the end of its file."""
        with self.connect() as peer:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 500)
            time.sleep(0.5)
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 500)
            self.expect("talkative", read(peer))

    def slow(self):
        with self.connect("Connection: close") as peer:
            time.sleep(0.5)
            self.expect("slow", read(peer))

    def finished(self):
        """It says with the end of its half that it asks no more."""
        with self.connect() as peer:
            peer.shutdown(socket.SHUT_WR)
            self.expect("finished", read(peer))

    def old(self):
        with self.connect(version="1.0") as peer:
            self.expect("old", read(peer))

    def part(self):
        first, last = 1000, len(self.content) - 7
        with self.connect(f"Range: bytes={first}-{last}") as peer:
            answer = read(peer)
        self.expect("part", answer, self.content[first:last + 1], "206 Partial Content")
        if f"Content-Range: bytes {first}-{last}/{len(self.content)}" not in answer[0].split("\r\n"):
            self.failed.append(f"part: {answer[0]!r}")

    def gone(self):
        """It does not wait for the end."""
        with self.connect("Connection: close", "User-Agent: gone") as peer:
            read(peer, 1000)


def main(port, path, file):
    with open(file, "rb") as content:
        clients = Clients(int(port), path, content.read())
    kinds = [clients.rspamd, clients.head, clients.patient, clients.talkative, clients.slow, clients.finished, clients.old,
             clients.part, clients.gone]
    threads = [threading.Thread(target=kind) for kind in kinds * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(clients.failed) or "well")


main(*sys.argv[1:])
