/* SPDX-License-Identifier: Apache-2.0 */
/* What a server remembers of its clients, also when there are more of them than it remembers. */
#include "share/serve_fleet.h"
#include "share/serve_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795442400
#define DAY 86400
/* The server's tags are the hash in quotes. */
#define TAG "\"bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319\""

static void note(struct rnm_fleet *fleet, unsigned client, const char *name, const char *has, bool missing,
                 int64_t now)
{
	char address[INET6_ADDRSTRLEN];
	const struct rnm_fleet_event event = { .client = address,
		                               .agent = "rspamd-4.1",
		                               .name = name,
		                               .sent = "",
		                               .has = has,
		                               .missing = missing };

	snprintf(address, sizeof(address), "10.%u.%u.%u", client >> 16, client >> 8 & 255, client & 255);
	rnm_fleet_note(fleet, &event, now);
}

static const struct rnm_fleet_client *find(const struct rnm_fleet *fleet, const char *client)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(fleet->clients[i].client, client) == 0)
			return &fleet->clients[i];
	return NULL;
}

static void clients_are_told_apart_by_address_and_model(void **state)
{
	struct rnm_fleet fleet, copy;

	(void)state;
	rnm_fleet_init(&fleet);
	note(&fleet, 2, "m", NULL, false, NOW);
	note(&fleet, 1, "m", TAG, false, NOW);
	note(&fleet, 1, "l", NULL, false, NOW + 1);
	note(&fleet, 1, "m", NULL, false, NOW + 2);
	note(&fleet, 3, "", NULL, false, NOW);
	assert_true(rnm_fleet_copy(&copy, &fleet));
	assert_int_equal(copy.count, 3);
	assert_string_equal(copy.clients[0].name, "l");
	assert_string_equal(copy.clients[1].client, "10.0.0.1");
	assert_int_equal(copy.clients[1].requests, 2);
	assert_true(copy.clients[1].first == NOW && copy.clients[1].last == NOW + 2);
	/* What it has been given stays until it says something else. */
	assert_string_equal(copy.clients[1].held, TAG);
	assert_string_equal(copy.clients[2].client, "10.0.0.2");
	assert_string_equal(copy.clients[2].held, "");
	rnm_fleet_free(&copy);
	rnm_fleet_free(&fleet);
}

static void the_silent_make_room(void **state)
{
	struct rnm_fleet fleet;

	(void)state;
	rnm_fleet_init(&fleet);
	for (unsigned i = 0; i < RNM_FLEET_CLIENTS_MAX; i++)
		note(&fleet, i, "m", NULL, false, NOW);
	assert_int_equal(fleet.count, RNM_FLEET_CLIENTS_MAX);
	/* Who is known counts on; a newcomer is turned away as long as nobody has been silent for a day. */
	note(&fleet, 7, "m", TAG, false, NOW + DAY - 1);
	note(&fleet, RNM_FLEET_CLIENTS_MAX, "m", NULL, false, NOW + DAY - 1);
	assert_int_equal(fleet.count, RNM_FLEET_CLIENTS_MAX);
	assert_int_equal(fleet.forgotten, 1);
	note(&fleet, RNM_FLEET_CLIENTS_MAX, "m", NULL, false, NOW + DAY);
	assert_int_equal(fleet.forgotten, 1);
	assert_int_equal(fleet.count, 2);
	assert_int_equal(find(&fleet, "10.0.0.7")->requests, 2);
	assert_string_equal(find(&fleet, "10.0.0.7")->held, TAG);
	assert_non_null(find(&fleet, "10.0.64.0"));
	/* Both are found again, and nobody else. */
	note(&fleet, 7, "m", NULL, false, NOW + DAY);
	note(&fleet, 8, "m", NULL, false, NOW + DAY);
	assert_int_equal(fleet.count, 3);
	assert_int_equal(find(&fleet, "10.0.0.7")->requests, 3);
	assert_int_equal(find(&fleet, "10.0.0.8")->requests, 1);
	/* Full again, of clients that came at three times: room is made when the first of each may have been silent. */
	for (unsigned i = 0; i < RNM_FLEET_CLIENTS_MAX; i++)
		note(&fleet, i, "m", NULL, false, NOW + DAY + (i < 10 ? 5 : 6));
	assert_int_equal(fleet.count, RNM_FLEET_CLIENTS_MAX);
	assert_int_equal(fleet.forgotten, 2);
	note(&fleet, RNM_FLEET_CLIENTS_MAX + 1, "m", NULL, false, NOW + 2 * DAY + 4);
	assert_int_equal(fleet.forgotten, 2);
	assert_null(find(&fleet, "10.0.64.0"));
	note(&fleet, RNM_FLEET_CLIENTS_MAX + 2, "m", NULL, false, NOW + 2 * DAY + 4);
	assert_int_equal(fleet.forgotten, 3);
	note(&fleet, RNM_FLEET_CLIENTS_MAX + 2, "m", NULL, false, NOW + 2 * DAY + 5);
	assert_int_equal(fleet.forgotten, 3);
	assert_int_equal(fleet.count, RNM_FLEET_CLIENTS_MAX - 9);
	/* The clock is set back by two days. */
	for (unsigned i = 0; i < 9; i++)
		note(&fleet, i, "m", NULL, false, NOW + 2 * DAY + 5);
	note(&fleet, 9, "m", NULL, false, NOW + 5);
	assert_int_equal(fleet.forgotten, 4);
	note(&fleet, 9, "m", NULL, false, NOW + DAY + 5);
	assert_int_equal(fleet.forgotten, 5);
	note(&fleet, 9, "m", NULL, false, NOW + 3 * DAY + 5);
	assert_int_equal(fleet.forgotten, 5);
	assert_int_equal(fleet.count, 1);
	rnm_fleet_free(&fleet);
}

