#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The values of an RNM1 file, one a line, in the words of decode.lua.  usage: decode.py FILE"""
import hashlib
import sys

import msgpack


def show(path, value, lines):
    if isinstance(value, dict):
        for key, item in value.items():
            show(path + b"/" + key, item, lines)
        lines.append(path + b"\ttable\t%d" % len(value))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            show(path + b"/%d" % index, item, lines)
        lines.append(path + b"\ttable\t%d" % len(value))
    elif isinstance(value, bytes):
        lines.append(path + b"\tstring\t%d\t%s" % (len(value), hashlib.blake2b(value).hexdigest().encode()))
    elif isinstance(value, bool):
        lines.append(path + b"\tboolean\t" + str(value).lower().encode())
    else:
        lines.append(path + b"\tnumber\t%.17g" % value)


def main():
    lines = []
    with open(sys.argv[1], "rb") as file:
        show(b"", msgpack.unpackb(file.read(), raw=True, strict_map_key=True), lines)
    sys.stdout.buffer.write(b"\n".join(sorted(lines)) + b"\n")


main()
