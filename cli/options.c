/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: data only. */
#include "options.h"

#include "model_argument.h"

/* Verbs that take a MODEL, which may be in Redis. */
#define READS_MODEL                                                                                          \
	(ON(VERB_INSPECT) | ON(VERB_VERIFY) | ON(VERB_SCORE) | ON(VERB_EVAL) | ON(VERB_DIFF) |               \
	 ON(VERB_MERGE) | ON(VERB_IMPORT) | ON(VERB_PUBLISH))
#define SCORES (ON(VERB_SCORE) | ON(VERB_EVAL))
#define SAVES (ON(VERB_BACKUP) | ON(VERB_RESTORE))
#define READS_REDIS                                                                                          \
	(ON(VERB_LIST) | ON(VERB_EXPORT) | READS_MODEL | SAVES | ON(VERB_DOCTOR) | ON(VERB_REFRESH) |        \
	 ON(VERB_SERVE) | ON(VERB_WATCH))
#define PUBLISHES (ON(VERB_PUBLISH) | ON(VERB_WATCH))
/* Verbs that write into a Redis, and take no more about it from the command line than where it is. */
#define IMPORTS ON(VERB_PULL)
#define READS_CONFIG (ON(VERB_CONFIG) | ON(VERB_DIGEST) | READS_REDIS | IMPORTS)
#define SIGNS (ON(VERB_KEY) | ON(VERB_SIGN))
#define EVERY_VERB (READS_CONFIG | SIGNS | ON(VERB_PROBE) | ON(VERB_HELP))

const char command_summary[] = "the toolkit for rspamd's neural models";

