#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""As systemd starts a service with sockets: serve_manager.py RNM TREE NOTIFY PATH FILE

The sockets stay open while the server is reloaded, stopped and started again; requests that come meanwhile wait."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

rnm, tree, notify, path, model = sys.argv[1:]
expected = open(model, "rb").read()
public = socket.create_server(("127.0.0.1", 0), backlog=200)
admin = socket.create_server(("127.0.0.1", 0), backlog=200)
PORT, ADMIN = public.getsockname()[1], admin.getsockname()[1]
done = threading.Event()
failed = []
answered = [0]


def start():
    pid = os.fork()
    if pid == 0:
        # In the places that systemd has for them.
        spare = [os.dup(public.fileno()), os.dup(admin.fileno())]
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(spare)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
        for fd in spare + high:
            if fd > 4:
                os.close(fd)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:admin", NOTIFY_SOCKET=notify,
                          WATCHDOG_USEC="2000000")
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        os.execv(rnm, [rnm, "serve", tree])
    return pid


def ask(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{name}", timeout=30) as answer:
        return answer.read()


def client():
    while not done.is_set():
        try:
            if ask(PORT, path) != expected:
                failed.append("other bytes")
            answered[0] += 1
        except OSError as error:
            failed.append(str(error))


pid = start()
threads = [threading.Thread(target=client) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(3):
    time.sleep(0.5)
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("it did not end well")
    pid = start()
time.sleep(1.2)
print("admin well" if b"rnm_serve_files 1" in ask(ADMIN, "/metrics") else "admin?")
done.set()
for thread in threads:
    thread.join()
os.kill(pid, signal.SIGTERM)
os.waitpid(pid, 0)
print(f"{answered[0]} answered")
print(f"{len(failed)} failed", *failed[:3])
sys.exit(0 if answered[0] > 20 and not failed else 1)
