#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Vectors for the tests of score and eval, and what must come out, without any code of rnm's.

usage: vectors.py write FORMAT RECORD.json OUT     the recorded inputs: jsonl, objects, csv, csv-id, tsv, blanks,
                                                   ssv, f4, f8, f4be
       vectors.py check RECORD.json ANSWERS [ids]  the answers are the recorded outputs, in order, within 1e-5
       vectors.py model OUT KANN [KEY=JSON...]     an RNM1 file; pca=PATH, roc_thresholds=[..], norm_stats={..}
       vectors.py classes SEED SPAM HAM [LENGTH]   two files of vectors, of 24 numbers each, with duplicates
       vectors.py npy_of VECTORS.jsonl OUT         the same vectors as .npy
       vectors.py judge SPAM_ANSWERS HAM_ANSWERS EVAL.json FPR COST   eval against a computation of its own
       vectors.py train SOCKET KEY VECTORS.jsonl   SADD as rspamd stores vectors
       vectors.py rss COMMAND...                   10 numbers a line, 1,000 and 100,000 times: peak KiB of both
"""
import ctypes
import json
import math
import os
import random
import socket
import struct
import subprocess
import sys
import threading


def rows_of(path):
    return json.load(open(path))["rows"]


def npy(rows, kind, code):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }" % (kind, len(rows), len(rows[0]))
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = b"".join(struct.pack(code % len(row), *row) for row in rows)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def write(form, record, out):
    rows = [row["input"] for row in rows_of(record)]
    joined = {"csv": ",", "tsv": "\t", "blanks": "  ", "ssv": ";"}
    if form == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif form == "objects":
        text = "".join(json.dumps({"id": "m%d" % i, "other": [{}], "vector": row}) + "\n" for i, row in enumerate(rows))
    elif form in joined:
        text = "".join(joined[form].join("%.17g" % x for x in row) + "\n" for row in rows)
    elif form == "csv-id":
        text = "id," + ",".join("x%d" % i for i in range(len(rows[0]))) + "\r\n"
        text += "".join("m%d,%s\r\n" % (i, ",".join("%.17g" % x for x in row)) for i, row in enumerate(rows))
    else:
        kind, code = {"f4": ("<f4", "<%df"), "f8": ("<f8", "<%dd"), "f4be": (">f4", ">%df")}[form]
        open(out, "wb").write(npy(rows, kind, code))
        return
    open(out, "w", newline="").write(text)


def answers_of(path):
    return [json.loads(line) for line in open(path)]


def check(record, answers, ids=None):
    answers = answers_of(answers)
    rows = rows_of(record)
    assert len(answers) == len(rows), "expected %d answers, found %d" % (len(rows), len(answers))
    for i, (row, answer) in enumerate(zip(rows, answers)):
        assert answer["id"] == ("m%d" % i if ids else i + 1), answer
        assert len(answer["output"]) == len(row["output"]), answer
        for expected, found in zip(row["output"], answer["output"]):
            assert abs(expected - found) < 1e-5, "row %d: expected %r, found %r" % (i, expected, found)
        assert answer["score"] == answer["output"][0], answer
        assert answer["symbol"] == ("NEURAL_SPAM" if answer["score"] > 0 else "NEURAL_HAM"), answer
        assert answer["weight"] == abs(answer["score"]), answer


zstd = ctypes.CDLL("libzstd.so.1")
zstd.ZSTD_compressBound.restype = zstd.ZSTD_compress.restype = ctypes.c_size_t
zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]


def compress(data):
    room = zstd.ZSTD_compressBound(len(data))
    out = ctypes.create_string_buffer(room)
    size = zstd.ZSTD_compress(out, room, data, len(data), 1)
    return out.raw[:size]


def model(out, kann, *fields):
    import msgpack

    content = {"magic": "RNM1", "version": 1, "model_version": 3, "providers_digest": "0123456789abcdef",
               "created_at": 1700000000, "ann_data": compress(open(kann, "rb").read())}
    for field in fields:
        key, value = field.split("=", 1)
        if key == "pca":
            content["pca_data"] = compress(open(value, "rb").read())
        else:
            content[key] = json.loads(value)
    open(out, "wb").write(msgpack.packb(content, use_bin_type=True))


def npy_of(vectors, out):
    rows = [json.loads(line) for line in open(vectors)]
    open(out, "wb").write(npy(rows, "<f8", "<%dd"))


def classes(seed, spam, ham, length=24):
    random.seed(int(seed))
    for path, count, shift in ((spam, 120, 0.25), (ham, 180, -0.25)):
        rows = [[random.gauss(shift, 1) for _ in range(int(length))] for _ in range(count)]
        rows += rows[:20]  # ties within a class
        random.shuffle(rows)
        open(path, "w").write("".join(json.dumps(row) + "\n" for row in rows))
    # And one vector that is in both.
    shared = open(spam).readline()
    open(ham, "a").write(shared * 3)


def close(expected, found, what):
    if expected is None or found is None:
        assert expected is found, "%s: expected %r, found %r" % (what, expected, found)
        return
    assert abs(expected - found) < 1e-9, "%s: expected %r, found %r" % (what, expected, found)


def cheapest(scored, alpha, beta):
    """rspamd's search, item by item; among equal scores ham first, the last of the group counts."""
    items = sorted(scored, key=lambda pair: pair[0])
    hams = sum(1 for _, is_spam in items if not is_spam)
    spams = len(items) - hams
    p = spams / len(items)
    best, pick = math.inf, None
    for i, (score, _) in enumerate(items):
        if i + 1 < len(items) and items[i + 1][0] == score:
            continue
        fpr = sum(1 for _, is_spam in items[i + 1:] if not is_spam) / hams
        fnr = sum(1 for _, is_spam in items[: i + 1] if is_spam) / spams
        cost = (1 - p) * alpha * fpr + p * beta * fnr
        if cost <= best:
            best, pick = cost, score
    return pick