const struct verb_spec verb_specs[VERB_COUNT] = {
	[VERB_CONFIG] = {
		"config", "[SECTION...]", 1000,
		"print configuration sections as rspamd's modules see them",
		"Reads a rspamd configuration (templates, includes, local.d and override.d) and prints a section as\n"
		"one JSON value: what rspamd's Lua modules get from rspamd_config:get_all_opt(SECTION). Several\n"
		"sections are printed as an object by name. Without a name that object holds every section; one\n"
		"that rspamd's modules could not read, a list, is then printed as it stands.",
		{
			{ "rnm config neural", "the section neural of the default configuration" },
			{ "rnm config -c /etc/rspamd/rspamd.conf redis neural gpt", "three sections in one object" },
			{ "rnm config --origin neural", "each value with the file and line that it came from" },
			{ "rnm config --check", "what looks wrong for the neural module" },
			{ "rnm --var=LOCAL_CONFDIR=/srv/rspamd config neural", "a tree in another place" },
		},
	},
	[VERB_DIGEST] = {
		"digest", NULL, 0,
		"print the providers digest of a rule",
		"The digest names the inputs that a rule's models are trained for; a model trained under another\n"
		"digest is of no use to the rule. Needs no Redis. A rule without providers has no digest: that\n"
		"answer is exit code 1.",
		{
			{ "rnm digest", "the digest of the rule `default`" },
			{ "rnm digest -r embed --explain", "every field that counts, where it came from, what is hashed" },
			{ "rnm digest --all --json", "all rules, for a script" },
		},
	},
	[VERB_LIST] = {
		"list", NULL, 0,
		"list the models of a rule in Redis",
		"Shows every model profile of a rule and settings id, newest first: whether its network is there,\n"
		"how big it is, when it expires, whether it was trained under the configuration's digest, which one\n"
		"rspamd's workers serve and which one the original neural_export would export.\n"
		"\n"
		"With --redis no configuration is needed: without one, the rule's name is taken as its prefix and\n"
		"digests are shown but cannot be compared.",
		{
			{ "rnm list -r embed", "the models of rule `embed`, settings id `default`" },
			{ "rnm list --all", "every rule and settings id that Redis knows" },
			{ "rnm list --redis redis://127.0.0.1:6379/2 -r embed", "another server than the configured one" },
			{ "rnm list --redis rediss://redis.example --cacert ca.pem -r embed", "one over TLS, with a CA of its own" },
			{ "rnm list -r embed --json | jq '.lists[].served'", "the model that workers serve" },
		},
	},
	[VERB_EXPORT] = {
		"export", NULL, 0,
		"write a model from Redis to an RNM1 file",
		"Takes the model that rspamd's workers would serve (trained under the configuration's digest, highest\n"
		"version), checks all of it and writes it as one file. The file appears complete or not at all.\n"
		"\n"
		"SOURCE_DATE_EPOCH, when set, is the time that is stamped into the file.",
		{
			{ "rnm export -r embed -o embed.rnm", "the model that is served" },
			{ "rnm export -r embed -v 2 -o embed-2.rnm", "a certain version" },
			{ "rnm export -r embed -o - | ssh other 'cat > embed.rnm'", "to standard output" },
			{ "rnm export -r embed --dry-run", "read and check everything, write nothing" },
			{ "rnm export --all -o backup/", "every rule and settings id with a model" },
		},
	},
	[VERB_INSPECT] = {
		"inspect", "MODEL", 1,
		"show what is in a model",
		"Shows on one screen what a model is and holds: rule, settings, digest, version, age, sizes, the\n"
		"architecture in words, parameters, normalisation, PCA, thresholds, statistics of the weights, and\n"
		"what `rnm verify` finds. Thresholds are said twice: as training computed them, on the scale of the\n"
		"score, and as rspamd applies them. A problem makes the exit code 1.\n"
		"\n"
		"--hash names the weights: the same weights have the same hash, whatever file they come in.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm inspect embed.rnm", "a file" },
			{ "rnm inspect redis:embed", "the model that workers serve" },
			{ "rnm inspect embed.rnm --json | jq .architecture", "one field, for a script" },
			{ "rnm inspect embed.rnm --markdown -o embed.md", "a model card" },
			{ "rnm inspect embed.rnm --svg -o embed.svg", "a drawing" },
			{ "rnm inspect embed.rnm --hash", "the hash of the weights, and of each tensor" },
		},
	},
	[VERB_VERIFY] = {
		"verify", "MODEL", 1,
		"say whether a model is sound, and whether rspamd would use it",
		"Checks everything that can be checked without mail: the container and the rules for published files,\n"
		"zstd frames, structure and numbers of the network, the PCA matrix, dimensions, thresholds, and what\n"
		"the network answers to made-up vectors. With -r also: would the rspamd of this configuration load\n"
		"the model for this rule and use it, and if not, which of digest, inputs, size or version stands in\n"
		"the way. Prints a line for each check and the verdict; docs/findings.md explains the ids.\n"
		"\n"
		"With --key or --trusted a file must also be signed (rnm sign) by a key that is trusted, under its own\n"
		"name or its digest, now; nothing of it is looked at before that is proven.\n"
		"\n"
		"Exit code 0 for a sound model, 1 for one that is not, 3 for what is no model at all, 7 for one that is\n"
		"not signed as demanded.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm verify embed.rnm", "a file by itself" },
			{ "rnm verify embed.rnm -r embed", "for a rule of the configuration" },
			{ "rnm verify embed.rnm -r embed --live", "and against the versions in Redis" },
			{ "rnm verify redis:embed -r embed", "the model that workers serve" },
			{ "rnm verify embed.rnm --trusted keys", "signed by one of the keys in a folder" },
			{ "rnm verify --strict --json embed.rnm", "before publishing, for a script" },
		},
	},
	[VERB_SCORE] = {
		"score", "MODEL", 1,
		"compute what a model says of vectors",
		"Reads vectors and prints one line of JSON for each, in their order:\n"
		"{\"id\", \"output\", \"score\", \"symbol\", \"weight\"}. They are normalised and projected as rspamd does\n"
		"it; score is the first output, symbol and weight are what a message with this vector would get.\n"
		"\n"
		"Vectors are JSON lines (an array of numbers on each line, or an object with `vector` and perhaps\n"
		"`id`), CSV (commas, semicolons, tabs or blanks; a header line and a first column of names are\n"
		"recognised), or a .npy file of float32 or float64. They stream: memory does not depend on their\n"
		"number, and each is answered as soon as no more input is waiting. Without an id a vector is called\n"
		"by its line (in .npy files its row).\n"
		"\n"
		"A vector that is none (malformed, of another length, NaN) ends the run with exit code 3 and its\n"
		"line number; with --keep-going it is reported and skipped, and the exit code is 1.\n"
		"\n"
		"A file knows nothing of the rule it is for: its own thresholds count if it has any, and the symbols\n"
		"are NEURAL_SPAM and NEURAL_HAM. -r takes both from the configuration, as redis:RULE does.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm score embed.rnm --vectors mail.jsonl", "a file of vectors" },
			{ "generate-vectors | rnm score embed.rnm", "from a pipe" },
			{ "rnm score redis:embed --vectors mail.npy", "the model that workers serve, by the rule's thresholds" },
			{ "rnm score net.kann --pca net.pca --vectors mail.csv", "a bare network and its matrix" },
			{ "rnm score embed.rnm --vectors mail.jsonl | jq -r 'select(.symbol == \"NEURAL_SPAM\").id'",
			  "the names of what would be called spam" },
		},
	},
	[VERB_EVAL] = {
		"eval", "MODEL", 1,
		"measure how well a model tells spam from ham",
		"Scores vectors whose class is known and shows the confusion matrix, precision and recall, the area\n"
		"under the ROC curve, what the thresholds of rspamd's own training would be, better ones for a wanted\n"
		"rate of false positives, calibration, and how the scores are spread.\n"
		"\n"
		"The vectors are two files (formats: rnm help score), or, with --redis alone, the training sets that\n"
		"rspamd keeps of the model's rule, settings id and version: of redis:RULE or of -r, -s and -v. Beside\n"
		"--spam and --ham, --redis=URL only names the server. Training data flatters the model that was\n"
		"trained from it.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm eval embed.rnm --spam spam.jsonl --ham ham.jsonl", "from files" },
			{ "rnm eval redis:embed --redis", "the served model on the vectors that rspamd has gathered" },
			{ "rnm eval new.rnm -r embed --redis=redis://127.0.0.1:6379/2", "a file on the vectors of another server" },
			{ "rnm eval embed.rnm --spam spam.npy --ham ham.npy --fpr 0.0001 --report eval.html",
			  "thresholds for one false positive in 10,000, and a page with curves" },
		},
	},
	[VERB_DIFF] = {
		"diff", "A B", 2,
		"compare two models",
		"Says in one sentence what two models have in common: the same weights under another label, a\n"
		"retrain, moved symbols, other inputs, another architecture. Then shows everything that is said\n"
		"about them side by side, and how far each tensor has moved. What each verdict means:\n"
		"docs/comparing.md.\n"
		"\n"
		"The exit code is 0 whether they differ or not; with --exit-code it is 1 unless they are the same.\n"
		"How a file is packed (compression) is no difference.\n"
		"\n"
		"Each of A and B is a MODEL.\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm diff old.rnm new.rnm", "two files" },
			{ "rnm diff --exit-code embed.rnm redis:embed", "is the published file what workers serve?" },
			{ "rnm diff redis:embed/default@2 redis:embed/default@3", "what a training has changed" },
			{ "rnm diff a.rnm b.rnm --json | jq -r .verdict", "the verdict, for a script" },
		},
	},
	[VERB_MERGE] = {
		"merge", "MODEL[=SHARE]...", 64,
		"write the weighted mean of models",
		"Averages the weights of models of one architecture and the same inputs, and prints the formula.\n"
		"Two models give exactly what rspamd's merge of an external model gives:\n"
		"rnm merge EXTERNAL=ALPHA LOCAL=1-ALPHA. The shares are those of the last = of each name; a name that\n"
		"itself ends in = and a number needs one behind it. They are divided by their sum; without any, all\n"
		"are equal.\n"
		"\n"
		"Models with other graphs, inputs, normalisation or PCA matrices are refused unless --keep says whose\n"
		"to take. Thresholds and names in which the models differ are left out, or taken with --keep. The\n"
		"result is read back and checked before it is written, and remembers what it was made of.\n"
		"\n"
		"A mean of models that were not trained from a common start (rnm diff) is worth little.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm merge -o both.rnm a.rnm=0.6 b.rnm=0.4", "two models" },
			{ "rnm merge -o mean.rnm a.rnm b.rnm c.rnm", "the plain mean of three" },
			{ "rnm merge -o new.rnm published.rnm=0.5 redis:embed=0.5 --keep published.rnm",
			  "with the model that workers serve" },
			{ "rnm merge --dry-run a.rnm=3 b.rnm=1", "check and print the formula, write nothing" },
		},
	},
	[VERB_IMPORT] = {
		"import", "MODEL", 1,
		"write a model into Redis, so that running workers load it",
		"Verifies a model for a rule of the configuration and writes it as rspamd itself would: a new version,\n"
		"above all that are there, which workers with the same configuration load at their next check. All of\n"
		"it happens in one transaction or nothing does, nothing that is there is replaced, and what was\n"
		"written is read back and compared. A model that workers serve already is not written again.\n"
		"\n"
		"Refused with exit code 8, whatever --force says: another digest, damaged or unfit models, a version\n"
		"that is not above the others, a key that exists. What must agree, which of the older models rspamd\n"
		"takes away then, and how to go back to an older model: docs/importing.md.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm import embed.rnm -r embed", "a file, for the rule `embed`" },
			{ "rnm import embed.rnm -r embed --dry-run", "check everything, show the commands, write nothing" },
			{ "rnm import embed.rnm -r embed -s mobile", "for another settings id" },
			{ "rnm -q import redis:embed/default@2 -r embed", "back to an older model, under a new version" },
			{ "rnm import embed.rnm -r embed -s web --json | jq -r .key", "the key, for a script" },
		},
	},
	[VERB_BACKUP] = {
		"backup", NULL, 0,
		"save models as they are in Redis",
		"Writes every model of a rule and settings id with its profiles and all fields of its hash, exactly as\n"
		"they are, into a folder from which `rnm restore` can put them back. Each run adds a manifest; values\n"
		"that lie in the folder already are not written again. What lies there: docs/backup.md.\n"
		"\n"
		"A model file for another host is what `rnm export` writes. Without a live model there is no backup\n"
		"and exit code 4, so that an emptied Redis pushes no older backup out.",
		{
			{ "rnm backup --all -o /var/backups/rnm", "every rule and settings id with a model" },
			{ "rnm backup --all --with-training --keep 14 -o /var/backups/rnm", "also the training vectors; the newest 14 stay" },
			{ "rnm backup -r embed -s default -o embed/", "one rule and settings id" },
			{ "rnm backup --all --dry-run -o /var/backups/rnm", "read everything, write nothing" },
		},
	},
	[VERB_RESTORE] = {
		"restore", "DIR|MANIFEST", 1,
		"put models of a backup back into Redis",
		"Puts back what `rnm backup` has saved and Redis lacks: hashes, profiles with their scores, training\n"
		"vectors, each model in one transaction. What Redis has in another form is newer or somebody else's:\n"
		"it stays, and the exit code is 8, unless --replace is given. Models that a backup does not hold are\n"
		"never touched.\n"
		"\n"
		"DIR stands for its newest manifest. Every object is compared with its hash on its way; a damaged one\n"
		"changes nothing. Times to live are what was left at the backup, but at least an hour.\n"
		"\n"
		"Running workers keep the network that they have loaded until one of a higher version appears.",
		{
			{ "rnm restore /var/backups/rnm", "what is missing of the newest backup" },
			{ "rnm restore --dry-run /var/backups/rnm", "read and check everything, change nothing" },
			{ "rnm restore -r embed /var/backups/rnm", "one rule" },
			{ "rnm restore --replace /var/backups/rnm/manifest-20261123T065448.000Z.json", "models as they were in an older backup" },
		},
	},
	[VERB_DOCTOR] = {
		"doctor", NULL, 0,
		"find what is wrong with models, profiles and training sets, and repair it",
		"Looks through everything that the neural module keeps in Redis, and at the configuration, and names\n"
		"what keeps models from being served or trained, what will lose one, and what is left behind: each\n"
		"with a stable id, what was found, and the repair. docs/doctor.md explains them.\n"
		"\n"
		"Nothing is changed without --fix. With it, whatever can be repaired safely is, each thing in a\n"
		"transaction that looks again before it changes anything; --fix --dry-run only tells what would be\n"
		"done. Keys are found in small batches, so that a busy server with millions of them is not held up.\n"
		"\n"
		"Exit code 0 when all is well or has been repaired, 1 when a warning or problem is left, 6 when Redis\n"
		"refused a repair. With --redis and without a configuration, only what Redis itself tells is judged.",
		{
			{ "rnm doctor", "what is wrong" },
			{ "rnm doctor --fix --dry-run", "what --fix would do" },
			{ "rnm doctor --fix", "repair it" },
			{ "rnm doctor --expiring 2d", "also models that end within two days" },
			{ "rnm doctor --maps-dir /var/lib/rspamd", "also rspamd's cached model files" },
			{ "rnm doctor --json | jq .problems", "how many problems, for a monitor" },
		},
	},
	[VERB_REFRESH] = {
		"refresh", NULL, 0,
		"renew the expiry of the models that workers serve",
		"rspamd renews the expiry of a model only when a worker loads it. Where no worker restarts and no\n"
		"training succeeds for ann_expire (two days by default), the model vanishes from Redis, and the next\n"
		"restart finds none. This gives the model that is served for each rule and settings id its whole time\n"
		"again, and never takes any away; packaging/systemd has a timer for it.\n"
		"\n"
		"Exit code 1 when a rule has models but none that workers serve.",
		{
			{ "rnm refresh", "all rules and settings ids" },
			{ "rnm refresh -r embed -s default", "one of them" },
			{ "rnm refresh --expire 30d", "longer than ann_expire; rspamd cuts it back when it loads the model" },
			{ "rnm refresh --dry-run --json", "what would be done, for a script" },
		},
	},
	[VERB_KEY] = {
		"key", "new|show|convert FILE", 2,
		"make, show and convert the keys that sign models",
		"`new` makes a key pair and writes it into FILE, which only its owner can read. `show` prints its public\n"
		"key in every form that rspamd's configuration takes; FILE may also be a public key, or the text of\n"
		"one. `convert` writes a key in another form: rspamd's key pairs (ucl, json), minisign's secret keys\n"
		"(minisign), or only the public key (pub, as rspamd reads MODEL.pub; minisign-pub).\n"
		"\n"
		"A secret is never printed. Passwords, which minisign's keys may have, are asked for on the terminal or\n"
		"read from a file. A key file that others than its owner and his group can read is refused.\n"
		"\n"
		"How models are signed: docs/signing.md.",
		{
			{ "rnm key new new.key --pubout new.pub", "a key pair of rspamd, and its public key" },
			{ "rnm key new mini.key --format minisign --password-file password", "one of minisign, with a password" },
			{ "rnm key show spam.key", "what to paste into rspamd's configuration" },
			{ "rnm key convert spam.key --format pub -o embed.rnm.pub", "the public key beside a model" },
			{ "rnm key convert mini.key -o mini.ucl --password-file password", "a minisign key for rspamd's own signtool" },
		},
	},
	[VERB_SIGN] = {
		"sign", "FILE...", 1000,
		"sign models",
		"Verifies each model and writes two files beside it: FILE.sig, the bytes that rspamadm signtool would\n"
		"write and that a map with sign+ in front checks, and FILE.rnmsig, a signed statement. It says under\n"
		"which name the model is to lie, for which rule and digest, its version, when it was signed and until\n"
		"when that holds, so that a signature cannot be moved to another name, replayed or outlive its time.\n"
		"Both are read back and checked with the file before it is called signed.\n"
		"\n"
		"The name is the model's digest, by which rspamd asks for it, or else that of the file. With -c the\n"
		"model must also be one for the rule of -r.\n"
		"\n"
		"SOURCE_DATE_EPOCH, when set, is the time of signing.",
		{
			{ "rnm sign embed.rnm -k spam.key", "for a year" },
			{ "rnm sign embed.rnm -k spam.key --valid-for 30d -r embed", "for a month, and for one rule" },
			{ "rnm sign embed.rnm -k spam.key --name embed.rnm", "under the name of the file" },
			{ "rnm sign *.rnm -k spam.key --dry-run", "verify all of them, write nothing" },
			{ "rnm sign mail.csv -k spam.key --any-file", "what is no model" },
		},
	},
	[VERB_PUBLISH] = {
		"publish", "MODEL...", 1000,
		"publish models in a tree that any web server can serve",
		"Verifies models, writes each in its canonical form under its hash, and lets the name that rspamd asks\n"
		"for, the providers digest, lead to it: rspamd's base_url is the address of DIR/models. Beside them\n"
		"lie an index of all models and a history of all publications. No reader ever sees half of\n"
		"anything; a publisher that was stopped, at whatever moment, leaves a tree that can be served, and the\n"
		"next one completes what it had begun. What lies where: docs/publishing.md.\n"
		"\n"
		"Refused with exit code 8: a model that is not sound, one whose version is not above the published\n"
		"one, and one with another architecture, or with normalisation, PCA matrix or thresholds that the\n"
		"published one lacks or the other way round, because running consumers would mix both.\n"
		"\n"
		"--rollback takes names instead of models (none where there is only one), and publishes the weights of\n"
		"an earlier publication under a version and a time above all others: consumers follow no other way\n"
		"back.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm publish embed.rnm --sign spam.key --to /srv/models", "a file, signed" },
			{ "rnm publish redis:embed --model-version 4 --sign spam.key --to /srv/models --keep 5",
			  "the model that workers serve, as version 4; objects of the newest five publications stay" },
			{ "rnm publish --rollback --sign spam.key --to /srv/models", "back to the publication before" },
			{ "rnm publish 376616275a1a984c --rollback=4 --sign spam.key --to /srv/models",
			  "back to the weights of version 4" },
			{ "rnm publish --renew --sign spam.key --to /srv/models", "sign everything again, from a timer" },
			{ "rnm publish embed.rnm --sign spam.key --to s3://models/rnm --endpoint https://s3.example --credentials s3.keys",
			  "the same tree in a bucket" },
		},
	},
	[VERB_PULL] = {
		"pull", "URL", 1,
		"fetch a published model, check it, and put it in place for rspamd",
		"Asks a web server for a signed model, and puts it into a file from which rspamd loads it, or writes\n"
		"it into Redis. Beside URL lie URL.rnmsig, which says what the model is and until when, and URL.sig,\n"
		"which rspamd checks: what rnm publish and rnm sign leave there. Nothing is taken that no trusted key\n"
		"has signed, under this name, now, nor a version older than one that was seen; and the model is\n"
		"verified as rnm verify does it. Until all of that is done, the file in place is not touched. A\n"
		"download that broke off is taken up again.\n"
		"\n"
		"With --every it stays and looks again and again: at once after SIGHUP, less often while looking fails.\n"
		"--exec and --import are repeated at the next run until they succeed. docs/pulling.md explains what is\n"
		"remembered and what CMD gets.\n"
		"\n"
		"Exit code 0 when a new model is in place or the old one still is the newest, 1 when it does not fit the\n"
		"rule, 3 for what is no model, 5 when the server cannot be reached, 7 when it is not signed as it must be,\n"
		"8 when it is older than one that was seen.",
		{
			{ "rnm pull https://models.example/embed.rnm --key publisher.pub --to embed.rnm", "once" },
			{ "rnm pull https://models.example/embed.rnm --trusted keys --to new.rnm -r embed --every 20m",
			  "again and again, and only what fits the rule" },
			{ "rnm pull https://models.example/embed.rnm --key publisher.pub --import -r embed --state .",
			  "into Redis" },
			{ "rnm pull https://models.example/embed.rnm --key publisher.pub --to told.rnm --exec 'echo $RNM_MODEL_VERSION >told'",
			  "tell somebody" },
			{ "rnm pull https://models.example/embed.rnm --key publisher.pub --to embed.rnm -r embed --print-config",
			  "what rspamd's configuration has to say" },
		},
	},
	[VERB_WATCH] = {
		"watch", NULL, 0,
		"publish each model that rspamd trains, unless it is worse",
		"Watches Redis for models that rspamd's workers have begun to serve, and publishes each of them in a\n"
		"tree, as `rnm publish` does. Redis is asked to tell of changes (notify-keyspace-events with K and z), and\n"
		"looked at every so often all the same. What does not pass is held back, and it is said why: a model\n"
		"that `rnm verify` finds unfit for the rule; one that may not follow the published one, first of all\n"
		"because its version is not above it; one below --min-auc or beyond --max-drift; one to which the\n"
		"command of --gate says no. A model is judged once; after SIGHUP, which also reads the configuration\n"
		"anew, once more.\n"
		"\n"
		"--min-auc and --max-drift need ten vectors of spam and of ham at least: of the files, else of\n"
		"rspamd's training sets, from which the model was trained or which were gathered since.\n"
		"\n"
		"With --once the exit code is 0 when the model is published now or was before, 4 when there is none or\n"
		"too few vectors, 8 when it is held back. docs/watching.md explains the gates and what CMD gets.",
		{
			{ "rnm watch -r embed --to /srv/models --sign spam.key --every 5m", "until it is ended" },
			{ "rnm watch -r embed --to /srv/models --sign spam.key --min-auc 0.95 --spam spam.jsonl --ham ham.jsonl --once",
			  "judged with mail that was kept for it" },
			{ "rnm watch --all --to /srv/models --sign spam.key --max-drift 0.3 --every 5m --json -q",
			  "all rules, and no leaps" },
			{ "rnm watch -r embed --to /srv/models --sign spam.key --once --dry-run",
			  "what would be done now" },
			{ "rnm watch -r embed --to /srv/models --sign spam.key --once --gate './judge \"$RNM_FILE\"'",
			  "a gate of your own" },
		},
	},
	[VERB_PROBE] = {
		"probe", "URL...", 1000,
		"ask a web server what rspamd would ask for a model, and say what would go wrong",
		"Asks each address of the name, IPv4 and IPv6, byte for byte as rspamd does: HEAD, then GET, each over\n"
		"a connection of its own; later HEAD with the validators of the model. Judges what comes by what rspamd\n"
		"does with it: chunked and compressed bodies, redirects, HEAD that differs from GET, Date, Last-Modified,\n"
		"Expires and ETag that keep models from being loaded or let every rspamd ask too often, too seldom or\n"
		"all at once, certificates, addresses that do not agree; and the model itself. Says what to change at\n"
		"the server, when a stock rspamd asks again, and what a poll costs.\n"
		"\n"
		"What goes back between two publications is only seen by comparing: with --state FILE a run remembers\n"
		"what it has seen for the next one. docs/probing.md explains every finding.\n"
		"\n"
		"Exit code 1 when there are problems or warnings, 5 when a URL cannot be reached at all.",
		{
			{ "rnm probe https://models.example/models/376616275a1a984c", "one model" },
			{ "rnm probe https://models.example/models/376616275a1a984c --state probe.json --json | jq '.probes[].problems'",
			  "again and again, by a timer" },
			{ "rnm probe https://models.example/models/376616275a1a984c --address 192.0.2.7,192.0.2.8",
			  "two edges of a CDN, whatever DNS says" },
			{ "rnm probe https://models.example/models/376616275a1a984c --samples 2 --poll 1m",
			  "two polls of a rspamd that looks every minute" },
		},
	},
	[VERB_SERVE] = {
		"serve", "[DIR]", 1,
		"answer rspamd's requests for models",
		"An origin server for a tree of published models: plain HTTP (TLS: a proxy in front), with exactly\n"
		"the headers that make rspamd load a new model soon, ask seldom, and never all at once.\n"
		"docs/serving.md says which they are and what each is for. Clients ask for /models/NAME, which is\n"
		"the file DIR/models/NAME; signatures, DIR/objects, index.json and history.jsonl are there too.\n"
		"\n"
		"A change of the tree is noticed and taken over between two requests. A name that is gone, or whose\n"
		"new file is no model, keeps its last good file until SIGHUP or a restart: a client that meets an\n"
		"error stays away for hours.\n"
		"\n"
		"With --from-redis no tree is needed: a model that is asked for is exported from Redis if the one of\n"
		"before is no longer the one that workers serve. While Redis is away, the last one is offered.\n"
		"\n"
		"SIGTERM and Ctrl-C end it when all requests have been answered. Each request is a line of JSON on\n"
		"standard output. Sockets of systemd are used, one called admin as with --admin. systemd is told\n"
		"when the server is ready; packaging/systemd has the units.",
		{
			{ "rnm serve /srv/models", "at 127.0.0.1:8480, behind a proxy" },
			{ "rnm serve /srv/models --listen :80 --admin 127.0.0.1:8481", "for everybody; page and metrics for this host" },
			{ "rnm serve /srv/models --interval 10m --access-log /var/log/rnm.log", "clients come twice as often" },
			{ "rnm serve --from-redis -r embed --listen 127.0.0.1:8482", "what workers serve, without publishing it" },
			{ "rnm serve /srv/models --dry-run", "what would be offered, and what would not" },
		},
	},
	[VERB_NEURAL_EXPORT] = {
		"neural_export", NULL, 0,
		"the original's command: same options, output and exit codes",
		"Export neural network model from Redis to RNM1 format",
		{
			{ "rnm neural_export -r embed -o embed.rnm", "as rspamadm neural_export -r embed -o embed.rnm" },
			{ "rnm neural_export -r embed --list", "as rspamadm neural_export -r embed --list" },
			{ "ln -s \"$(command -v rnm)\" neural_export", "the same under its own name" },
		},
	},
	[VERB_HELP] = {
		"help", "[VERB|TOPIC]", 1,
		"explain a verb or one of the topics exit-codes, environment, json",
		"Prints the page of a verb or of a topic.",
		{
			{ "rnm help export", "the page of a verb" },
			{ "rnm help exit-codes", "what the exit codes mean" },
			{ "rnm help environment", "the environment variables that count" },
			{ "rnm help json", "the fields of the JSON documents" },
		},
	},
};

