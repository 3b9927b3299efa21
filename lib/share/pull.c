/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "share/pull_internal.h"
#include "store/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

_Static_assert(RNM_PULL_URL_TEXT_SIZE == RNM_HTTP_URL_MAX + 1, "a whole URL");

/* A publisher needs this long at most from the statement to the model; what takes longer is not one at work. */
#define PUBLISHER_MS 300
#define PAUSE_STEP_MS 50

struct owned {
	struct rnm_pulling pulling;
	struct rnm_pull_options options;
	struct rnm_pull_state state;
};

/* ---- beginning and end ---- */

static enum rnm_status lock_state(struct rnm_pulling *pulling, struct rnm_error *err)
{
	const char *path = pulling->paths.lock;

	if (pulling->options->dry_run)
		return RNM_OK;
	pulling->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (pulling->lock < 0) {
		rnm_error_sys(err, "file.open", errno, "cannot open the lock %s", path);
		return rnm_error_at_line(err, path, 0), RNM_E_IO;
	}
	if (flock(pulling->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "pull.locked", "another pull holds the lock %s", path);
	rnm_error_set_hint(err, "wait for it, or let one of them look for new models");
	return RNM_E_REFUSED;
}

static enum rnm_status read_state(struct rnm_pulling *pulling, struct rnm_error *err)
{
	struct rnm_pull_state *state = pulling->state;
	uint8_t url[RNM_BLAKE2B_SIZE];
	enum rnm_status status = rnm_pull_state_read(state, pulling->paths.state, err);

	if (status != RNM_OK)
		return status;
	(void)crypto_generichash(url, sizeof(url), (const unsigned char *)pulling->options->url,
	                         strlen(pulling->options->url), NULL, 0);
	if (!state->has_url || memcmp(url, state->url, sizeof(url)) != 0) {
		memset(&state->statement_is, 0, sizeof(state->statement_is));
		memset(&state->model_is, 0, sizeof(state->model_is));
		memset(&state->part_is, 0, sizeof(state->part_is));
	}
	state->has_url = true;
	memcpy(state->url, url, sizeof(url));
	return RNM_OK;
}

static enum rnm_status begin(struct rnm_pulling *pulling, struct rnm_error *err)
{
	const struct rnm_pull_options *options = pulling->options;
	enum rnm_status status = rnm_pull_paths_make(&pulling->paths, options, err);

	/* Picks the fastest hashes; where it fails, the others are just as right. */
	(void)!sodium_init();
	pulling->settings = (struct rnm_http_settings){
		.ca = options->ca,
		.ca_dir = options->ca_dir,
		.cert = options->cert,
		.cert_key = options->cert_key,
		.user = options->user,
		.password = options->password,
		.plain = options->plain_http,
		.redirects = true,
		.slow_bytes = options->slow_bytes > 0 ? options->slow_bytes : RNM_PULL_SLOW_BYTES_DEFAULT,
		.slow_seconds =
		    options->slow_seconds > 0 ? options->slow_seconds : RNM_PULL_SLOW_SECONDS_DEFAULT,
		.cancel = options->cancel,
	};
	if (status == RNM_OK)
		status = lock_state(pulling, err);
	if (status == RNM_OK)
		status = read_state(pulling, err);
	return status == RNM_OK ? rnm_http_new(&pulling->http, &pulling->settings, err) : status;
}

void rnm_pull_free(struct rnm_pull *pull)
{
	struct owned *owned;

	if (pull == NULL)
		return;
	owned = pull->owned;
	rnm_verification_free(pull->verification);
	rnm_model_file_free(pull->file);
	if (owned != NULL) {
		rnm_http_free(owned->pulling.http);
		rnm_pull_part_close(&owned->pulling);
		if (owned->pulling.lock >= 0)
			close(owned->pulling.lock);
		rnm_pull_paths_free(&owned->pulling.paths);
		rnm_pull_forget_body(&owned->pulling);
		free(owned);
	}
	free(pull);
}

/* ---- older than what was seen? ---- */

/* Without a memory, the statement in place tells at least of itself. */
static void learn_from_place(struct rnm_pulling *pulling)
{
	const struct rnm_trust *trust = pulling->options->trust;
	const struct rnm_trusted_key *signer;
	struct rnm_statement statement;
	struct rnm_buf text;

	if (pulling->paths.statement == NULL ||
	    rnm_pull_floor_find(pulling->state, pulling->statement.name, trust) != NULL)
		return;
	rnm_buf_init(&text, RNM_STATEMENT_FILE_MAX + 1);
	if (rnm_file_read(pulling->paths.statement, &text, RNM_STATEMENT_FILE_MAX, NULL) == RNM_OK &&
	    rnm_statement_read((struct rnm_bytes){ rnm_buf_cstr(&text), text.len }, trust, &statement,
	                       &signer, NULL) == RNM_OK)
		rnm_pull_floor_set(pulling->state, &statement, &signer->key, trust, false);
	rnm_buf_free(&text);
}

static enum rnm_status refuse_older(const struct rnm_pulling *pulling, const struct rnm_pull_floor *floor,
                                    struct rnm_error *err)
{
	const struct rnm_statement *statement = &pulling->statement;
	const uint64_t version = rnm_pull_version(statement);

