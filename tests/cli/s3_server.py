#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small S3-compatible store on loopback.  It checks the signature of every request with botocore.

usage: s3_server.py PORT-FILE FOLDER ACCESS-KEY SECRET-KEY REGION [TOKEN]

Buckets are the folders below FOLDER, keys the paths in them.  Knows GET, HEAD, PUT and DELETE of objects in path style,
If-None-Match: * and If-Match on PUT.  With POST /_control a test says in JSON how the store is to behave:

  fail        number of the request from which on all are refused (with `status`, or 0: the connection is closed)
  times       how many are; 0: all
  status      403 unless said otherwise
  conditions  false: If-None-Match and If-Match are ignored, as by older stores
  clock       false: Date and Last-Modified are those of the host; true: each request comes a second after the other
  skew        false: a request may be dated at any time

and gets the list of requests since the last one: [METHOD, path, status].
"""
import email.utils
import hashlib
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.auth
import botocore.awsrequest
import botocore.credentials

port_file, folder, access_key, secret_key, region = sys.argv[1:6]
token = sys.argv[6] if len(sys.argv) > 6 else None
lock = threading.Lock()
log = []
control = {"fail": 0, "times": 0, "status": 403, "conditions": True, "clock": True, "skew": True}
state = {"requests": 0, "now": time.time()}


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def signature_problem(handler, body):
    """What is wrong with how the request is signed, or None: botocore says what the signature should be."""
    parts = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", handler.headers.get("Authorization", ""))
    if not parts:
        return "AccessDenied", "there is no signature"
    credential, names, signature = parts.groups()
    stamp = handler.headers.get("X-Amz-Date", "")
    if credential != f"{access_key}/{stamp[:8]}/{region}/s3/aws4_request":
        return "InvalidAccessKeyId", f"the credential {credential} is not known"
    if control["skew"] and abs(time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) - time.timezone - time.time()) > 900:
        return "RequestTimeTooSkewed", f"the request is dated {stamp}"
    if handler.headers.get("X-Amz-Content-SHA256") != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch", "the hash of the body is another"
    if token and handler.headers.get("X-Amz-Security-Token") != token:
        return "InvalidToken", "the session token is missing"
    signed = names.split(";")
    need = ["host"] + [name.lower() for name in handler.headers if name.lower().startswith("x-amz-")]
    if signed != sorted(signed) or not set(need) <= set(signed):
        return "AccessDenied", f"not all headers are signed: {names}"
    request = botocore.awsrequest.AWSRequest(method=handler.command, url=f"http://{handler.headers['Host']}{handler.path}", data=body,
                                             headers={name: handler.headers[name] for name in signed})
    request.context["timestamp"] = stamp
    oracle = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(access_key, secret_key, token), "s3", region)
    expected = oracle.signature(oracle.string_to_sign(request, oracle.canonical_request(request)), request)
    return None if expected == signature else ("SignatureDoesNotMatch", "the signature is another")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version, sys_version = "store", ""

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(state["now"] if timestamp is None else timestamp, usegmt=True)

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def path_of(self):
        if not re.fullmatch(r"/[\w.-]+(/[\w.-]+)+", self.path) or "/../" in self.path:
            raise Refused(400, "InvalidURI", self.path)
        bucket = self.path.split("/")[1]
        if not os.path.isdir(os.path.join(folder, bucket)):
            raise Refused(404, "NoSuchBucket", bucket)
        return folder + self.path

    def read_file(self):
        path = self.path_of()
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise Refused(404, "NoSuchKey", self.path)
        return data, [("ETag", '"%s"' % hashlib.md5(data).hexdigest()), ("Last-Modified", self.date_time_string(int(os.stat(path).st_mtime)))]

    def check_condition(self):
        if not control["conditions"]:
            return
        try:
            etag = dict(self.read_file()[1])["ETag"]
        except Refused:
            etag = None
        if (self.headers.get("If-None-Match") == "*" and etag) or self.headers.get("If-Match", etag) != etag:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")

    def write_file(self, body):
        path = self.path_of()
        self.check_condition()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + "~", "wb") as file:
            file.write(body)
        os.utime(path + "~", (state["now"], state["now"]))
        os.replace(path + "~", path)
        with open(os.path.join(folder, "headers"), "a") as file:
            print(self.path, self.headers["Content-Type"], self.headers["Cache-Control"], sep="\t", file=file)

    def work(self, body):
        problem = signature_problem(self, body)
        if problem:
            raise Refused(403, *problem)
        state["requests"] += 1
        state["now"] = state["now"] + 1 if control["clock"] else time.time()
        late = control["fail"] and state["requests"] >= control["fail"]
        if late and (not control["times"] or state["requests"] < control["fail"] + control["times"]):
            raise Refused(control["status"], "Injected", "the test wants it so")
        if self.command == "PUT":
            self.write_file(body)
        elif self.command == "DELETE":
            path = self.path_of()
            if os.path.exists(path):
                os.unlink(path)
        if self.command in ("GET", "HEAD"):
            return 200, *self.read_file()
        return (204 if self.command == "DELETE" else 200), b"", []

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            try:
                status, data, headers = self.work(body)
            except Refused as refused:
                status, headers = refused.status, [("Content-Type", "application/xml")]
                data = f"<?xml version=\"1.0\"?><Error><Code>{refused.code}</Code><Message>{refused.message}</Message></Error>".encode()
            log.append([self.command, self.path, status])
        if status == 0:
            self.close_connection = True
            return
        self.answer(status, data, headers)

    do_GET = do_HEAD = do_PUT = do_DELETE = handle_request

    def do_POST(self):
        with lock:
            control.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            done = json.dumps(log).encode()
            log.clear()
            state["requests"] = 0
        self.answer(200, done)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(port_file + "~", "w") as file:
    file.write(str(server.server_port))
os.replace(port_file + "~", port_file)
server.serve_forever()