const struct option_spec option_specs[] = {
	{ OPTION_CONFIG, "config", 'c', OPTION_TYPE_FILE, "FILE", "<CONFDIR>/rspamd.conf",
	  "read this rspamd configuration", READS_CONFIG | BEFORE_VERB, false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", "default", "name of the rule",
	  ON(VERB_DIGEST) | ON(VERB_LIST) | ON(VERB_EXPORT) | ON(VERB_IMPORT) | ON(VERB_BACKUP), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL, "only this rule, or prefix",
	  ON(VERB_RESTORE), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "also say whether rspamd would load the model for this rule of the configuration", ON(VERB_VERIFY),
	  false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", "default",
	  "settings id of the models", ON(VERB_LIST) | ON(VERB_EXPORT) | ON(VERB_IMPORT) | ON(VERB_BACKUP),
	  false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", NULL, "only this settings id",
	  ON(VERB_RESTORE), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL, "every rule of the configuration",
	  ON(VERB_DIGEST), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL,
	  "every rule and settings id found in Redis; -r and -s narrow it down",
	  ON(VERB_LIST) | ON(VERB_BACKUP), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL,
	  "every rule and settings id with a model, into the folder of -o; -r and -s narrow it down",
	  ON(VERB_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "FILE", NULL,
	  "file to write, - for standard output; with --all an existing folder", ON(VERB_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "FILE", NULL,
	  "write to this file instead of standard output", ON(VERB_INSPECT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "DIR", NULL,
	  "folder of the backup; made when it is not there", ON(VERB_BACKUP), false },
	{ OPTION_WITH_TRAINING, "with-training", 0, OPTION_TYPE_FLAG, NULL, NULL, "save training vectors too",
	  ON(VERB_BACKUP), false },
	{ OPTION_KEEP, "keep", 'k', OPTION_TYPE_NUMBER, "N", "all",
	  "leave the newest N backups in the folder and remove older ones, unless this one is incomplete",
	  ON(VERB_BACKUP), false },
	{ OPTION_REPLACE, "replace", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "put back also what Redis has in another form", ON(VERB_RESTORE), false },
	{ OPTION_FORCE, "force", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "although somebody trains from the models now", ON(VERB_RESTORE), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "VERSION", NULL,
	  "only a model of this version", ON(VERB_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "FILE", NULL,
	  "write the merged model to this file, - for standard output", ON(VERB_MERGE), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "VERSION", "the highest, plus 1",
	  "version of the merged model", ON(VERB_MERGE), false },
	{ OPTION_KEEP, "keep", 'k', OPTION_TYPE_TEXT, "MODEL", NULL,
	  "take everything but the weights from this one of the models, named as it was given or by its "
	  "position (1, 2, ...)",
	  ON(VERB_MERGE), false },
	{ OPTION_ANY_DIGEST, "any-digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "merge models even if they were trained under different digests", ON(VERB_MERGE), false },
	{ OPTION_RAW, "raw", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "write only the network (KANN), without a container; what happens anyway if no model has one",
	  ON(VERB_MERGE), false },
	{ OPTION_MODEL_VERSION, "model-version", 'v', OPTION_TYPE_NUMBER, "N",
	  "its own if that is above all others, else the next one", "write it as this version",
	  ON(VERB_IMPORT), false },
	{ OPTION_SYMBOLS, "symbols", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "the symbols that it was trained with, one on each line; @redis for those of the newest profile in "
	  "Redis that fits (default: those that the model carries)",
	  ON(VERB_IMPORT), false },
	{ OPTION_FORCE, "force", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "write it although somebody trains now, workers serve the same model already, or the number of "
	  "meta "
	  "tokens seems to be another one",
	  ON(VERB_IMPORT), false },
	{ OPTION_FIX, "fix", 0, OPTION_TYPE_FLAG, NULL, NULL, "repair what can be repaired safely",
	  ON(VERB_DOCTOR), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "with --fix: tell what would be done, change nothing", ON(VERB_DOCTOR), false },
	{ OPTION_EXPIRING, "expiring", 0, OPTION_TYPE_TEXT, "TIME", "12h",
	  "a served model that expires within this time is a problem: 90m, 12h, 2d, or seconds",
	  ON(VERB_DOCTOR), false },
	{ OPTION_MAPS_DIR, "maps-dir", 0, OPTION_TYPE_FILE, "DIR", NULL,
	  "also look at the model files that rspamd has cached in this folder (options.maps_cache_dir, "
	  "usually "
	  "/var/lib/rspamd)",
	  ON(VERB_DOCTOR), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL, "only the models of this rule",
	  ON(VERB_REFRESH), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", NULL,
	  "only the models of this settings id", ON(VERB_REFRESH), false },
	{ OPTION_EXPIRE, "expire", 0, OPTION_TYPE_TEXT, "TIME", NULL,
	  "give them this time instead of the rule's ann_expire: 12h, 30d, or seconds", ON(VERB_REFRESH),
	  false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "tell what would be done, change nothing", ON(VERB_REFRESH), false },
	{ OPTION_TO, "to", 't', OPTION_TYPE_FOLDER, "DIR", NULL,
	  "folder of the tree, made when it is not there; or s3://BUCKET[/PREFIX]", PUBLISHES, false },
	{ OPTION_KEEP, "keep", 'k', OPTION_TYPE_NUMBER, "N", "all",
	  "leave the objects of the newest N publications of each name and remove older ones", PUBLISHES,
	  false },
	{ OPTION_NAME, "name", 0, OPTION_TYPE_TEXT, "NAME", "the providers digest",
	  "publish the model under this name, for consumers whose url says so", PUBLISHES, false },
	{ OPTION_MODEL_VERSION, "model-version", 'v', OPTION_TYPE_NUMBER, "N", "its own",
	  "publish the model as this version", ON(VERB_PUBLISH), false },
	{ OPTION_ROLLBACK, "rollback", 0, OPTION_TYPE_OPTIONAL, "VERSION|HASH", NULL,
	  "go back to the publication before the present one, or to that with this version or object",
	  ON(VERB_PUBLISH), false },
	{ OPTION_SIGN, "sign", 0, OPTION_TYPE_FILE, "KEY", NULL,
	  "sign objects, aliases and index with the key pair in this file", PUBLISHES, false },
	{ OPTION_KEY_PASSWORD_FILE, "key-password-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "take the password of KEY from the first line of this file instead of the terminal", PUBLISHES,
	  false },
	{ OPTION_VALID_FOR, "valid-for", 0, OPTION_TYPE_TEXT, "TIME", "90d",
	  "with --sign: what is signed holds for this time: 12h, 30d, or seconds", PUBLISHES, false },
	{ OPTION_ENDPOINT, "endpoint", 0, OPTION_TYPE_TEXT, "URL", NULL,
	  "address of the S3-compatible store, without the bucket", PUBLISHES, false },
	{ OPTION_REGION, "region", 0, OPTION_TYPE_TEXT, "NAME", "us-east-1", "region of the bucket",
	  PUBLISHES, false },
	{ OPTION_CREDENTIALS, "credentials", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "read the keys for the store from this file, in the form of ~/.aws/credentials, instead of the "
	  "environment",
	  PUBLISHES, false },
	{ OPTION_ENDPOINT_CACERT, "s3-cacert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "trust the CAs in this file (PEM) for the store instead of the system's", PUBLISHES, false },
	{ OPTION_PLAIN_HTTP, "plain-http", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "http:// also to other hosts than this one: who is in between can read and hold back, though not "
	  "change, what is sent",
	  PUBLISHES, false },
	{ OPTION_RENEW, "renew", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "with --sign: publish nothing new, but sign what lies there again, so that it holds for longer",
	  ON(VERB_PUBLISH), false },
	{ OPTION_FORCE, "force", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "although consumers would mix parts of the published model with this one", ON(VERB_PUBLISH),
	  false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", "default",
	  "the rule whose models are published", ON(VERB_WATCH), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", "default", "their settings id",
	  ON(VERB_WATCH), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL,
	  "every rule of the configuration that has providers", ON(VERB_WATCH), false },
	{ OPTION_MIN_AUC, "min-auc", 0, OPTION_TYPE_NUMBER, "X", NULL,
	  "hold back a model whose area under the ROC curve is below this, from 0 to 1", ON(VERB_WATCH),
	  false },
	{ OPTION_MAX_DRIFT, "max-drift", 0, OPTION_TYPE_NUMBER, "D", NULL,
	  "hold back a model whose scores differ from those of the published one by more than this on the "
	  "average, from 0 to 2",
	  ON(VERB_WATCH), false },
	{ OPTION_SPAM, "spam", 0, OPTION_TYPE_FILE, "FILE", "the training sets in Redis",
	  "vectors of spam to measure with", ON(VERB_WATCH), false },
	{ OPTION_HAM, "ham", 0, OPTION_TYPE_FILE, "FILE", "the training sets in Redis",
	  "vectors of ham to measure with", ON(VERB_WATCH), false },
	{ OPTION_GATE, "gate", 0, OPTION_TYPE_TEXT, "CMD", NULL,
	  "hold back a model unless CMD, run with /bin/sh, ends with exit code 0; variables RNM_* tell of it",
	  ON(VERB_WATCH), false },
	{ OPTION_EVERY, "every", 0, OPTION_TYPE_TEXT, "TIME", "1m",
	  "look after this time at the latest, also when Redis tells of nothing: 20s, 5m, or seconds",
	  ON(VERB_WATCH), false },
	{ OPTION_ONCE, "once", 0, OPTION_TYPE_FLAG, NULL, NULL, "look once and end", ON(VERB_WATCH), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL, "judge, and publish nothing",
	  ON(VERB_WATCH), false },
	{ OPTION_TRUST_KEY, "key", 0, OPTION_TYPE_TEXT, "KEY", NULL,
	  "the publisher's public key: its text, or a file with it", ON(VERB_PULL), false },
	{ OPTION_TRUSTED, "trusted", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "trust the keys in all files *.pub of this folder", ON(VERB_PULL), false },
	{ OPTION_TO, "to", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "put the model into this file, and its signature into FILE.sig", ON(VERB_PULL), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "take only what rspamd would load for this rule of the configuration (with --import default: "
	  "default)",
	  ON(VERB_PULL), false },
	{ OPTION_IMPORT, "import", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "write it into Redis, as rnm import does, when it is new or Redis has none that workers serve",
	  ON(VERB_PULL), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", "default",
	  "with --import: for this settings id", ON(VERB_PULL), false },
	{ OPTION_EXEC, "exec", 0, OPTION_TYPE_TEXT, "CMD", NULL,
	  "run CMD with /bin/sh when a new model is in place; variables RNM_* say which", ON(VERB_PULL),
	  false },
	{ OPTION_EVERY, "every", 0, OPTION_TYPE_TEXT, "TIME", NULL,
	  "stay, and look again after this time: 20m, 6h, or seconds", ON(VERB_PULL), false },
	{ OPTION_NAME, "name", 0, OPTION_TYPE_TEXT, "NAME", "the last part of URL",
	  "name under which the model must be signed", ON(VERB_PULL), false },
	{ OPTION_STATE, "state", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "remember there what was seen, instead of in FILE.rnmpull; needed without --to", ON(VERB_PULL),
	  false },
	{ OPTION_ALLOW_ROLLBACK, "allow-rollback", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "take a model older than one that was seen, this time", ON(VERB_PULL), false },
	{ OPTION_CHECK, "check", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "read all of the model in place, which else is done once a day while its file does not change",
	  ON(VERB_PULL), false },
	{ OPTION_PRINT_CONFIG, "print-config", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "only print the configuration with which rspamd loads the model from FILE", ON(VERB_PULL), false },
	{ OPTION_MAX_SIZE, "max-size", 0, OPTION_TYPE_TEXT, "SIZE", "256M",
	  "take no larger model: bytes, or with K, M or G behind it", ON(VERB_PULL), false },
	{ OPTION_TIMEOUT, "timeout", 0, OPTION_TYPE_TEXT, "TIME", "1h", "end a download that takes longer",
	  ON(VERB_PULL), false },
	{ OPTION_AUTH_FILE, "auth-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "USER:PASSWORD for the server, in the first line of this file", ON(VERB_PULL), false },
	{ OPTION_PLAIN_HTTP, "plain-http", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "http:// also to other hosts than this one: who is in between can see and hold back models, though "
	  "not change them",
	  ON(VERB_PULL), false },
	{ OPTION_HTTP_CACERT, "cacert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "https: trust the CAs in this file (PEM) instead of the system's", ON(VERB_PULL), false },
	{ OPTION_HTTP_CACERTDIR, "cacertdir", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "https: likewise the CAs in this folder, made ready with openssl rehash", ON(VERB_PULL), false },
	{ OPTION_HTTP_CERT, "cert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "https: identify with this client certificate (PEM)", ON(VERB_PULL), false },
	{ OPTION_HTTP_CERT_KEY, "tls-key", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "https: its private key, if it is not in the same file (PEM)", ON(VERB_PULL), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "fetch and check everything, change nothing", ON(VERB_PULL), false },
	{ OPTION_ADDRESS, "address", 0, OPTION_TYPE_TEXT, "ADDRESS,...", NULL,
	  "ask these addresses instead of those that the name of the server has", ON(VERB_PROBE), false },
	{ OPTION_SAMPLES, "samples", 0, OPTION_TYPE_NUMBER, "N", "1",
	  "ask each address so many times more, as a rspamd that has the model", ON(VERB_PROBE), false },
	{ OPTION_PAUSE, "pause", 0, OPTION_TYPE_NUMBER, "SECONDS", "1",
	  "wait so long before each of these times", ON(VERB_PROBE), false },
	{ OPTION_POLL, "poll", 0, OPTION_TYPE_TEXT, "TIME", "5m",
	  "the poll interval of the rspamd to speak of: options.map_watch_interval, or poll of the map",
	  ON(VERB_PROBE), false },
	{ OPTION_TIMEOUT, "timeout", 0, OPTION_TYPE_TEXT, "TIME", "30s",
	  "for one question and all of its answer", ON(VERB_PROBE), false },
	{ OPTION_MAX_SIZE, "max-size", 0, OPTION_TYPE_NUMBER, "BYTES", "268435456",
	  "largest model that the rspamd takes: options.max_map_size", ON(VERB_PROBE), false },
	{ OPTION_STATE, "state", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "compare with what this file remembers, and remember there what was seen", ON(VERB_PROBE), false },
	{ OPTION_USER_AGENT, "user-agent", 0, OPTION_TYPE_TEXT, "TEXT", "rspamd-4.1.6",
	  "the version that the rspamd tells; '' for one that tells none", ON(VERB_PROBE), false },
	{ OPTION_CACERT, "cacert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "trust the CAs in this file (PEM) instead of the system's, as options.ssl_ca_path", ON(VERB_PROBE),
	  false },
	{ OPTION_CACERTDIR, "cacertdir", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "likewise the CAs in this folder, made ready with openssl rehash", ON(VERB_PROBE), false },
	{ OPTION_JSON, "json", 'j', OPTION_TYPE_FLAG, NULL, NULL, "print one JSON document (rnm help json)",
	  ON(VERB_PROBE), false },
	{ OPTION_LISTEN, "listen", 0, OPTION_TYPE_TEXT, "ADDRESS", "127.0.0.1:8480",
	  "answer at this address: HOST:PORT, [IPV6]:PORT, :PORT (every address of the host), PORT "
	  "(127.0.0.1), or unix:PATH",
	  ON(VERB_SERVE), false },
	{ OPTION_ADMIN, "admin", 0, OPTION_TYPE_TEXT, "ADDRESS", NULL,
	  "also answer at this address what is for operators only: a page of models and clients (/), /status.json, "
	  "/metrics", ON(VERB_SERVE), false },
	{ OPTION_INTERVAL, "interval", 0, OPTION_TYPE_TEXT, "TIME", "20m",
	  "how long clients wait between two checks, on average: each answer says something from a quarter "
	  "less to a quarter more; at most 6h24m (23040)",
	  ON(VERB_SERVE), false },
	{ OPTION_ACCESS_LOG, "access-log", 0, OPTION_TYPE_FILE, "FILE", "-",
	  "append a line of JSON for each request to this file, which SIGHUP opens anew; - for standard output",
	  ON(VERB_SERVE), false },
	{ OPTION_MAX_CONNECTIONS, "max-connections", 0, OPTION_TYPE_NUMBER, "N", "10000",
	  "connections at one time; further ones wait", ON(VERB_SERVE), false },
	{ OPTION_MAX_PER_ADDRESS, "max-per-address", 0, OPTION_TYPE_NUMBER, "N", "256",
	  "connections of one client at one time; further ones are closed", ON(VERB_SERVE), false },
	{ OPTION_TIMEOUT, "timeout", 0, OPTION_TYPE_TEXT, "TIME", "10s",
	  "for a whole request to arrive, and for a further one on the same connection", ON(VERB_SERVE), false },
	{ OPTION_GRACE, "grace", 0, OPTION_TYPE_TEXT, "TIME", "30s",
	  "how long requests may still take when the server is to stop", ON(VERB_SERVE), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "read and check the tree, print what would be offered, and end; exit code 1 if something would not", ON(VERB_SERVE), false },
	{ OPTION_JSON, "json", 'j', OPTION_TYPE_FLAG, NULL, NULL,
	  "with --dry-run: print one JSON document (rnm help json)", ON(VERB_SERVE), false },
	{ OPTION_FROM_REDIS, "from-redis", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "offer the models that workers serve, each under its rule's digest: exported when asked for, into DIR "
	  "or a temporary folder",
	  ON(VERB_SERVE), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL, "with --from-redis: only this rule",
	  ON(VERB_SERVE), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", "default",
	  "with --from-redis: settings id of the models", ON(VERB_SERVE), false },
	{ OPTION_EXIT_CODE, "exit-code", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "exit code 1 unless the models are the same", ON(VERB_DIFF), false },
	{ OPTION_NEWEST, "newest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "take the most recently saved model, as the original does, instead of the highest version",
	  ON(VERB_EXPORT), false },
	{ OPTION_ANY_DIGEST, "any-digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "take a model even if it was trained under another digest than the configuration's",
	  ON(VERB_EXPORT), false },
	{ OPTION_COMPRESS, "compress", 0, OPTION_TYPE_FLAG, NULL, NULL, "write the file as one zstd frame",
	  ON(VERB_EXPORT) | ON(VERB_MERGE), false },
	{ OPTION_HASH, "hash", 0, OPTION_TYPE_FLAG, NULL, NULL, "also tell the BLAKE2b-256 hash of the file",
	  ON(VERB_EXPORT), false },
	{ OPTION_HASH, "hash", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "only the BLAKE2b-256 hashes of the weights, of all together and of each tensor; with --json "
	  "beside everything else",
	  ON(VERB_INSPECT), false },
	{ OPTION_TENSORS, "tensors", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "statistics of every tensor, not only of matrices", ON(VERB_INSPECT), false },
	{ OPTION_MARKDOWN, "markdown", 0, OPTION_TYPE_FLAG, NULL, NULL, "print a model card in Markdown",
	  ON(VERB_INSPECT), false },
	{ OPTION_DOT, "dot", 0, OPTION_TYPE_FLAG, NULL, NULL, "print the graph for Graphviz",
	  ON(VERB_INSPECT), false },
	{ OPTION_SVG, "svg", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "draw the network and histograms of its weights", ON(VERB_INSPECT), false },
	{ OPTION_STRICT, "strict", 0, OPTION_TYPE_FLAG, NULL, NULL, "warnings count as problems",
	  ON(VERB_VERIFY), false },
	{ OPTION_LIVE, "live", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "with -r: compare versions with the models that the rule has in Redis", ON(VERB_VERIFY), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "read and check everything, write nothing",
	  ON(VERB_EXPORT) | ON(VERB_MERGE) | SAVES | ON(VERB_PUBLISH), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "check everything and print the commands that would be sent, write nothing", ON(VERB_IMPORT),
	  false },
	{ OPTION_EXPLAIN, "explain", 'e', OPTION_TYPE_FLAG, NULL, NULL,
	  "show each field that counts, its origin, and the bytes that are hashed", ON(VERB_DIGEST), false },
	{ OPTION_ORIGIN, "origin", 0, OPTION_TYPE_FLAG, NULL, NULL, "add file and line to each value",
	  ON(VERB_CONFIG), false },
	{ OPTION_CHECK, "check", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "name what is suspicious for the neural module; exit code 1 if anything is", ON(VERB_CONFIG),
	  false },
	{ OPTION_VECTORS, "vectors", 0, OPTION_TYPE_FILE, "FILE", "-",
	  "read the vectors from this file, - for standard input", ON(VERB_SCORE), false },
	{ OPTION_SPAM, "spam", 0, OPTION_TYPE_FILE, "FILE", NULL, "vectors of spam, - for standard input",
	  ON(VERB_EVAL), false },
	{ OPTION_HAM, "ham", 0, OPTION_TYPE_FILE, "FILE", NULL, "vectors of ham, - for standard input",
	  ON(VERB_EVAL), false },
	{ OPTION_FORMAT, "format", 0, OPTION_TYPE_TEXT, "FORMAT", "auto",
	  "json, csv or npy; auto tells them apart by their first bytes", SCORES, false },
	{ OPTION_PCA, "pca", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "project the vectors with this matrix first, for a bare network that needs one: the field pca of a "
	  "hash in Redis, plain or compressed",
	  SCORES, false },
	{ OPTION_RAW, "raw", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "the vectors are inputs of the network already: neither normalise nor project them", SCORES,
	  false },
	{ OPTION_KEEP_GOING, "keep-going", 'k', OPTION_TYPE_FLAG, NULL, NULL,
	  "report and skip vectors that are malformed instead of ending at the first one", SCORES, false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "decide with the thresholds and symbols of this rule of the configuration", ON(VERB_SCORE), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "decide with the thresholds of this rule; with --redis, its training sets (then the default is the "
	  "rule of MODEL, or default)",
	  ON(VERB_EVAL), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", NULL,
	  "with --redis: settings id of the training sets (default: that of MODEL, or default)",
	  ON(VERB_EVAL), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "VERSION", NULL,
	  "with --redis: the training sets of this version (default: that of MODEL, or the served one)",
	  ON(VERB_EVAL), false },
	{ OPTION_FPR, "fpr", 0, OPTION_TYPE_NUMBER, "RATE", "0.001",
	  "suggest thresholds that call at most this share of ham spam, and of spam ham", ON(VERB_EVAL),
	  false },
	{ OPTION_REPORT, "report", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "also write a page of HTML with the curves, whole in itself, - for standard output", ON(VERB_EVAL),
	  false },
	{ OPTION_TRUST_KEY, "key", 0, OPTION_TYPE_FILE, "PUB", NULL,
	  "the model must be signed with this key: its text, or a file that holds it", ON(VERB_VERIFY),
	  false },
	{ OPTION_TRUSTED, "trusted", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "likewise with one of the keys in the files *.pub of this folder", ON(VERB_VERIFY), false },
	{ OPTION_NAME, "name", 0, OPTION_TYPE_TEXT, "NAME", NULL,
	  "the name for which the model must be signed (default: that of the file, or its digest)",
	  ON(VERB_VERIFY), false },
	{ OPTION_RAW_SIGNATURE, "raw-signature", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "be content with FILE.sig where there is no statement: it proves the bytes, but neither name nor "
	  "time",
	  ON(VERB_VERIFY), false },
	{ OPTION_SIGN_KEY, "key", 'k', OPTION_TYPE_FILE, "KEY", NULL,
	  "sign with this secret key: a key pair of rspamd, or minisign's", ON(VERB_SIGN), false },
	{ OPTION_NAME, "name", 0, OPTION_TYPE_TEXT, "NAME", NULL,
	  "the name under which the model is to lie (default: its digest, or the name of the file)",
	  ON(VERB_SIGN), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "the rule that the model is for (default: what the model says)", ON(VERB_SIGN), false },
	{ OPTION_CONFIG, "config", 'c', OPTION_TYPE_FILE, "FILE", NULL,
	  "with -r: the model must be one for the rule of this configuration", ON(VERB_SIGN), false },
	{ OPTION_VALID_FOR, "valid-for", 0, OPTION_TYPE_TEXT, "TIME", "365d",
	  "how long the signature holds: 12h, 30d, 52w, or seconds", ON(VERB_SIGN), false },
	{ OPTION_NOT_AFTER, "not-after", 0, OPTION_TYPE_TEXT, "WHEN", NULL,
	  "until when it holds: 2027-01-31 (the whole day), 2027-01-31T12:00:00Z, both UTC, or never",
	  ON(VERB_SIGN), false },
	{ OPTION_ANY_FILE, "any-file", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "sign also what is no model, or one with problems", ON(VERB_SIGN), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL, "check everything, write nothing",
	  SIGNS, false },
	{ OPTION_FORMAT, "format", 0, OPTION_TYPE_TEXT, "FORMAT", "ucl",
	  "ucl, json or minisign; with convert also pub or minisign-pub", ON(VERB_KEY), false },
	{ OPTION_ENCODING, "encoding", 0, OPTION_TYPE_TEXT, "ENCODING", "base32",
	  "base32, hex or base64, in rspamd's files", ON(VERB_KEY), false },
	{ OPTION_NAME, "name", 0, OPTION_TYPE_TEXT, "NAME", NULL, "new: a name to stand in the key pair",
	  ON(VERB_KEY), false },
	{ OPTION_PUBOUT, "pubout", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "new: also write the public key, as rspamd reads MODEL.pub, or minisign's", ON(VERB_KEY), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "FILE", NULL,
	  "convert: the file to write; without it a public key is printed", ON(VERB_KEY), false },
	{ OPTION_PASSWORD_FILE, "password-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "take the password of the key from the first line of this file, - for standard input, instead of "
	  "the terminal",
	  SIGNS, false },
	{ OPTION_NEW_PASSWORD_FILE, "new-password-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "convert: likewise that of the minisign key to write", ON(VERB_KEY), false },
	{ OPTION_NO_PASSWORD, "no-password", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "new and convert: write a minisign key without a password", ON(VERB_KEY), false },
	{ OPTION_FORCE, "force", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "replace files that are there, a key among them for good", ON(VERB_KEY), false },
	{ OPTION_JSON, "json", 'j', OPTION_TYPE_FLAG, NULL, NULL, "print one JSON document (rnm help json)",
	  (READS_CONFIG & ~(ON(VERB_SCORE) | ON(VERB_SERVE))) | SIGNS, false },
	{ OPTION_JSON, "json", 'j', OPTION_TYPE_FLAG, NULL, NULL,
	  "changes nothing: the answers are lines of JSON in any case", ON(VERB_SCORE), false },
	{ OPTION_REDIS, "redis", 0, OPTION_TYPE_TEXT, "URL", NULL,
	  "use this server instead of the configured ones: redis://[user[:pass]@]host[:port][/db], "
	  "rediss://... for TLS, or unix:///path[?db=N]",
	  (READS_REDIS & ~ON(VERB_EVAL)) | IMPORTS, false },
	{ OPTION_REDIS, "redis", 0, OPTION_TYPE_OPTIONAL, "URL", NULL,
	  "evaluate on the training sets in Redis; with a URL, in this server instead of the configured ones",
	  ON(VERB_EVAL), false },
	{ OPTION_PASSWORD_FILE, "password-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "take the Redis password from the first line of this file, - for standard input",
	  READS_REDIS | IMPORTS, false },
	/* The names of redis-cli. */
	{ OPTION_CACERT, "cacert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "TLS: trust the CAs in this file (PEM) instead of the configured ones or the system's", READS_REDIS,
	  false },
	{ OPTION_CACERTDIR, "cacertdir", 0, OPTION_TYPE_FOLDER, "DIR", NULL,
	  "TLS: likewise the CAs in this folder, made ready with openssl rehash", READS_REDIS, false },
	{ OPTION_CERT, "cert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "TLS: identify with this client certificate (PEM); needs --key", READS_REDIS & ~ON(VERB_VERIFY),
	  false },
	{ OPTION_CERT, "cert", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "TLS: identify with this client certificate (PEM); needs --tls-key", ON(VERB_VERIFY), false },
	{ OPTION_KEY, "key", 0, OPTION_TYPE_FILE, "FILE", NULL, "TLS: the private key of --cert (PEM)",
	  READS_REDIS & ~ON(VERB_VERIFY), false },
	{ OPTION_KEY, "tls-key", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "TLS: the private key of --cert (PEM), elsewhere --key", ON(VERB_VERIFY), false },
	{ OPTION_SNI, "sni", 0, OPTION_TYPE_TEXT, "NAME", NULL,
	  "TLS: ask for this host name, and expect it in the certificate, instead of the server's own",
	  READS_REDIS, false },
	{ OPTION_INSECURE, "insecure", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "TLS: take any certificate; whoever is in between can read and change everything", READS_REDIS,
	  false },
	{ OPTION_LUA54_NUMBERS, "lua54-numbers", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "compute digests as a rspamd built with Lua 5.4 instead of LuaJIT does",
	  ON(VERB_DIGEST) | READS_REDIS | IMPORTS | BEFORE_VERB, false },
	{ OPTION_VAR, "var", 0, OPTION_TYPE_VARIABLE, "NAME=VALUE", NULL,
	  "set a path such as CONFDIR, or a template variable, as rspamadm --var does", BEFORE_VERB, false },
	{ OPTION_LUA_ENV, "lua-env", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "not supported: rnm runs no Lua files; use --var or RSPAMD_* variables", BEFORE_VERB, false },
	{ OPTION_QUIET, "quiet", 'q', OPTION_TYPE_FLAG, NULL, NULL, "no warnings, notes or progress",
	  EVERY_VERB | BEFORE_VERB, false },
	{ OPTION_NO_COLOR, "no-color", 0, OPTION_TYPE_FLAG, NULL, NULL, "no colours, as with NO_COLOR=1",
	  EVERY_VERB | BEFORE_VERB, false },
	{ OPTION_PROGRAM_VERSION, "version", 'V', OPTION_TYPE_FLAG, NULL, NULL, "print the version of rnm",
	  BEFORE_VERB, false },
	{ OPTION_HELP, "help", 'h', OPTION_TYPE_FLAG, NULL, NULL, "show this help", EVERY_VERB | BEFORE_VERB,
	  false },

	/* rspamd: lualib/rspamadm/neural_export.lua; names, order, arguments and words are the original's. */
	{ OPTION_HELP, "help", 'h', OPTION_TYPE_FLAG, NULL, NULL, "Show this help message and exit.",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_CONFIG, "config", 'c', OPTION_TYPE_FILE, "<cfg>", "<CONFDIR>/rspamd.conf",
	  "Path to config file", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "<rule>", "default", "Rule name to export",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "<id>", "default", "Settings ID to export",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "<file>", NULL, "Output file path",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "<version>", NULL,
	  "Specific model version to export", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_LIST, "list", 0, OPTION_TYPE_FLAG, NULL, NULL, "List available models instead of exporting",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_DIGEST, "digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "Print providers digest for URL construction", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_ANY_DIGEST, "any-digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "Export a model that was trained under another digest (an addition of rnm)", ON(VERB_NEURAL_EXPORT),
	  true },
};
const size_t option_spec_count = sizeof(option_specs) / sizeof(option_specs[0]);

const struct option_conflict option_conflicts[] = {
	{ VERB_CONFIG, OPTION_CHECK, OPTION_ORIGIN, "findings carry their file and line already" },
	{ VERB_DIGEST, OPTION_ALL, OPTION_RULE, "one names a rule, the other means all of them" },
	{ VERB_DIGEST, OPTION_ALL, OPTION_EXPLAIN, "explain one rule at a time with -r RULE" },
	{ VERB_INSPECT, OPTION_JSON, OPTION_MARKDOWN, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_JSON, OPTION_DOT, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_JSON, OPTION_SVG, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_MARKDOWN, OPTION_DOT, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_MARKDOWN, OPTION_SVG, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_DOT, OPTION_SVG, "each is a form of the whole answer" },
	{ VERB_INSPECT, OPTION_HASH, OPTION_MARKDOWN, "the card has the hash already" },
	{ VERB_INSPECT, OPTION_HASH, OPTION_DOT, "the drawing has no room for it" },
	{ VERB_INSPECT, OPTION_HASH, OPTION_SVG, "the drawing has no room for it" },
	{ VERB_EXPORT, OPTION_ALL, OPTION_MODEL_VERSION, "a version belongs to one rule and settings id" },
	{ VERB_EXPORT, OPTION_NEWEST, OPTION_MODEL_VERSION, "-v already says which model" },
	{ VERB_PUBLISH, OPTION_RENEW, OPTION_ROLLBACK, "one signs what is there, the other replaces it" },
	{ VERB_PUBLISH, OPTION_RENEW, OPTION_NAME, "what is renewed is asked for by its name" },
	{ VERB_PUBLISH, OPTION_RENEW, OPTION_MODEL_VERSION, "what is renewed keeps its version" },
	{ VERB_PUBLISH, OPTION_ROLLBACK, OPTION_NAME, "a rollback is asked for by its name" },
	{ VERB_PULL, OPTION_EVERY, OPTION_DRY_RUN, "what changes nothing would be done again and again" },
	{ VERB_PULL, OPTION_EVERY, OPTION_ALLOW_ROLLBACK, "a rollback is allowed once, not for good" },
	{ VERB_PULL, OPTION_EVERY, OPTION_PRINT_CONFIG, "one prints, the other pulls" },
	{ VERB_PULL, OPTION_JSON, OPTION_PRINT_CONFIG, "the configuration has a form of its own" },
	{ VERB_WATCH, OPTION_ALL, OPTION_RULE, "one names a rule, the other means all of them" },
	{ VERB_WATCH, OPTION_ALL, OPTION_NAME, "a name is that of one model" },
	{ VERB_WATCH, OPTION_ONCE, OPTION_EVERY, "one look has no next one" },
	{ VERB_SCORE, OPTION_RAW, OPTION_PCA,
	  "one says that the vectors are projected, the other that they are not" },
	{ VERB_EVAL, OPTION_RAW, OPTION_PCA,
	  "one says that the vectors are projected, the other that they are not" },
	{ VERB_EVAL, OPTION_SPAM, OPTION_SETTINGS, "a settings id names training sets in Redis" },
	{ VERB_EVAL, OPTION_SPAM, OPTION_MODEL_VERSION, "a version names training sets in Redis" },
	{ VERB_SIGN, OPTION_VALID_FOR, OPTION_NOT_AFTER, "each says when the signature ends" },
	{ VERB_KEY, OPTION_NO_PASSWORD, OPTION_NEW_PASSWORD_FILE, "one says that there is no password" },
};
const size_t option_conflict_count = sizeof(option_conflicts) / sizeof(option_conflicts[0]);