def judge_suggestion(found, own, other, allowed_zero, rate, what):
    """No threshold may keep the rate and find more; every score and everything between is tried."""
    def count(scores, threshold):
        return sum(1 for s in scores if (s > 0 or (allowed_zero and s == 0)) and s >= threshold)

    values = sorted(set(own + other))
    candidates = [0.0] + [v for v in values if v > 0] + [(a + b) / 2 for a, b in zip(values, values[1:]) if a + b > 0]
    best = max([count(own, t) for t in candidates if count(other, t) / len(other) <= rate] + [0])
    if found is None:
        assert best == 0, "%s: %d could be found" % (what, best)
        return
    assert found["of"] == len(other)
    assert found["false_positives"] == count(other, found["threshold"]), what
    assert count(other, found["threshold"]) / len(other) <= rate, what
    close(count(own, found["threshold"]) / len(own), found["recall"], what)
    assert count(own, found["threshold"]) == best, "%s: %d could be found" % (what, best)


def judge(spam_answers, ham_answers, result, rate, cost):
    # Answers have the digits that a float needs; thresholds are compared with the double that it is.
    spam = [struct.unpack("f", struct.pack("f", answer["score"]))[0] for answer in answers_of(spam_answers)]
    ham = [struct.unpack("f", struct.pack("f", answer["score"]))[0] for answer in answers_of(ham_answers)]
    result = json.load(open(result))
    rate, cost = float(rate), float(cost)
    everything = [(s, True) for s in spam] + [(s, False) for s in ham]

    pairs = sum((s > h) + 0.5 * (s == h) for s in spam for h in ham)
    close(pairs / len(spam) / len(ham), result["auc"], "auc")

    def confusion(part, spam_threshold, ham_threshold):
        def outcome(score):
            if score > 0:
                return "spam" if score >= spam_threshold else "none"
            return "ham" if -score >= ham_threshold else "none"

        counts = {(is_spam, o): 0 for is_spam in (True, False) for o in ("spam", "none", "ham")}
        for score, is_spam in everything:
            counts[is_spam, outcome(score)] += 1
        for name, is_spam in (("spam", True), ("ham", False)):
            for found, o in (("spam_symbol", "spam"), ("no_symbol", "none"), ("ham_symbol", "ham")):
                assert part["confusion"][name][found] == counts[is_spam, o], (name, o, part)
        for symbol, own in (("spam", True), ("ham", False)):
            right, wrong = counts[own, symbol], counts[not own, symbol]
            own_all = sum(counts[own, o] for o in ("spam", "none", "ham"))
            other_all = sum(counts[not own, o] for o in ("spam", "none", "ham"))
            precision = right / (right + wrong) if right + wrong else None
            recall = right / own_all
            close(precision, part[symbol + "_symbol"]["precision"], "precision")
            close(recall, part[symbol + "_symbol"]["recall"], "recall")
            close(wrong / other_all, part[symbol + "_symbol"]["false_positive_rate"], "fpr")
            if precision is not None and precision + recall > 0:
                close(2 * precision * recall / (precision + recall), part[symbol + "_symbol"]["f1"], "f1")

    confusion(result["used"], result["used"]["spam_threshold"], result["used"]["ham_threshold"])
    trained = result["rspamd_training"]
    close(cost, result["roc_misclassification_cost"], "cost")
    close(cheapest(everything, 1 - cost, cost), trained["spam_threshold"], "spam threshold")
    close(cheapest(everything, cost, 1 - cost), trained["ham_threshold"], "ham threshold")
    confusion(trained, trained["spam_threshold"], trained["ham_threshold"])
    judge_suggestion(result["suggested_spam"], spam, ham, False, rate, "suggested spam threshold")
    judge_suggestion(result["suggested_ham"], [-s for s in ham], [-s for s in spam], True, rate, "suggested ham threshold")

    # Every point of the curve is on it, and it goes from corner to corner.
    for point in result["roc"]:
        threshold = math.inf if point["threshold"] is None else point["threshold"]
        close(sum(s >= threshold for s in spam) / len(spam), point["tpr"], "tpr")
        close(sum(h >= threshold for h in ham) / len(ham), point["fpr"], "fpr")
    assert (result["roc"][0]["fpr"], result["roc"][0]["tpr"]) == (0, 0)
    assert (result["roc"][-1]["fpr"], result["roc"][-1]["tpr"]) == (1, 1)

    probabilities = [((s + 1) / 2, is_spam) for s, is_spam in everything]
    calibration = result["calibration"]
    close(sum((p - t) ** 2 for p, t in probabilities) / len(probabilities), calibration["brier"], "brier")
    loss = -sum(math.log(max(p if t else 1 - p, 1e-15)) for p, t in probabilities) / len(probabilities)
    close(loss, calibration["log_loss"], "log loss")
    for i, found in enumerate(calibration["bins"]):
        inside = [(p, t) for p, t in probabilities if min(int(p * 10), 9) == i]
        assert found["count"] == len(inside)
        if inside:
            close(sum(p for p, _ in inside) / len(inside), found["predicted"], "predicted")
            close(sum(t for _, t in inside) / len(inside), found["observed"], "observed")
    for name, scores in (("spam", spam), ("ham", ham)):
        found = result["scores"][name]
        close(min(scores), found["min"], "min")
        close(max(scores), found["max"], "max")
        close(sum(scores) / len(scores), found["mean"], "mean")
        assert found["saturated"] == sum(abs(s) >= 0.99 for s in scores)
        bins = [0] * 40
        for score in scores:
            bins[min(int((score + 1) / 2 * 40), 39)] += 1
        assert found["histogram"] == bins, name
        assert result[name]["vectors"] == len(scores)


