# SPDX-License-Identifier: Apache-2.0
"""The part of `make bench` about networks: bench/network.c, built against the library under test."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["lua5.1", "libzstd", "libxxhash", "libsodium", "jansson"]

AIMS = {
    1: "0.70 beyond the cache",
    64: "0.50 for layers of 256 and more",
}


def build(source, library, program):
    """A program of this folder, with the library and what that needs."""
    libs = subprocess.run(["pkg-config", "--libs", *PACKAGES], check=True, stdout=subprocess.PIPE, text=True).stdout
    subprocess.run(["cc", "-std=c17", "-O3", "-Wno-psabi", "-D_GNU_SOURCE", "-I", os.path.join(HERE, "../include"),
                    os.path.join(HERE, source), library, "-o", program, *libs.split(), "-lpthread", "-lm"],
                   check=True)


def rows(library, folder, quick=False):
    """Builds the program into folder, runs it and returns its rows: dicts as bench/network.c prints them."""
    program = os.path.join(folder, "network")
    build("network.c", library, program)
    return json.loads(subprocess.run([program, "0.005" if quick else "0.1"], check=True, stdout=subprocess.PIPE).stdout)


def table(found):
    """The rows as lines of Markdown."""
    lines = [
        "", "## Networks", "",
        "One core. Each row is measured by turns with the limit of the machine that holds for it, shown by",
        "instructions of the same width: for a single vector the rate at which memory is read (256 MiB, which no",
        "cache holds), for 64 vectors the peak of multiply-adds. The best of several short runs counts, in",
        "processor time. More than 1 means that the weights come from a cache. *Plain loop*: two loops in C, as one",
        "would write them first.", "",
        "| network | weights | batch | kernel | vectors/s | of the limit | times a plain loop | aim |",
        "|---|--:|--:|---|--:|--:|--:|---|"]
    for r in found:
        if r["row"] == "eval":
            lines.append(f"| {r['network']} | {r['megabytes']:.1f} MB | {r['batch']} | {r['kernel']} |"
                         f" {r['vectors_per_second']:.0f} | {r['of_limit']:.2f} | {r['times_plain_loop']:.1f} |"
                         f" {AIMS[r['batch']] if r['kernel'] != 'plain' else ''} |")
    what = {"load": "`rnm_network_load`: every check, no decompression",
            "zstd": "zstd alone, streamed, as `zstd -t`",
            "open": "`rnm_model_file_read`: decompression and every check",
            "verify": "the same and `rnm_model_verify`"}
    lines += ["", "| a network of 50 MB, level 1 | ms | GB/s | as long as zstd alone, times | aim |", "|---|--:|--:|--:|---|"]
    for r in found:
        if r["row"] in what:
            lines.append(f"| {what[r['row']]} | {r['milliseconds']:.1f} | {r['gigabytes_per_second']:.2f} |"
                         f" {r['times_zstd']:.2f} | {'bound by zstd' if r['row'] == 'verify' else ''} |")
    return lines
