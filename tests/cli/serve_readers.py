#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a model again and again, as rspamd does and as a resuming download does: serve_readers.py URL SECONDS FILE...

Each answer must be one of the files as a whole, with the headers of this very file."""
import hashlib
import http.client
import sys
import threading
import time
import urllib.parse

url, seconds, files = urllib.parse.urlsplit(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
contents = {}
for name in files:
    data = open(name, "rb").read()
    contents['"' + hashlib.blake2b(data, digest_size=32).hexdigest() + '"'] = data
failed, seen, modified = [], set(), {}
lock = threading.Lock()
end = time.monotonic() + seconds


def ask(connection, method, headers):
    connection.request(method, url.path, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def look(number):
    last = 0
    connection = None
    while time.monotonic() < end:
        if connection is None:
            connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        close = {"Connection": "close"} if number % 2 == 0 else {}
        part = number == 1
        answer, body = ask(connection, "GET", {**close, **({"Range": "bytes=100-"} if part else {})})
        tag = answer.headers["ETag"]
        wanted = contents.get(tag, b"")[100:] if part else contents.get(tag)
        if answer.status != (206 if part else 200) or body != wanted:
            failed.append(f"{answer.status} {tag} {len(body)}")
        when = time.mktime(time.strptime(answer.headers["Last-Modified"], "%a, %d %b %Y %H:%M:%S GMT"))
        with lock:
            seen.add(tag)
            # One moment, one content; and no client sees time run backwards.
            if modified.setdefault(when, tag) != tag or when < last:
                failed.append(f"Last-Modified {when} after {last}")
        last = when
        if close:
            connection.close()
            connection = None


def guarded(number):
    try:
        look(number)
    except Exception as error:  # pylint: disable=broad-except
        failed.append(repr(error))


threads = [threading.Thread(target=guarded, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{len(seen)} models")
print(f"{len(failed)} failed", *failed[:5], sep="\n" if failed else "")
sys.exit(1 if failed else 0)
