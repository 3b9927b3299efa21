# SPDX-License-Identifier: Apache-2.0
"""The part of `make bench` about rnm serve: beside nginx with one worker, which serves the same tree."""
import http.client
import os
import resource
import shutil
import socket
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (("100 KB", 100_000), ("1 MB", 1_000_000), ("50 MB", 50_000_000))
IDLE = 10_000
NGINX = """worker_processes 1; daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.error;
events {{ worker_connections 20000; }}
http {{
	sendfile on; access_log {dir}/nginx.log combined buffer=64k; expires 20m;
	client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
	scgi_temp_path {dir}/t5;
	server {{ listen 127.0.0.1:{port} backlog=4096; root {dir}/tree; }}
}}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("bench: a server does not start")


def processor_time(pid):
    """Seconds of all its threads, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Server:
    def __init__(self, name, port, argv):
        self.name, self.port = name, port
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answers(port)

    def tag(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("HEAD", path)
        return connection.getresponse().headers["ETag"]

    def measure(self, ask, seconds, path, poll):
        """(requests a second, microseconds of this server's processor time for each)"""
        lines = [f"{'HEAD' if poll else 'GET'} {path} HTTP/1.1", "Connection: close", "Host: h", "Content-Length: 0", "User-Agent: rspamd-4.1.6"]
        if poll:
            lines.append(f"If-None-Match: {self.tag(path)}")
        before = processor_time(self.process.pid)
        text = subprocess.run([ask, str(self.port), str(seconds), "8", "\\r\\n".join(lines) + "\\r\\n\\r\\n"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        count, wall, _, status = text.split()
        assert status == ("304" if poll else "200"), (self.name, status)
        return int(count) / float(wall), (processor_time(self.process.pid) - before) / int(count) * 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait()


def idle(server, count):
    """KiB of a server with so many silent connections, half of which have begun a request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        return None
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, hard))
    peers = []
    for i in range(count):
        # As many hosts, each with connections of its own.
        peer = socket.socket()
        peer.bind((f"127.0.{1 + i // 200}.1", 0))
        peer.connect(("127.0.0.1", server.port))
        peer.sendall(b"GET /models/100KB.enc HTTP/1.1\r\nUser-Agent: rspamd")
        peers.append(peer)
    time.sleep(1)
    size = rss(server.process.pid)
    for peer in peers:
        peer.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return size


def rows(rnm, folder, quick=False):
    """Measures by turns; [] where there is no nginx."""
    if shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        return []
    models = os.path.join(folder, "tree", "models")
    os.makedirs(models)
    for name, size in SIZES:
        with open(os.path.join(models, name.replace(" ", "") + ".enc"), "wb") as file:
            file.write(os.urandom(size))
    ask = os.path.join(folder, "ask")
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", os.path.join(HERE, "ask.c"), "-o", ask], check=True)
    ports = free_port(), free_port()
    conf = os.path.join(folder, "nginx.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(NGINX.format(dir=folder, port=ports[1]))
    servers = [Server("rnm", ports[0], [rnm, "serve", os.path.join(folder, "tree"), "--listen", str(ports[0]), "--timeout", "60s",
                                        "--access-log", os.path.join(folder, "rnm.log")]),
               Server("nginx", ports[1], ["/usr/sbin/nginx", "-c", conf])]
    found = []
    try:
        works = [("check, 304", "/models/100KB.enc", True)] + [(f"download of {name}", f"/models/{name.replace(' ', '')}.enc", False) for name, _ in SIZES]
        for name, path, poll in works:
            samples = [[], []]
            for turn in range(3 if quick else 15):
                for i in (0, 1) if turn % 2 else (1, 0):
                    samples[i].append(servers[i].measure(ask, 0.3 if quick else 1, path, poll))
            middle = [[statistics.median(column) for column in zip(*each)] for each in samples]
            # Of two that follow each other: what else runs on the machine comes and goes more slowly.
            ratios = [mine[1] / theirs[1] for mine, theirs in zip(*samples)]
            found.append({"name": name, "rnm": middle[0], "nginx": middle[1], "ratio": statistics.median(ratios),
                          "load": os.getloadavg()[0]})
        found.append({"name": "idle", "count": IDLE // 10 if quick else IDLE, "kib": idle(servers[0], IDLE // 10 if quick else IDLE)})
    finally:
        for server in servers:
            server.stop()
    return found


def table(found):
    if not found:
        return []
    lines = ["", "## Serving", "",
             "`rnm serve` beside nginx with one worker, both with a log, on the same tree: each request is a connection of its",
             "own, as those of rspamd are, and eight are open at a time (`bench/ask.c`). Processor time is the server's alone:",
             "on a machine with few cores the requests per second are also those of the client. The two are called by turns;",
             "the ratio is the median of those of 15 pairs of runs, each of a second.", "",
             "| work | rnm, requests/s | rnm, µs of processor time | nginx, requests/s | nginx, µs | ratio of processor time | aim |",
             "|---|--:|--:|--:|--:|--:|---|"]
    for r in found:
        if r["name"] == "idle":
            continue
        aim = "1" if "304" in r["name"] else "1.2"
        lines.append(f"| {r['name']} | {r['rnm'][0]:.0f} | {r['rnm'][1]:.1f} | {r['nginx'][0]:.0f} | {r['nginx'][1]:.1f} |"
                     f" {r['ratio']:.2f} | {aim} |")
    load = statistics.median(r["load"] for r in found if "load" in r)
    lines += ["", f"The load of the machine was {load:.0f} meanwhile, of which server and client are at most 2."]
    kib = found[-1]["kib"]
    if kib is not None:
        lines += ["", f"{found[-1]['count']:,} connections that have begun a request and say no more: {kib / 1024:.0f} MB (aim: 100 MB for 10,000)."]
    return lines


if __name__ == "__main__":
    import sys
    import tempfile
    with tempfile.TemporaryDirectory() as scratch:
        print("\n".join(table(rows(sys.argv[1], scratch, "--quick" in sys.argv))))