	if (version != floor->model_version)
		rnm_error_set(err, RNM_E_REFUSED, "pull.rollback",
		              "the server offers version %" PRIu64 " of %s, and version %" PRIu64
		              " has been seen",
		              version, statement->name, floor->model_version);
	else
		rnm_error_set(err, RNM_E_REFUSED, "pull.older",
		              "the server offers a statement about %s that was signed %" PRId64
		              " seconds before one that has been seen",
		              statement->name, floor->created - statement->created);
	rnm_error_set_hint(err, "a publisher goes back by giving old weights a new version; if this one is "
	                        "wanted all the same: --allow-rollback");
	return RNM_E_REFUSED;
}

static enum rnm_status check_age(struct rnm_pulling *pulling, struct rnm_error *err)
{
	const struct rnm_pull_floor *floor;

	learn_from_place(pulling);
	floor = rnm_pull_floor_find(pulling->state, pulling->statement.name, pulling->options->trust);
	pulling->rollback = floor != NULL && (rnm_pull_version(&pulling->statement) < floor->model_version ||
	                                      pulling->statement.created < floor->created);
	if (!pulling->rollback || pulling->options->allow_rollback)
		return RNM_OK;
	return refuse_older(pulling, floor, err);
}

/* ---- what was fetched ---- */

/* The bytes are those that were signed: are they a model that rspamd will take? */
static enum rnm_status judge(struct rnm_pull *pull, struct rnm_pulling *pulling, struct rnm_error *err)
{
	enum rnm_status status = rnm_model_file_open_marked(&pull->file, pulling->proven, pulling->marks,
	                                                    pulling->statement.name, err);

	pulling->proven = -1;
	pulling->marks = NULL;
	if (status == RNM_OK)
		status = rnm_statement_fits(&pulling->statement, pull->file, err);
	if (status == RNM_OK)
		status = rnm_model_verify(&pull->verification, pull->file, &pulling->options->verify, err);
	return status;
}

/* ---- one look at the server ---- */

static bool nothing_to_do(struct rnm_pulling *pulling)
{
	return !pulling->state->pending && !pulling->options->hand_on_again && rnm_pull_all_in_place(pulling);
}

static enum rnm_status look(struct rnm_pulling *pulling, bool *unchanged, struct rnm_error *err)
{
	enum rnm_status status = rnm_pull_fetch_statement(pulling, err);

	if (status == RNM_OK)
		status = check_age(pulling, err);
	if (status == RNM_OK)
		status = rnm_pull_check_size(pulling, err);
	if (status != RNM_OK)
		return status;
	*unchanged = nothing_to_do(pulling);
	if (*unchanged)
		return RNM_OK;
	status = rnm_pull_fetch_signature(pulling, err);
	return status == RNM_OK ? rnm_pull_fetch_body(pulling, err) : status;
}

static bool pause_for_publisher(const struct rnm_pulling *pulling)
{
	const struct timespec step = { .tv_nsec = PAUSE_STEP_MS * 1000000L };

	for (int i = 0; i < PUBLISHER_MS / PAUSE_STEP_MS; i++) {
		if (pulling->options->cancel != NULL && *pulling->options->cancel != 0)
			return false;
		(void)nanosleep(&step, NULL);
	}
	return true;
}

/*
 * A publisher that was killed between statement and model leaves them like this for as long as nobody comes after it.
 * What the statement is about lies in the tree all the same.  RNM_OK, or another status and *err as it was.
 */
static enum rnm_status take_object(struct rnm_pulling *pulling)
{
	enum rnm_status status =
	    rnm_pull_paths_to_object(&pulling->paths, pulling->options, pulling->statement.blake2b, NULL);

