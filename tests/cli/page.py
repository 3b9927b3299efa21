#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at a page of HTML as a reader of it would.

usage: page.py sound PAGE             well nested, nothing to fetch or run, figures with a title and a description
       page.py text PAGE              what is written on it
       page.py looks PNG dark|light   a picture of it: the ground is dark or light, and there are colours on it
"""
import re
import struct
import sys
import zlib
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags, self.ids, self.references = [], [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), "a script in <%s %s>" % (tag, name)
            assert name not in ("src", "href", "action", "srcset", "data"), "<%s> fetches %s" % (tag, value)
            if name == "id":
                assert value not in self.ids, "id %s twice" % value
                self.ids.add(value)
            if name == "aria-labelledby":
                self.references += value.split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> at %r, open are %r" % (tag, self.getpos(), self.open)
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def read(path):
    page = Page()
    page.source = open(path, encoding="utf-8").read()
    page.feed(page.source)
    page.close()
    return page


def sound(path):
    page = read(path)
    assert not page.open, page.open
    assert page.source.startswith("<!DOCTYPE html>")
    for tag in ("script", "link", "img", "iframe", "object", "embed", "form"):
        assert tag not in page.tags, tag
    assert not re.search(r"url\(|@import|https?:", page.source), "the page points elsewhere"
    assert page.tags.count("svg") >= 2
    assert page.references and all(reference in page.ids for reference in page.references)
    assert page.tags.count("desc") == page.tags.count("svg")
    assert "prefers-color-scheme:dark" in page.source


def text(path):
    print(" ".join(" ".join(read(path).text).split()))


def pixels(path):
    """Rows of (r, g, b) of an 8-bit PNG without interlacing, which is what Chromium writes."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    step = {2: 3, 6: 4}[colour]
    assert depth == 8 and not interlaced
    raw, before = zlib.decompress(packed), bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
        for i in range(len(row)) if kind else ():
            left = row[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            nearest = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        yield [tuple(row[i:i + 3]) for i in range(0, len(row), step)]
        before = row


def looks(path, scheme):
    counts = {}
    for row in pixels(path):
        for pixel in row:
            counts[pixel] = counts.get(pixel, 0) + 1
    ground = max(counts, key=counts.get)
    assert (sum(ground) < 150) == (scheme == "dark"), "the ground is %r" % (ground,)
    # Text is shades of grey; the figures have two hues, each over a good many pixels.
    warm = sum(n for (r, g, b), n in counts.items() if r > b + 80)
    cold = sum(n for (r, g, b), n in counts.items() if b > r + 80)
    assert warm > 500 and cold > 500, (warm, cold)
    assert len(counts) > 50, len(counts)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
