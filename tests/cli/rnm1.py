#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second pair of eyes on RNM1 files: reads them with another msgpack library than rnm's.

usage: rnm1.py show FILE                  the map as JSON, blobs as {"bytes": n, "sha256": "..."}
       rnm1.py same RECORDED_DIR OURS_DIR  compares the values of each file of OURS_DIR with the file of
                                          that name; prints differences and fails if there are any
"""
import hashlib
import json
import os
import subprocess
import sys

import msgpack


def load(path):
    data = open(path, "rb").read()
    if data[:4] == b"\x28\xb5\x2f\xfd":
        data = subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return text_where_text(msgpack.unpackb(data, raw=True, strict_map_key=True))


def text_where_text(value):
    """Keys and strings become text; blobs, which are zstd frames, stay bytes."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, dict):
        return {key.decode(): text_where_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [text_where_text(item) for item in value]
    return value


def shown(value):
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def compare(recorded, ours, better):
    """Yields differences that are neither accident (time, order) nor documented improvements."""
    if better == "export_empty_fields":  # an empty string in Redis is an absent field
        recorded = {k: v for k, v in recorded.items() if v not in ({}, [], "")}
    if better == "export_ver_string":  # the integer that the string stands for
        recorded["model_version"] = int(recorded["model_version"])
    if recorded.get("roc_thresholds") == []:  # rspamd's reader stumbles over it
        del recorded["roc_thresholds"]
    for key in sorted(set(recorded) | set(ours)):
        if key == "created_at":
            if not isinstance(ours.get(key), int):
                yield "created_at: expected an integer, found %r" % ours.get(key)
        elif key not in ours:
            yield "%s: missing" % key
        elif key not in recorded:
            yield "%s: not recorded, found %.60r" % (key, ours[key])
        elif type(recorded[key]) is not type(ours[key]) or recorded[key] != ours[key]:
            yield "%s: recorded %.80r, found %.80r" % (key, recorded[key], ours[key])


def main():
    if sys.argv[1] == "show":
        print(json.dumps(shown(load(sys.argv[2]))))
        return 0
    name = sys.argv[4] if len(sys.argv) > 4 else ""
    recorded, ours = sys.argv[2:]
    failed = False
    for file in sorted(os.listdir(ours)):
        name = file.rsplit(".", 1)[0]
        for difference in compare(load(os.path.join(recorded, file)), load(os.path.join(ours, file)), name):
            print("%s: %s" % (name, difference))
            failed = True
    return 1 if failed else 0


sys.exit(main())