static void the_oldest_of_what_is_missing_goes(void **state)
{
	struct rnm_fleet fleet, copy;
	char name[16];

	(void)state;
	rnm_fleet_init(&fleet);
	for (unsigned i = 0; i < RNM_FLEET_MISSING_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		note(&fleet, i, name, NULL, true, NOW + i);
	}
	note(&fleet, 5, "m0", NULL, true, NOW + 1000);
	note(&fleet, 6, "new", NULL, true, NOW + 1001);
	assert_true(rnm_fleet_copy(&copy, &fleet));
	assert_int_equal(copy.missing_count, RNM_FLEET_MISSING_MAX);
	assert_string_equal(copy.missing[0].name, "new");
	assert_string_equal(copy.missing[1].name, "m0");
	assert_int_equal(copy.missing[1].requests, 2);
	assert_string_equal(copy.missing[1].client, "10.0.0.5");
	assert_string_equal(copy.missing[RNM_FLEET_MISSING_MAX - 1].name, "m2");
	rnm_fleet_free(&copy);
	rnm_fleet_free(&fleet);
}

static void offers_are_remembered_until_there_are_too_many(void **state)
{
	struct rnm_served_model model = { .version = 3 };
	char alias[] = RNM_SERVED_MODELS "m", signature[] = RNM_SERVED_MODELS "m.sig";
	struct rnm_served file = { .name = alias, .model = &model }, beside = { .name = signature };
	struct rnm_served *items[] = { &file, &beside };
	const struct rnm_served_table table = { .items = items, .count = 2 };
	struct rnm_fleet fleet;

	(void)state;
	rnm_fleet_init(&fleet);
	note(&fleet, 1, "m", NULL, true, NOW);
	note(&fleet, 1, "other", NULL, true, NOW);
	for (unsigned i = 0; i <= RNM_FLEET_OFFERED_MAX; i++) {
		snprintf(file.etag, sizeof(file.etag), "\"%u\"", i);
		model.version = i;
		/* Twice the same is one offer. */
		rnm_fleet_offer(&fleet, &table);
		rnm_fleet_offer(&fleet, &table);
	}
	/* It is there now. */
	assert_int_equal(fleet.missing_count, 1);
	assert_string_equal(fleet.missing[0].name, "other");
	assert_int_equal(fleet.offered_count, RNM_FLEET_OFFERED_MAX);
	assert_null(rnm_fleet_find_offer(&fleet, "m", "\"0\""));
	assert_true(rnm_fleet_find_offer(&fleet, "m", "\"1\"")->version == 1);
	assert_true(rnm_fleet_find_offer(&fleet, "m", "\"1024\"")->version == 1024);
	assert_null(rnm_fleet_find_offer(&fleet, "other", "\"1\""));
	rnm_fleet_free(&fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_told_apart_by_address_and_model),
		cmocka_unit_test(the_silent_make_room),
		cmocka_unit_test(the_oldest_of_what_is_missing_goes),
		cmocka_unit_test(offers_are_remembered_until_there_are_too_many),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