def train(path, key, vectors):
    """%.14g and ';', one zstd frame a member, as rspamd writes them."""
    with socket.socket(socket.AF_UNIX) as redis:
        redis.connect(path)
        answers = redis.makefile("rb")
        for line in open(vectors):
            member = compress(";".join("%.14g" % x for x in json.loads(line)).encode())
            parts = [b"SADD", key.encode(), member]
            redis.sendall(b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            assert answers.readline().startswith(b":")


def peak(command, count):
    """Peak resident KiB once count vectors are answered, of this process alone; it still waits for more."""
    answered = threading.Event()

    def read(pipe):
        for number, _ in enumerate(pipe, 1):
            if number == count:
                answered.set()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        reader = threading.Thread(target=read, args=(process.stdout,))
        reader.start()
        line = b"[" + b",".join(b"%d.5" % i for i in range(10)) + b"]\n"
        for _ in range(count // 100):
            process.stdin.write(line * 100)
        process.stdin.flush()
        assert answered.wait(120), "not all vectors were answered"
        status = open("/proc/%d/status" % process.pid).read()
        process.stdin.close()
        reader.join()
    assert process.returncode == 0, process.returncode
    return int(status.split("VmHWM:")[1].split()[0])


def rss(*command):
    print(peak(command, 1000), peak(command, 100000))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
