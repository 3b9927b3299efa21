#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A line to Redis that breaks in the middle of what is asked, or on which somebody else is faster.

usage: cut_requests.py LISTEN_SOCKET REDIS_SOCKET FILE

For every connection FILE says what happens: "cut N" breaks the line after N bytes of requests, "race COMMAND..." has
somebody else do a command (once) before the first MULTI passes that comes alone, as those of changes under WATCH
do; "hold N" passes N bytes and then nothing more; "count" only counts. How many bytes of requests the
last connection has passed is then in FILE.bytes.
"""
import socket
import select
import sys
import os

listen_path, redis_path, orders = sys.argv[1:4]


def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(redis_path)
    return peer


def race(words):
    other = connect()
    command = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
    other.sendall(command)
    other.recv(65536)
    other.close()


def serve(client):
    order = open(orders).read().split()
    limit = int(order[1]) if order[0] == "cut" else None
    held = int(order[1]) if order[0] == "hold" else None
    words = [word.encode() for word in order[1:]] if order[0] == "race" else None
    server = connect()
    passed = 0
    while True:
        ready = select.select([client, server], [], [])[0]
        if server in ready:
            data = server.recv(65536)
            if not data:
                break
            client.sendall(data)
        if client in ready:
            data = client.recv(65536)
            if not data:
                break
            if words and data == b"*1\r\n$5\r\nMULTI\r\n":
                race(words)
                words = None
            if limit is not None:
                data = data[:limit - passed]
            if held is not None:
                data = data[:max(0, held - passed)]
            passed += len(data)
            server.sendall(data)
            if limit is not None and passed >= limit:
                break
    client.close()
    server.close()
    with open(orders + ".new", "w") as out:
        out.write(str(passed))
    os.rename(orders + ".new", orders + ".bytes")


listener = socket.socket(socket.AF_UNIX)
listener.bind(listen_path)
listener.listen(5)
while True:
    connection, _ = listener.accept()
    try:
        serve(connection)
    except OSError:
        pass
