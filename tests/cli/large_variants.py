#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Large models from a good one, each with something else about it.

usage: large_variants.py GOOD HIDDEN FOLDER

Writes FOLDER/NAME.rnm; in every one the network is large enough not to be kept in memory.
"""
import math
import os
import struct
import subprocess
import sys
import tempfile

import msgpack

good, hidden, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = msgpack.unpackb(open(good, "rb").read(), raw=True)
network = subprocess.run(["zstd", "-dqc"], input=model[b"ann_data"], stdout=subprocess.PIPE, check=True).stdout
TABLE = 341  # bytes of the node table in front of the values


def frame(data, *options):
    with tempfile.NamedTemporaryFile() as file:  # through a pipe zstd does not know the size
        file.write(data)
        file.flush()
        return subprocess.run(["zstd", "-qc", "-1", *options, file.name], stdout=subprocess.PIPE, check=True).stdout


def write(name, data):
    with open(os.path.join(folder, name + ".rnm"), "wb") as file:
        file.write(data)


def pack(fields, use_bin_type=False):
    return msgpack.packb(fields, use_bin_type=use_bin_type)


def with_blob(blob):
    return pack({**model, b"ann_data": blob})


def with_value(at, value):
    at = at if at >= 0 else (len(network) - TABLE) // 4 + at
    return with_blob(frame(network[:TABLE + 4 * at] + struct.pack("<f", value) + network[TABLE + 4 * at + 4:]))


blob = model[b"ann_data"]
middle = len(blob) // 2
write("nan-last", with_value(-1, math.nan))
write("infinite-first", with_value(0, math.inf))
write("nan-middle", with_value(23 * hidden, -math.nan))
write("huge", with_value(31 * hidden + 1, 3e6))
write("zeros", with_blob(frame(network[:TABLE] + bytes(4 * 46 * hidden) + network[TABLE + 4 * 46 * hidden:])))
write("other-graph", with_blob(frame(network[:100] + b"\x09" + network[101:])))
write("short-network", with_blob(frame(network[:-4])))
write("long-network", with_blob(frame(network + b"\0\0\0\0")))
write("cut-frame", with_blob(blob[:-1]))
write("trailing-frame", with_blob(blob + b"\0"))
write("damaged-frame", with_blob(blob[:middle] + bytes(b ^ 0xff for b in blob[middle:middle + 16]) + blob[middle + 16:]))
write("damaged-end", with_blob(blob[:-3] + bytes(b ^ 0x55 for b in blob[-3:])))
write("no-size", with_blob(subprocess.run(["zstd", "-qc", "-1"], input=network, stdout=subprocess.PIPE, check=True).stdout))
write("twice", with_blob(frame(blob)))
write("no-frame", with_blob(network))
write("binary", pack({**model, b"ann_data": blob}, use_bin_type=True))
write("blob-first", pack({b"ann_data": blob, **{key: value for key, value in model.items() if key != b"ann_data"}}))
write("decoy", pack({b"rnm": {b"symbols": [b"\xa8ann_data\xdb\x00\x10\x00\x00"]}, **model}))
write("two", b"\x82" + pack(b"ann_data") + pack(blob) + pack(b"ann_data") + pack(blob))
write("behind", pack(model) + b"x")
write("cut", pack(model)[:-100000])
write("norm", pack({**model, b"norm_stats": {b"mode": b"zscore", b"mean": [0.5] * 45, b"std": [1.5] * 45}}))
write("zscore", pack({**model, b"norm_stats": {b"mode": b"zscore", b"mean": [0.5] * 46, b"std": [1.5] * 46}}))
write("other-digest", pack({**model, b"providers_digest": b"0123456789abcdef"}))
write("matrix", pack({**model, b"pca_data": frame(struct.pack("<4i", 2, 4, 2, 2) + struct.pack("<4f", 1, 0, 0, 1))}))
