#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An RNM1 file around a recorded network and its PCA matrix, made without rnm.

usage: model_of_record.py RECORD OUT [VERSION]   reads RECORD.kann and, if there is one, RECORD.pca
"""
import os
import subprocess
import sys

import msgpack


def frame(path):
    # A regular file, so that zstd declares the size of the content.
    return subprocess.run(["zstd", "-qc", path], stdout=subprocess.PIPE, check=True).stdout


record, out = sys.argv[1:3]
model = {
    "magic": "RNM1",
    "version": 1,
    "model_version": int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    "providers_digest": "376616275a1a984c",
    "created_at": 1700000000,
}
if os.path.exists(record + ".pca"):
    model["pca_data"] = frame(record + ".pca")
model["ann_data"] = frame(record + ".kann")
with open(out, "wb") as file:
    # str for everything: rspamd's reader crashes on bin.
    file.write(msgpack.packb(model, use_bin_type=False))
