#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TLS port in front of a plain Redis on a unix socket.

usage: tls_proxy.py DIR REDIS_SOCKET CERT KEY [odd] [cut=BYTES]

Writes its port to DIR/port, and to DIR/names a line for each connection: the host name that the client asked
for, or "-".  odd: answers go out in records of odd sizes.  cut: after so many bytes of answers the line is cut
without a word of farewell.
"""
import itertools
import os
import select
import socket
import ssl
import sys

folder, redis_path, cert, key = sys.argv[1:5]
odd = "odd" in sys.argv[5:]
cut = next((int(a[4:]) for a in sys.argv[5:] if a.startswith("cut=")), None)
sizes = itertools.cycle([1, 2, 3, 16384, 1, 7, 100, 1000, 5, 4096])

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
names = open(os.path.join(folder, "names"), "a")


def asked(_socket, name, _context):
    print(name or "-", file=names, flush=True)


context.sni_callback = asked
listener = socket.create_server(("127.0.0.1", 0))
with open(os.path.join(folder, "port.new"), "w") as file:
    print(listener.getsockname()[1], file=file)
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))


def pieces(data):
    while data:
        size = next(sizes) if odd else 16384
        yield data[:size]
        data = data[size:]


def serve(client, server):
    left = cut
    while True:
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        if client in ready:
            data = client.recv(65536)
            if not data:
                return
            server.sendall(data)
        if server in ready:
            data = server.recv(65536)
            for piece in pieces(data[:left]):
                client.sendall(piece)
            if left is not None:
                left -= len(data)
                if left <= 0:
                    return
            if not data:
                return


while True:
    plain, _ = listener.accept()
    server = socket.socket(socket.AF_UNIX)
    server.connect(redis_path)
    try:
        client = context.wrap_socket(plain, server_side=True)
        serve(client, server)
        client.close()
    except OSError:
        pass
    plain.close()
    server.close()
