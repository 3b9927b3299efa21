# SPDX-License-Identifier: Apache-2.0
"""A line to Redis that breaks after so many bytes, for the tests that try every place at which something may be half done."""
import os
import select
import socket
import subprocess


class Line:
    """Listens at one path and leads to another; what goes one way, "commands" or "answers", is counted."""

    def __init__(self, listen_path, redis_path, direction):
        self.listen_path, self.redis_path, self.direction = listen_path, redis_path, direction
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(listen_path)
        self.listener.listen(8)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(self.listen_path)

    def carry(self, limit):
        """Serves one connection until it ends or limit bytes have gone the counted way; returns what has gone."""
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.redis_path)
        gone = b""
        while True:
            for ready in select.select([client, server], [], [])[0]:
                try:
                    data = ready.recv(65536)
                except ConnectionError:
                    data = b""
                counted = (ready is client) == (self.direction == "commands")
                if counted and limit is not None:
                    data = data[:limit - len(gone)]
                if counted:
                    gone += data
                if data:
                    (server if ready is client else client).sendall(data)
                if not data or (limit is not None and len(gone) >= limit):
                    client.close()
                    server.close()
                    return gone

    def run(self, command, limit=None):
        """Exit code, stdout and stderr of a command that connects once, and what has gone."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        gone = self.carry(limit)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode(), gone

    def places(self, gone, *more):
        """Cuts around every end of a command, or of a line of an answer, and more."""
        found = {1, len(gone) - 1, *more}
        at = -1
        while (at := gone.find(b"\r\n*" if self.direction == "commands" else b"\r\n", at + 1)) >= 0:
            found |= {at + 1, at + 2, at + 3}
        return sorted(place for place in found if 0 < place < len(gone))
