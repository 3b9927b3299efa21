/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs, as their help and manual pages begin: data only. */
#include "options.h"

#include "model_argument.h"

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
			{ "rnm -q import redis:embed/default@2 -r embed && rnm list -r embed",
			  "back to an older model, under a new version, as the list shows" },
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
		"\n"
		"--eval lets the index, the history and the page of rnm serve say how well each model does. Each\n"
		"evaluation goes with the model that it is of, known by what decides about mail: weights,\n"
		"normalisation, matrix, thresholds. One that is of none of them is refused with exit code 8.\n"
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
