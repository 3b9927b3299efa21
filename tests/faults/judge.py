# SPDX-License-Identifier: Apache-2.0
"""Whether a run under a fault went as it must."""
import errno
import os
import re

from runner import OLD

# Exit codes of `rnm help exit-codes`, and that of the original's command.
EXIT_USAGE = 2
EXIT_IO = 5
EXIT_DROP_IN = 1
REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL")
ASIDE = re.compile(r"rnm: (warning|note): |  hint: ")
# What a library says while it is loaded that libcurl brings along, and that nothing here uses.
STRAY = re.compile(r"Error in GnuTLS initialization: ")


def messages(command, text, base_text):
    """The lines that tell of a failure."""
    usual = set(base_text.split("\n"))
    lines = [line for line in text.split("\n") if line and line not in usual and not ASIDE.match(line)]
    return [line for line in lines if not (command.web and STRAY.match(line))]


def reasons(faults):
    """Of what a message must name one."""
    kind, value = faults.split(":")[0], faults.split(":")[-1]
    if kind == "malloc" or value in ("-10", "ENOMEM"):
        # The second is what pthread_create makes of it.
        return ["memory", os.strerror(errno.EAGAIN)]
    return [os.strerror(getattr(errno, value))] if value.startswith("E") else []


def file_problems(command, faults, base, got):
    problems = []
    for name in sorted(got.files.keys() - base.files.keys() - got.had.keys() - set(command.old)):
        problems.append(f"left behind: {name}")
    for name in command.old:
        if got.files.get(name) not in (OLD, base.files[name]):
            problems.append(f"the old file {name} is neither whole nor replaced")
    for name in sorted(got.files.keys() & base.files.keys() - set(command.old)):
        # A backup without one of its models says so itself.
        if got.files[name] not in (base.files[name], got.had.get(name)) and not (command.many and "manifest-" in name):
            problems.append(f"the new file {name} is not whole")
    for name in sorted(got.had.keys() & base.files.keys() - got.files.keys()):
        problems.append(f"the file {name} is gone")
    if got.after not in (got.before, base.after):
        problems.append(f"Redis has neither what was there nor all that is new:\n{got.after}")
    # A file that cannot be removed cannot be removed.
    if got.spool and not faults.startswith("unlink:"):
        problems.append(f"left behind in TMPDIR: {' '.join(got.spool)}")
    return problems


def tells_of_failure(command, base, got):
    """Of a run whose exit code is the usual one; the drop-in prints other lines on stderr, too."""
    return bool(messages(command, got.err, base.err)) and (base.code != 0 or not command.drop_in)


def failure_problems(command, faults, get_over, base, got):
    """Of a run that says that it failed."""
    problems = []
    expected = EXIT_DROP_IN if command.drop_in else EXIT_IO
    lines = messages(command, got.err, base.err)
    why = reasons(faults)
    # Without memory OpenSSL cannot always say what is wrong with a file that it was told to use.
    vague = command.tls and faults.startswith("malloc:")
    if command.web and faults.split(":")[0] in ("connect", "poll"):
        why = []
    if got.code != expected and not (vague and got.code == EXIT_USAGE):
        problems.append(f"exit code {got.code}, expected {expected}")
    if get_over:
        problems.append("expected to be got over")
    # A refusal stands on stderr; with --json, its document may be missing.
    if not lines and base.code == 0:
        problems.append("no message")
    elif len(lines) > 1 and not command.many:
        problems.append("more than one message")
    if why and lines and not vague and not any(text in got.err for text in why):
        problems.append(f"the message does not say '{why[0]}'")
    reported = command.report and re.search(command.report, got.out.decode(errors="replace"))
    if not base.out.startswith(got.out) and not reported:
        problems.append(f"what is on stdout is no beginning of the right output:\n{got.out.decode(errors='replace')[:300]}")
    return problems


def stream_problems(command, base, full_out, full_err):
    """Of two runs whose stdout, or stderr, is a full device."""
    problems = []
    lost = EXIT_DROP_IN if command.drop_in else EXIT_IO
    told = os.strerror(errno.ENOSPC) in full_out.err or command.silent
    if base.out and (full_out.code != lost or not told):
        problems.append(f"stdout is full: exit code {full_out.code}, stderr:\n{full_out.err}")
    if not base.out and full_out.code != base.code:
        problems.append(f"stdout, on which nothing is printed, is full: exit code {full_out.code}")
    if (full_err.code, full_err.out, full_err.files) != (base.code, base.out, base.files):
        problems.append(f"stderr is full: exit code {full_err.code}, or other output")
    if full_out.spool or full_err.spool:
        problems.append("left behind in TMPDIR")
    return problems


def problems_of(command, faults, get_over, base, got):
    if not got.fired:
        return []
    problems = file_problems(command, faults, base, got)
    if got.hung:
        problems.append("hangs")
    elif got.code < 0:
        problems.append(f"killed by signal {-got.code}")
    elif REPORT.search(got.err):
        problems.append("report of a sanitizer")
    elif command.silent:
        if got.code not in (base.code, EXIT_USAGE, EXIT_IO):
            problems.append(f"exit code {got.code}")
    elif got.code != base.code or tells_of_failure(command, base, got):
        problems += failure_problems(command, faults, get_over, base, got)
    else:
        if got.out != base.out and not command.heals:
            problems.append(f"exit code {got.code} with other output:\n{got.out.decode(errors='replace')[:300]}")
        if got.after != base.after:
            problems.append(f"exit code {got.code} with other data in Redis:\n{got.after}")
        if got.files != base.files:
            problems.append(f"exit code {got.code} with other files")
    if problems:
        problems.append(f"exit code {got.code}, stderr:\n{got.err[:3000]}")
    return problems
