# SPDX-License-Identifier: Apache-2.0
"""What is run and what fails in it: one row a command, one row a fault."""
from dataclasses import dataclass


@dataclass
class Command:
    """A command line and what is known of it.

    arguments   words; {conf}, {model} and the like are places of the stage (stage.py), {out} is a folder that is
                made anew for each run, and {bucket} the same folder as a store sees it
    old         names of files that {out} holds before, and that the command replaces
    exit        its exit code when nothing fails; None: whatever it is
    database    what {database}, a database of Redis, holds before: one of CONTENTS (stage.py)
    under       faults that are there in every run, to reach a way around them
    stdin       the file that it has there
    drop_in     called as neural_export: each failure is exit code 1
    many        one failure may be told of in several messages
    kinds       of fault; without any, all
    report      what it prints on stdout of a failure, as a regular expression
    slow        much I/O: not with one byte at a time
    tree        whether {out}/tree, a tree of published models, is there before
    silent      completion: offers what it can, and tells of no failure
    tls         over TLS, where OpenSSL says of a failure what it likes
    web         over HTTP, where libcurl keeps some of the reasons of the system to itself
    heals       writes again what it cannot look at, and counts it as new
    exhaustive  only in an exhaustive run
    """
    name: str
    arguments: str
    old: tuple = ()
    exit: int = 0
    database: str = ""
    under: str = ""
    stdin: str = "/dev/null"
    drop_in: bool = False
    many: bool = False
    kinds: tuple = ()
    report: str = ""
    slow: bool = False
    tree: bool = False
    silent: bool = False
    tls: bool = False
    web: bool = False
    heals: bool = False
    exhaustive: bool = False


# Filesystems that know no nameless files.
NO_TMPFILE = "tmpfile:1+:EOPNOTSUPP"
# In documents: names of statuses.
FAILED_JSON = r'"status":"(io|memory)"'
# Connections that are only begun by connect().
UNHURRIED = "connect:1+:done-EINPROGRESS"
# A server whose Date nobody can read: when a rspamd asks again does not depend on any clock then.
SITE = "probe --pause 0 --timeout 1 http://127.0.0.1:{site_port}/bad-date/376616275a1a984c"
SITE_TLS = " --cacert {ca} https://127.0.0.1:{site_tls_port}/bad-date/376616275a1a984c"
# What a broken line looks like from here is what it looks like: a finding.
UNREACHED = r"\nproblem probe\.(no-address|unreachable|no-answer|no-tls|cut|short-body|slow-body)"
STOCK = "--var=CONFDIR={stock} --var=LOCAL_CONFDIR={stock} -c {stock}/rspamd.conf "

DATABASE = " --redis unix://{socket}?db={database}"
TLS = " --redis rediss://127.0.0.1:{tls_port} --cacert {ca}"
STORE = " --endpoint {store} --credentials {credentials}"
CLASSES = " --spam {spam} --ham {ham}"

# What all commands with a configuration have in common.
COMMON = Command("config", "-c {conf} config")

