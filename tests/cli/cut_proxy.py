#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A line to Redis that breaks in the middle of an answer.

usage: cut_proxy.py LISTEN_SOCKET REDIS_SOCKET BYTES stall|close|pause

Serves one connection: after BYTES bytes of answers it says nothing more, closes, or goes on after a while.
"""
import select
import socket
import sys
import time

listen_path, redis_path, limit, then = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
listener = socket.socket(socket.AF_UNIX)
listener.bind(listen_path)
listener.listen(1)
client, _ = listener.accept()
server = socket.socket(socket.AF_UNIX)
server.connect(redis_path)
late = b""


def forward():
    global limit, late
    for ready in select.select([client, server], [], [])[0]:
        data = ready.recv(65536)
        if not data:
            sys.exit(0)
        if ready is client:
            server.sendall(data)
        else:
            client.sendall(data[:limit])
            late = data[limit:]
            limit -= len(data)


while limit > 0:
    forward()
open(listen_path + ".cut", "w").close()
if then == "stall":
    while client.recv(65536):
        pass
elif then == "pause":
    time.sleep(1)
    client.sendall(late)
    limit = 1 << 40
    while True:
        forward()
