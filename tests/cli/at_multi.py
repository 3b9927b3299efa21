#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A line to Redis on which something happens at the worst moment: between the look and the transaction.

usage: at_multi.py LISTEN_SOCKET REDIS_SOCKET COMMAND...

Serves connections one after the other.  Before the first MULTI is handed on, COMMAND is run.
"""
import select
import socket
import subprocess
import sys

listen_path, redis_path, command = sys.argv[1], sys.argv[2], sys.argv[3:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(listen_path)
listener.listen(8)
while True:
    client, _ = listener.accept()
    server = socket.socket(socket.AF_UNIX)
    server.connect(redis_path)
    here = True
    while here:
        for ready in select.select([client, server], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                here = False
                break
            if command and ready is client and b"MULTI" in data:
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
                command = None
            (server if ready is client else client).sendall(data)
    client.close()
    server.close()