COMMANDS = [
    Command("list over TLS with a client certificate",
            "-c {conf} list -r embed --redis rediss://127.0.0.1:{tls_port} --cacertdir {certs}/ca-dir --cert {certs}/client.pem "
            "--key {certs}/client.key", tls=True),
    Command("list over TLS from a stranger",
            "-c {conf} list -r embed --redis rediss://127.0.0.1:{tls_port} --cacert {certs}/other-ca.pem", exit=5, tls=True),
    Command("list over TLS", "-c {conf} list -r embed" + TLS, tls=True),
    Command("export over TLS", "-c {conf} export -r embed -s unit -o {out}/model.rnm" + TLS, old=("model.rnm",), tls=True),
    Command("help", "help"),
    Command("help of a verb", "help export"),
    Command("help of a topic", "help exit-codes"),
    Command("help: version", "--version"),
    Command("export, wrong usage", "-c {conf} export -r embed", exit=2),
    COMMON,
    Command("config of a section, origins", "-c {conf} config --origin redis"),
    Command("config, JSON", "-c {conf} config --json neural options"),
    Command("config --check", "-c {conf} config --check"),
    Command("config of a stock tree", STOCK + "config", exhaustive=True),
    Command("config --check of a stock tree", STOCK + "config --check --json", exit=None, exhaustive=True),
    Command("digest", "-c {conf} digest -r embed"),
    Command("digest --all", "-c {conf} digest --all"),
    Command("digest --explain", "-c {conf} digest -r embed --explain --json"),
    Command("list", "-c {conf} list -r embed"),
    Command("list over a connection that takes its time", "-c {conf} list -r embed", under=UNHURRIED),
    Command("list --all", "-c {conf} list --all --json"),
    Command("list with a password file", "list --redis redis://reader@127.0.0.1:{port} --password-file {password} -s unit --all"),
    Command("list without a configuration", "list --redis redis://localhost:{port} --all"),
    Command("export", "-c {conf} export -r embed -s unit -o {out}/model.rnm", old=("model.rnm",)),
    Command("export to a new file", "-c {conf} export -r embed -s unit -o {out}/model.rnm --hash --json",
            report=FAILED_JSON),
    Command("export to a filesystem without nameless files",
            "-c {conf} export -r embed -s unit -o {out}/model.rnm", old=("model.rnm",), under=NO_TMPFILE),
    Command("export --compress", "-c {conf} export -r embed -s pca --compress --hash -o {out}/model.rnm", old=("model.rnm",)),
    Command("export --compress without nameless files",
            "-c {conf} export -r embed -s pca --compress -o {out}/model.rnm", under=NO_TMPFILE),
    Command("export to standard output", "-c {conf} export -r embed -o -"),
    Command("export to standard output by hand", "-c {conf} export -r embed -o -", under="sendfile:1+:EINVAL"),
    Command("export --compress to standard output", "-c {conf} export -r embed --compress -o -"),
    Command("export --dry-run", "-c {conf} export -r embed --dry-run"),
    Command("export of a large network", "-c {conf} export -r embed -s big --hash -o {out}/model.rnm", old=("model.rnm",), slow=True),
    Command("export of a huge network", "-c {conf} export -r embed -s unit -o {out}/model.rnm --redis unix://{socket}?db=1",
            old=("model.rnm",), slow=True, kinds=("write", "sync_file_range", "fsync")),
    Command("export --all", "-c {conf} export --all -o {out}", many=True, slow=True,
            report=r"\n\d+ exported, [1-9]\d* failed, ", old=("embed_default_3.rnm", "embed_unit_1.rnm")),
    Command("export --all, JSON", "-c {conf} export --all --any-digest -r embed --compress --json -o {out}", many=True, slow=True,
            report=FAILED_JSON),
    Command("inspect", "inspect {model} --tensors"),
    Command("inspect of a compressed file", "inspect --json --hash {packed}"),
    Command("inspect of standard input", "inspect -", stdin="{packed}"),
    Command("inspect of a bare network", "inspect --hash {bare}"),
    Command("inspect of a damaged model", "-c {conf} inspect redis:embed/big", exit=1),
    Command("inspect of a served model", "-c {conf} inspect redis:embed/pca --json"),
    Command("inspect --markdown", "inspect --markdown {model} -o {out}/card.md", old=("card.md",)),
    Command("inspect --dot", "inspect --dot {model}"),
    Command("inspect --svg", "inspect --svg {model} -o {out}/drawing.svg", old=("drawing.svg",)),
    Command("verify", "verify {model}"),
    Command("verify, JSON", "verify --strict --json {packed}", exit=None),
    Command("verify for a rule", "-c {conf} verify {model} -r embed --live", exit=None),
    Command("verify of a served model", "-c {conf} verify redis:embed/pca -r embed --json", exit=1),
    Command("score", "score {model} --vectors {jsonl}"),
    Command("score, CSV", "score {packed} --vectors {csv}"),
    Command("score, .npy", "score {bare} --vectors {npy}"),
    Command("score of standard input", "-c {conf} score redis:embed/unit", stdin="{ham}"),
    Command("score with a matrix", "score {models}/embedding_256_pca32.kann --pca {models}/embedding_256_pca32.pca --vectors {wide}"),
    Command("score --keep-going", "-c {conf} score {model} -r embed --vectors {halting} --keep-going", exit=1),
    Command("score of what is no vector", "score {model} --vectors {halting}", exit=3),
    Command("eval", "eval {model}" + CLASSES + " --report {out}/page.html", old=("page.html",)),
    Command("eval, JSON", "-c {conf} eval {bare} -r embed" + CLASSES + " --json"),
    Command("eval with a page on standard output", "eval {model}" + CLASSES + " --report -"),
    Command("eval of training sets", "-c {conf} eval redis:embed/unit --redis"),
    Command("eval of a file on training sets", "-c {conf} eval {other} --redis -r embed -s unit -v 1 --json"),
    Command("diff", "diff {model} {other}"),
    Command("diff, JSON", "-c {conf} diff {other} redis:embed/unit --json --exit-code", exit=1),
    Command("merge", "merge {model}=0.6 {other}=0.4 --keep 1 -o {out}/model.rnm", old=("model.rnm",)),
    Command("merge without nameless files", "merge {model} {other} --keep 1 -o {out}/model.rnm --compress --json",
            old=("model.rnm",), under=NO_TMPFILE, report=FAILED_JSON),
    Command("merge with a served model", "-c {conf} merge redis:embed/unit {model} --keep 2 -o {out}/model.rnm"),
    Command("merge to standard output", "merge {model} {bare} --keep 1 --raw -o -"),
    Command("merge --dry-run", "merge {model} {model} {other} --keep 1 --dry-run --json", report=FAILED_JSON),
    Command("list through a Sentinel", "-c {sentinel_conf} list -r embed"),
    Command("export through a Sentinel", "-c {sentinel_conf} export -r embed -s unit -o {out}/model.rnm", old=("model.rnm",)),
    Command("import", "-c {conf} import {other} -r embed -s unit" + DATABASE, database="copy"),
    Command("import of the first model", "-c {conf} import {model} -r embed -s new --json" + DATABASE, database="copy", report=FAILED_JSON),
    Command("import of a large model", "-c {conf} import {large} -r embed -s unit --force" + DATABASE, database="copy", slow=True,
            kinds=("read", "thread")),
    Command("import of a large model that is judged first", "-c {conf} import {large} -r embed -s unit --force "
            "--redis redis://writer@127.0.0.1:{port}/{database} --password-file {password}", database="copy", slow=True, kinds=("read", "thread")),
    Command("import of a large model, without a transaction", "-c {conf} import {large} -r embed -s new --dry-run" + DATABASE, database="copy",
            slow=True, exhaustive=True),
    Command("import from Redis", "-c {conf} import redis:embed/unit -r embed -s pca --dry-run"),
    Command("import with symbols", "-c {conf} import {packed} -r embed -s unit --symbols {symbols} --force --dry-run"),
    Command("import that is refused", "-c {conf} import -r embed -s unit redis:embed/pca --json", exit=8, report=FAILED_JSON),
    Command("backup", "-c {conf} backup -r embed -s unit --with-training --keep 1 --json -o {out}/backup", report=FAILED_JSON),
    Command("backup without nameless files", "-c {conf} backup -r embed -s unit -o {out}/backup", under=NO_TMPFILE),
    Command("backup --all", "-c {conf} backup --all --with-training -o {out}/backup --json", many=True, slow=True, heals=True,
            report=FAILED_JSON),
    Command("backup --all --dry-run", "-c {conf} backup --all --with-training --dry-run -o {backup}", many=True, slow=True, heals=True,
            report=r"\n\d+ models? checked, "),
    Command("restore", "-c {conf} restore {backup} -s unit" + DATABASE, database="empty", many=True, report=r"\n\d+ restored, "),
    Command("restore of a large set", "-c {conf} restore {gathered} -s unit" + DATABASE, database="empty", many=True,
            kinds=("send", "recv"), report=r"\n\d+ restored, "),
    Command("restore of a large set, in memory", "-c {conf} restore {gathered} -s unit" + DATABASE, database="empty", many=True,
            kinds=("malloc", "getrandom"), report=r"\n\d+ restored, ", exhaustive=True),
    Command("restore of what is there", "-c {conf} restore -s unit {backup}", many=True, report=r"\n\d+ restored, "),
    Command("restore --dry-run", "restore --dry-run {backup} --json" + DATABASE, database="empty", many=True, report=FAILED_JSON),
    Command("restore --replace", "-c {conf} restore {backup} -s unit --replace" + DATABASE, database="another network", many=True,
            kinds=("malloc", "send"), report=r"\n\d+ restored, "),
    Command("doctor", "-c {conf} doctor", exit=1, many=True),
    Command("doctor, JSON", "-c {conf} doctor --json --fix --dry-run", exit=1, many=True),
    Command("doctor with maps", "-c {conf} doctor --maps-dir {out} --json", exit=1, exhaustive=True, many=True),
    # One repair each: then it has happened whole, or not at all.
    *(Command(f"doctor --fix, {content}", "-c {conf} doctor --json --fix" + DATABASE, database=content, many=True, report='"findings":',
              kinds=kinds, exhaustive=not kinds)
      for content, kinds in (("tombstone", ("malloc", "send")), ("another spelling", ("malloc",)), ("odd vector", ("malloc",)),
                             ("dead lock", ()), ("orphan", ()))),
    Command("refresh --dry-run", "-c {conf} refresh -r embed --dry-run", many=True),
    Command("publish", "publish {model} --sign {key} --to {out}/tree", report=FAILED_JSON),
    Command("publish without nameless files", "publish {model} --to {out}/tree --json", under=NO_TMPFILE, report=FAILED_JSON, exhaustive=True),
    Command("publish a second version", "publish {other} --model-version 3 --sign {key} --keep 1 --eval {figures} --to {out}/tree --json", tree=True,
            report=FAILED_JSON),
    Command("publish --rollback", "publish --rollback --model-version 7 --sign {key} --to {out}/tree", tree=True, exhaustive=True),
    Command("publish --renew", "publish --renew --sign {key} --to {out}/tree", tree=True, exhaustive=True),
    Command("publish --dry-run", "publish {other} --model-version 3 --sign {key} --keep 1 --to {out}/tree --dry-run", tree=True, exhaustive=True),
    Command("publish what is refused", "publish {model} --model-version 1 --to {out}/tree --json", tree=True, exit=8, report=FAILED_JSON, exhaustive=True),
    Command("publish to a bucket", "publish {model} --to {bucket}/tree --json" + STORE, report=FAILED_JSON, tls=True, web=True),
    Command("publish a second version to a bucket", "publish {other} --model-version 3 --sign {key} --keep 1 --to {bucket}/tree --json" + STORE,
            tree=True, report=FAILED_JSON, tls=True, web=True, exhaustive=True),
    Command("watch --once --dry-run", "-c {conf} watch -r embed -s unit --sign {key} --to {out}/tree --once --dry-run --json --min-auc 0 --gate true",
            kinds=("malloc", "write", "unlink"), report=FAILED_JSON),
    Command("watch --once", "-c {conf} watch -r embed -s unit --sign {key} --to {out}/tree --once --json --min-auc 0 --gate true",
            report=FAILED_JSON, exhaustive=True),
    Command("watch --once, measured with files", "-c {conf} watch -r embed -s unit --sign {key} --name other --to {out}/tree --once --min-auc 0" + CLASSES,
            tree=True, exhaustive=True),
    Command("watch of what is published", "-c {conf} watch -r embed -s unit --sign {key} --max-drift 2 --to {out}/tree --once", tree=True, exit=None,
            exhaustive=True),
    Command("key new --dry-run", "key new {out}/new.key --dry-run --json"),
    Command("key show", "key show {key}"),
    Command("key show of an encrypted key", "key show {minisign} --password-file {passphrase} --json"),
    Command("key convert to another format", "key convert {key} --format json --encoding hex --force -o {out}/x.key", old=("x.key",)),
    Command("key convert to a new file", "key convert {minisign} --password-file {passphrase} -o {out}/x.key"),
    Command("key convert without nameless files", "key convert {key} --format minisign --no-password -o {out}/x.key", under=NO_TMPFILE),
    Command("key convert to a public key", "key convert {key} --format minisign-pub -o {out}/x.pub", exhaustive=True),
    Command("key convert to standard output", "key convert {pub} --format minisign-pub"),
    Command("sign", "sign {out}/x.rnm -k {key} --any-file --json", old=("x.rnm", "x.rnm.sig", "x.rnm.rnmsig"), report=FAILED_JSON),
    Command("sign of two models", "sign {model} {packed} -k {key} -r embed --dry-run", many=True, report="would be signed"),
    Command("verify of a signed model", "verify {signed} --key {pub} --trusted {trusted} --json"),
    Command("verify of a large signed file", "verify {bulk} --key {pub}", exit=3),
    Command("verify of a large signed model", "verify {large} --key {pub}", slow=True),
    Command("verify of a raw signature", "verify {raw} --trusted {trusted} --raw-signature", exhaustive=True),
    Command("pull", "pull {web}/pulled.rnm --key {pub} --to {out}/model.rnm", old=("model.rnm", "model.rnm.sig", "model.rnm.rnmsig"),
            tls=True, web=True),
    Command("pull to a new file, for a rule", "-c {conf} pull {web}/pulled.rnm --trusted {trusted} --to {out}/model.rnm -r embed --json",
            report=FAILED_JSON, tls=True, web=True, exhaustive=True),
    Command("pull without nameless files", "pull {web}/pulled.rnm --key {pub} --to {out}/model.rnm --exec true", under=NO_TMPFILE, tls=True,
            web=True, exhaustive=True),
    Command("pull into Redis", "-c {conf} pull {web}/pulled.rnm --key {pub} --import -r embed -s unit --state {out}" + DATABASE,
            database="copy", tls=True, web=True, kinds=("rename", "fsync", "send")),
    Command("pull --dry-run", "pull {web}/pulled.rnm --key {pub} --to {out}/model.rnm --dry-run", tls=True, web=True, exhaustive=True),
    Command("pull --print-config", "pull {web}/pulled.rnm --key {pub} --to {out}/model.rnm --print-config"),
    Command("probe", SITE, exit=1, many=True, heals=True, report=UNREACHED),
    Command("probe over TLS", "probe --pause 0 --timeout 1" + SITE_TLS, exit=1, many=True, heals=True, tls=True, report=UNREACHED, exhaustive=True),
    Command("probe with a memory", SITE + " --state {out}/memory", exit=1,
            kinds=("malloc", "open", "tmpfile", "stat", "read", "write", "fsync", "link", "rename", "unlink", "close")),
    Command("serve --dry-run", "serve {tree} --dry-run", many=True),
    Command("serve --from-redis --dry-run", "-c {conf} serve --from-redis -r embed -s unit --dry-run {out}/cache", many=True, exit=None),
    Command("serve --dry-run, JSON", "serve {tree} --dry-run --json", many=True),
    Command("serve, an address that is in use", "serve {tree} --listen {port}", exit=5, many=True),
    # What goes wrong without a fault as well.
    Command("pull of what is not there", "pull {web}/absent.rnm --key {pub} --to {out}/model.rnm", exit=7, tls=True, web=True, exhaustive=True),
    Command("pull from where nothing is", "pull http://127.0.0.1:1/pulled.rnm --key {pub} --to {out}/model.rnm", exit=5, tls=True, web=True, exhaustive=True),
    Command("verify of an unsigned model", "verify {model} --key {pub}", exit=7),
    Command("sign with a key that is none", "sign {model} -k {spam}", exit=3),
    Command("config that is broken", "-c {broken} config", exit=3),
    Command("list of an unknown rule", "-c {conf} list -r nobody", exit=4),
    Command("export of unknown settings", "-c {conf} export -r embed -s nobody --dry-run", exit=4),
    Command("list with a wrong password", "list --redis redis://reader:wrong@127.0.0.1:{port} --all", exit=6),
    Command("list without a server", "list --redis redis://127.0.0.1:1 --all", exit=5),
    Command("export of an unknown version", "-c {conf} export -r embed -v 9 -o {out}/model.rnm", exit=4),
    Command("export to where nothing is", "-c {conf} export -r embed -o {out}/nowhere/model.rnm", exit=5),
    Command("inspect of what is no model", "inspect {spam}", exit=3),
    Command("verify of what is no model", "verify {spam} --json", exit=3),
    Command("diff of other architectures", "diff {model} {models}/symbol_10.kann"),
    Command("merge of other architectures", "merge {model} {models}/symbol_10.kann -o {out}/model.rnm", exit=1),
    Command("eval of a damaged model", "-c {conf} eval redis:embed/default --redis", exit=3),
    Command("neural_export of an unknown rule", "-c {conf} -r nobody -o {out}/model.rnm", exit=1, drop_in=True),
    Command("complete", "__complete zsh rnm exp", silent=True),
    Command("complete from Redis", "__complete zsh rnm list -c {conf} -r embed -s ''", silent=True),
    Command("complete a section", "__complete bash 'rnm config -c {conf} op' ''", silent=True),
    Command("neural_export", "-c {conf} -r embed -o {out}/model.rnm", old=("model.rnm",), drop_in=True),
    Command("neural_export, wrong usage", "-c {conf} --rul embed", exit=1, drop_in=True),
    Command("neural_export --list", "-c {conf} -r embed --list", drop_in=True),
    Command("neural_export --digest", "-c {conf} -r embed --digest", drop_in=True),
]