	rnm_pull_part_close(pulling);
	if (status == RNM_OK)
		status = rnm_pull_fetch_signature(pulling, NULL);
	return status == RNM_OK ? rnm_pull_fetch_body(pulling, NULL) : status;
}

/* ---- what is done with it ---- */

static void tell(struct rnm_pull *pull, const struct rnm_pulling *pulling)
{
	const struct rnm_pull_floor *before =
	    rnm_pull_floor_find(pulling->state, pulling->statement.name, pulling->options->trust);

	pull->has_previous = before != NULL;
	pull->previous_version = before != NULL ? before->model_version : 0;
	pull->statement = pulling->statement;
	rnm_public_key_text(&pulling->signer->key, pull->signer);
	pull->signer_name = pulling->signer->name;
	pull->rolled_back = pulling->rollback;
	pull->received = pulling->received;
	pull->resumed = pulling->resumed;
}

/* The floor first: whoever has seen this version takes no older one any more, even if we die in the next moment. */
static void remember(struct rnm_pulling *pulling)
{
	struct rnm_pull_state *state = pulling->state;
	const struct rnm_statement *statement = &pulling->statement;

	rnm_pull_floor_set(state, statement, &pulling->signer->key, pulling->options->trust,
	                   pulling->rollback);
	memcpy(state->statement, pulling->statement_text, pulling->statement_len + 1);
	state->statement_is = pulling->statement_is;
}

static bool same_floor(const struct rnm_pulling *pulling)
{
	return strcmp(pulling->state->statement, pulling->statement_text) == 0 && !pulling->rollback;
}

static enum rnm_status settle(struct rnm_pull *pull, struct rnm_pulling *pulling, bool unchanged,
                              struct rnm_error *err)
{
	struct rnm_pull_state *state = pulling->state;
	const bool known =
	    state->has_model && memcmp(state->model, pulling->statement.blake2b, RNM_BLAKE2B_SIZE) == 0;
	const bool write = !unchanged || !same_floor(pulling) || pulling->hashed;
	enum rnm_status status = RNM_OK;

	pull->changed = !unchanged && !(pulling->was_in_place || (pulling->paths.target == NULL && known));
	pull->pending = !unchanged && (pull->changed || state->pending || pulling->options->hand_on_again);
	if (pulling->options->dry_run)
		return RNM_OK;
	remember(pulling);
	if (!unchanged) {
		state->has_model = true;
		memcpy(state->model, pulling->statement.blake2b, RNM_BLAKE2B_SIZE);
		memcpy(state->signature, pulling->signature, RNM_SIGNATURE_SIZE);
		state->pending = pull->pending;
		state->has_hashed = false;
		if (pulling->received > 0)
			state->model_is = pulling->model_is;
	}
	if (write)
		status = rnm_pull_state_write(state, pulling->paths.state, err);
	if (status == RNM_OK && !unchanged)
		status = rnm_pull_install(pulling, err);
	return status;
}

static enum rnm_status run(struct rnm_pull *pull, struct rnm_pulling *pulling, struct rnm_error *err)
{
	bool unchanged = false;
	enum rnm_status status = begin(pulling, err);

	if (status != RNM_OK)
		return status;
	status = look(pulling, &unchanged, err);
	if (status != RNM_OK && pulling->out_of_step && pause_for_publisher(pulling)) {
		rnm_pull_part_close(pulling);
		pulling->out_of_step = false;
		pulling->again = true;
		status = look(pulling, &unchanged, err);
	}
	if (status != RNM_OK && pulling->out_of_step && take_object(pulling) == RNM_OK)
		status = RNM_OK;
	if (status == RNM_OK && !unchanged)
		status = judge(pull, pulling, err);
	if (status != RNM_OK)
		return status;
	tell(pull, pulling);
	return settle(pull, pulling, unchanged, err);
}

enum rnm_status rnm_pull(struct rnm_pull **out, const struct rnm_pull_options *options, double *retry_after,
                         struct rnm_error *err)
{
	struct rnm_pull *pull = calloc(1, sizeof(*pull));
	struct owned *owned = calloc(1, sizeof(*owned));
	enum rnm_status status;

	if (retry_after != NULL)
		*retry_after = 0;
	if (pull == NULL || owned == NULL) {
		free(pull);
		free(owned);
		return rnm_error_nomem(err);
	}
	pull->owned = owned;
	owned->options = *options;
	owned->pulling.options = &owned->options;
	owned->pulling.state = &owned->state;
	owned->pulling.retry_after = retry_after;
	owned->pulling.lock = owned->pulling.part = owned->pulling.proven = -1;
	status = run(pull, &owned->pulling, err);
	owned->pulling.retry_after = NULL;
	if (status == RNM_OK)
		*out = pull;
	else
		rnm_pull_free(pull);
	return status;
}

enum rnm_status rnm_pull_done(struct rnm_pull *pull, struct rnm_error *err)
{
	struct owned *owned = pull->owned;
	enum rnm_status status;

	if (!pull->pending || owned->options.dry_run)
		return RNM_OK;
	owned->state.pending = false;
	owned->state.has_part = false;
	status = rnm_pull_state_write(&owned->state, owned->pulling.paths.state, err);
	/* Without a file to take the place of, the part was all there was. */
	if (status == RNM_OK)
		rnm_pull_part_drop(&owned->pulling);
	return status;
}

void rnm_pull_url_text(char text[RNM_PULL_URL_TEXT_SIZE], const char *url)
{
	rnm_http_url_plain(text, RNM_PULL_URL_TEXT_SIZE, url);
}
