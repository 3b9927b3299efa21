#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An RNM1 file around a network of the symbol architecture, made without rnm.

usage: made_model.py OUT INPUTS [NAME=VALUE...]

hidden=N seed=N digest=HEX (or none) version=N roc=SPAM,HAM norm=unit|zscore symbols=A,B rule=NAME pca=COLUMNS
plain=1 (a network without container); incompressible weights, so that the size is 4 bytes for each of them.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile

import msgpack

out, inputs = sys.argv[1], int(sys.argv[2])
given = dict(item.split("=", 1) for item in sys.argv[3:])
hidden = int(given.get("hidden", 8))
random.seed(int(given.get("seed", 1)))

# The node table of a recorded network, with other widths in the places of the inputs and of the hidden layer.
recorded = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/models/symbol_10.kann")
table = bytearray(open(recorded, "rb").read()[:341])
for at, was, now in (26, 10, inputs), (75, 10, inputs), (71, 11, hidden), (124, 11, hidden), (177, 11, hidden):
    assert struct.unpack_from("<i", table, at)[0] == was
    struct.pack_into("<i", table, at, now)
count = hidden * inputs + 2 * hidden + 1
if count < 100000:
    weights = struct.pack("<%df" % count, *(random.uniform(-0.5, 0.5) for _ in range(count)))
else:  # mantissas at random, exponents of numbers from 0.25 to 0.5
    raw = bytearray(random.randbytes(4 * count))
    raw[3::4] = bytes((b & 0x80) | 0x3e for b in raw[3::4])
    raw[2::4] = bytes(b | 0x80 for b in raw[2::4])
    weights = bytes(raw)


def frame(data):
    with tempfile.NamedTemporaryFile() as file:  # through a pipe zstd does not know the size
        file.write(data)
        file.flush()
        return subprocess.run(["zstd", "-qc", "-1", file.name], stdout=subprocess.PIPE, check=True).stdout


model = {"magic": "RNM1", "version": 1, "model_version": int(given.get("version", 1)), "created_at": 1700000000}
if given.get("digest", "none") != "none":
    model["providers_digest"] = given["digest"]
if given.get("norm") == "unit":
    model["norm_stats"] = {"mode": "unit"}
elif "norm" in given:
    model["norm_stats"] = {"mode": "zscore", "mean": [0.125] * inputs, "std": [1.5] * inputs}
if "roc" in given:
    model["roc_thresholds"] = [float(number) for number in given["roc"].split(",")]
if "symbols" in given:
    model["rnm"] = {"symbols": given["symbols"].split(",")}
if "rule" in given:
    model.setdefault("rnm", {})["rule"] = given["rule"]
if "pca" in given:
    columns = int(given["pca"])
    rows = [1.0 if column == row else 0.0 for row in range(inputs) for column in range(columns)]
    model["pca_data"] = frame(struct.pack("<4i", 2, len(rows), inputs, columns) + struct.pack("<%df" % len(rows), *rows))
model["ann_data"] = frame(bytes(table) + weights)
with open(out, "wb") as file:
    if "plain" in given:
        file.write(bytes(table) + weights)
    else:  # str for everything: rspamd's reader crashes on bin
        file.write(msgpack.packb(model, use_bin_type=False))
