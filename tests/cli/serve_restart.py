#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stops and starts a server while it is asked by many: serve_restart.py RNM TREE ROUNDS [NOTIFY]

With NOTIFY, a socket, it does as systemd does with a service that has sockets: it keeps them open, so that no request
may fail.  Without, the server listens by itself: then the address is closed for a moment, but whatever has reached the
old server is answered, and answered whole.

TREE/models holds one model, and big.enc, which is more than the buffers of a connection hold.
"""
import atexit
import fcntl
import http.client
import os
import signal
import socket
import struct
import sys
import termios
import threading
import time

rnm, tree, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
notify = sys.argv[4] if len(sys.argv) > 4 else None
contents = {"/models/" + name: open(os.path.join(tree, "models", name), "rb").read() for name in os.listdir(os.path.join(tree, "models"))}
BIG = "/models/big.enc"
PATH = next(name for name in contents if name != BIG)
# Requests that are there when the server is told to stop.
WAITING = 60
PATIENCE = 60


def create_listeners():
    """At two ports below those that the kernel gives to clients, which would take them while nobody listens."""
    found = []
    for port in range(10000 + os.getpid() % 15000, 32768):
        try:
            found.append(socket.create_server(("127.0.0.1", port), backlog=200))
        except OSError:
            continue
        if len(found) == 2:
            return found
    sys.exit("no port is free")


listeners = create_listeners()
PORT, ADMIN = (listener.getsockname()[1] for listener in listeners)
if not notify:
    for listener in listeners:
        listener.close()
done, failed, unanswered = threading.Event(), [], []
answered = {"fresh": 0, "kept": 0}
# Even: the server runs.
phase = [0]


class Unanswered(Exception):
    """Not a byte has come."""


def take_places():
    """The sockets where systemd has them, and what it says of them."""
    high = [os.dup2(listener.fileno(), 100 + i) for i, listener in enumerate(listeners)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i)
        os.close(fd)
    os.closerange(5, 100)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:admin", NOTIFY_SOCKET=notify,
                      WATCHDOG_USEC="2000000")


def start():
    pid = os.fork()
    if pid == 0:
        words = [rnm, "-q", "serve", tree, "--access-log", os.devnull]
        if notify:
            take_places()
        else:
            words += ["--listen", str(PORT), "--admin", str(ADMIN)]
        os.execv(rnm, words)
    return pid


def listens(pid):
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        sys.exit("the server does not start")
    try:
        socket.create_connection(("127.0.0.1", PORT)).close()
    except ConnectionRefusedError:
        return False
    return True


def connect():
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)


def ask(connection, path, headers):
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
    except (ConnectionError, http.client.BadStatusLine) as error:
        raise Unanswered(repr(error)) from error
    body = answer.read()
    if answer.status != 200 or body != contents[path]:
        raise ValueError(f"{answer.status}, {len(body)} bytes")


def ask_anew(kind, path, headers):
    """On a connection of its own, which it returns; without an answer only while nobody listens."""
    before = phase[0]
    connection = connect()
    try:
        ask(connection, path, headers)
        answered[kind] += 1
        return connection
    except Unanswered as error:
        if notify or (before == phase[0] and before % 2 == 0):
            failed.append(f"{kind}: {error}")
        unanswered.append(error)
    except Exception as error:  # pylint: disable=broad-except
        failed.append(f"{kind}: {error!r}")
    connection.close()
    return None


def fresh():
    while not done.is_set():
        connection = ask_anew("fresh", PATH, {"Connection": "close"})
        if connection:
            connection.close()
        else:
            time.sleep(0.01)


def kept():
    connection = None
    while not done.is_set():
        # A server may end an idle connection whenever it likes: who had one asks again on another.
        try:
            if connection:
                ask(connection, PATH, {})
                answered["kept"] += 1
                continue
        except Unanswered:
            connection.close()
        except Exception as error:  # pylint: disable=broad-except
            failed.append(f"kept: {error!r}")
        connection = ask_anew("kept", PATH, {})
        if not connection:
            time.sleep(0.01)


def unacknowledged(peer):
    return struct.unpack("i", fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4)))[0]


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit("never: " + what)
        time.sleep(0.01)


def waiting():
    """Connections whose requests have arrived at this host, and whom nobody has accepted."""
    peers = [socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE) for _ in range(WAITING)]
    for peer in peers:
        peer.sendall(f"GET {PATH} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    wait_until("the requests arrive", lambda: not any(unacknowledged(peer) for peer in peers))
    return peers


def read_all(peer):
    got = b""
    try:
        while piece := peer.recv(1 << 20):
            got += piece
    except OSError as error:
        failed.append(f"after {len(got)} bytes: {error}")
    peer.close()
    return got


def check_whole(kind, got, path):
    head, _, body = got.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or body != contents[path]:
        failed.append(f"{kind}: {head[:60]!r}, {len(body)} bytes")


def more_answers():
    before = dict(answered)
    wait_until("more answers", lambda: failed or all(answered[kind] >= before[kind] + 10 for kind in answered))


def stop(pid):
    """With a download on its way, and requests that it has not seen yet."""
    download = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
    download.sendall(f"GET {BIG} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    begun = download.recv(1000)
    os.kill(pid, signal.SIGSTOP)
    peers = waiting()
    phase[0] += 1
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    for peer in peers:
        check_whole("waiting", read_all(peer), PATH)
    check_whole("download", begun + read_all(download), BIG)
    if os.waitpid(pid, 0)[1] != 0:
        failed.append("it did not end well")


def admin_answers():
    connection = http.client.HTTPConnection("127.0.0.1", ADMIN, timeout=PATIENCE)
    connection.request("GET", "/metrics")
    return b"\nrnm_serve_files 2\n" in connection.getresponse().read()


def end():
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


pid = start()
atexit.register(end)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
wait_until("the server listens", lambda: listens(pid))
threads = [threading.Thread(target=kind, daemon=True) for kind in (fresh, fresh, kept, kept)]
for thread in threads:
    thread.start()
for _ in range(rounds):
    more_answers()
    os.kill(pid, signal.SIGHUP)
    more_answers()
    stop(pid)
    pid = start()
    if not notify:
        wait_until("the server listens again", lambda: listens(pid))
    phase[0] += 1
more_answers()
if not admin_answers():
    failed.append("the admin's address says something else")
done.set()
for thread in threads:
    thread.join()
os.kill(pid, signal.SIGTERM)
if os.waitpid(pid, 0)[1] != 0:
    failed.append("the last one did not end well")
print(f"{sum(answered.values())} answered, {len(unanswered)} while nobody listened")
print(f"{len(failed)} failed", *failed[:5], sep="\n" if failed else "")
sys.exit(1 if failed else 0)