# {n} runs over the calls that a command makes.  What a program must get over is marked.
GET_OVER = True
FAULTS = [
    ("malloc:{n}", False),
    ("malloc:{n}+", False),
    ("mmap:{n}:ENOMEM", False),
    ("open:{n}:EMFILE", False),
    ("open:{n}:EIO", False),
    ("open:{n}+:ENFILE", False),
    ("tmpfile:{n}:ENOSPC", False),
    ("tmpfile:{n}:EDQUOT", False),
    ("tmpfile:{n}:EOPNOTSUPP", GET_OVER),
    ("tmpfile:{n}:EINVAL", GET_OVER),
    ("stat:{n}:EIO", False),
    ("stat:{n}:ENOMEM", False),
    ("access:{n}:EIO", False),
    ("readlink:{n}:EIO", False),
    ("realpath:{n}:EIO", False),
    ("realpath:{n}:ENOMEM", False),
    ("opendir:{n}:EMFILE", False),
    ("opendir:{n}:EIO", False),
    ("readdir:{n}:EIO", False),
    ("read:{n}:EIO", False),
    ("read:{n}:EINTR", GET_OVER),
    ("read:{n}:short", GET_OVER),
    ("write:{n}:ENOSPC", False),
    ("write:{n}:EDQUOT", False),
    ("write:{n}+:EIO", False),
    ("write:{n}:EINTR", GET_OVER),
    ("write:{n}:short", GET_OVER),
    ("sendfile:{n}:EIO", False),
    ("sendfile:{n}:ENOSPC", False),
    ("sendfile:{n}:EINTR", GET_OVER),
    ("sendfile:{n}:EAGAIN", GET_OVER),
    ("sendfile:{n}:short", GET_OVER),
    ("fsync:{n}:EIO", False),
    ("fsync:{n}:ENOSPC", False),
    ("fsync:{n}:EDQUOT", False),
    ("sync_file_range:{n}:EIO", False),
    ("link:{n}:EIO", False),
    ("link:{n}:ENOSPC", False),
    ("link:{n}:EEXIST", GET_OVER),
    ("rename:{n}:EIO", False),
    ("rename:{n}:EDQUOT", False),
    ("unlink:{n}:EIO", False),
    ("chown:{n}:EIO", False),
    ("chown:{n}:EPERM", GET_OVER),
    ("chmod:{n}:EPERM", False),
    ("mkdir:{n}:EACCES", False),
    ("truncate:{n}:EIO", False),
    ("utimes:{n}:EIO", False),
    ("fcntl:{n}:EMFILE", False),
    ("close:{n}:EIO", False),
    ("close:{n}:EDQUOT", False),
    ("close:{n}:EINTR", False),
    ("getrandom:1+:ENOSYS", GET_OVER),
    ("socket:{n}:EMFILE", False),
    ("socket:{n}:ENOBUFS", False),
    ("sockopt:{n}:ENOBUFS", False),
    ("connect:{n}:ECONNREFUSED", False),
    ("connect:{n}:ETIMEDOUT", False),
    ("connect:{n}:EAGAIN", False),
    ("connect:{n}:done-EINTR", GET_OVER),
    ("connect:{n}:done-EINPROGRESS", GET_OVER),
    ("poll:{n}:ENOMEM", False),
    ("poll:{n}:EINTR", GET_OVER),
    ("send:{n}:EPIPE", False),
    ("send:{n}:ECONNRESET", False),
    ("send:{n}:EINTR", GET_OVER),
    ("send:{n}:EAGAIN", GET_OVER),
    ("send:{n}:short", GET_OVER),
    ("recv:{n}:ECONNRESET", False),
    ("recv:{n}:eof", False),
    ("recv:{n}:EINTR", GET_OVER),
    ("recv:{n}:EAGAIN", GET_OVER),
    ("recv:{n}:short", GET_OVER),
    ("getaddrinfo:{n}:-10", False),  # EAI_MEMORY
    ("getaddrinfo:{n}:-3", False),  # EAI_AGAIN
    ("getaddrinfo:{n}:-11", False),  # EAI_SYSTEM
    ("thread:{n}:EAGAIN", False),
    # One byte at a time.
    ("read:1+:short", GET_OVER),
    ("write:1+:short", GET_OVER),
    ("sendfile:1+:short", GET_OVER),
    ("send:1+:short", GET_OVER),
    ("recv:1+:short", GET_OVER),
]
