#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts into place, used as a stranger would use it.

setup_file() {
	DIR=$(mktemp -d)
	export DIR
	ROOT=$RNM_TESTS/..
	export ROOT
	cmake --install "$RNM_BUILD" --prefix "$DIR/usr" >"$DIR/log" 2>&1
	PC=$(dirname "$(find "$DIR/usr" -name librnm.pc)")
	export PC
	LIB=$(dirname "$PC")
	export LIB
	# The sanitizer build cannot be linked into a plain program.
	if nm -D "$LIB/librnm.so" | grep -q __asan; then export SANITIZED=1; fi
	sed 's|@REDIS@|/nonexistent|' "$RNM_TESTS/data/cli/rnm.conf" >"$DIR/rspamd.conf"
}

teardown_file() {
	rm -rf "$DIR"
}

flags() { # VARIABLE...: what pkg-config says, for the place where it lies now
	PKG_CONFIG_PATH=$PC pkg-config --define-variable=libdir="$LIB" \
		--define-variable=includedir="$DIR/usr/include" "$@" librnm
}

@test "the command and its other name are there" {
	[ "$("$DIR/usr/bin/rnm" --version)" = "$("$RNM" --version)" ]
	[ "$(readlink "$DIR/usr/bin/neural_export")" = rnm ]
	run "$DIR/usr/bin/neural_export" -c "$DIR/rspamd.conf" -r embed --digest
	[ "$status" -eq 0 ]
	[ "$output" = "Providers digest: 376616275a1a984c" ]
}

@test "manual pages and completions are where man and the shells look" {
	local page share="$DIR/usr/share"
	for page in man1/rnm.1 man1/rnm-merge.1 man1/neural_export.1 man3/librnm.3; do
		[ -s "$share/man/$page" ]
	done
	diff <(cd "$RNM_BUILD/man" && echo man?/*) <(cd "$share/man" && echo man?/*)
	[ "$(find "$share/zsh" -name _rnm | wc -l)" -eq 1 ]
	[ -s "$share/fish/vendor_completions.d/rnm.fish" ] && [ -s "$share/fish/vendor_completions.d/neural_export.fish" ]
	[ -s "$share/bash-completion/completions/rnm" ] && [ -s "$share/bash-completion/completions/neural_export" ]
	[ -e /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
	for page in rnm neural_export; do
		run env -u BASH_COMPLETION_USER_DIR HOME="$DIR" XDG_DATA_HOME="$share" bash --norc -c \
			"source /usr/share/bash-completion/bash_completion; __load_completion $page; complete -p $page"
		[ "$output" = "complete -F _rnm $page" ]
	done
}

@test "a program links with the shared library" {
	[ -z "${SANITIZED:-}" ] || skip "sanitizer build"
	# shellcheck disable=SC2046
	cc "$ROOT/examples/digest.c" -o "$DIR/digest" $(flags --cflags --libs)
	[ "$(LD_LIBRARY_PATH=$LIB "$DIR/digest" "$DIR/rspamd.conf" embed)" = 376616275a1a984c ]
	LD_LIBRARY_PATH=$LIB run "$DIR/digest" "$DIR/rspamd.conf" nope
	[ "$status" -eq 4 ]
}

@test "a program links with the static library" {
	[ -z "${SANITIZED:-}" ] || skip "sanitizer build"
	# shellcheck disable=SC2046
	cc -static "$ROOT/examples/digest.c" -o "$DIR/digest-static" $(flags --static --cflags --libs) 2>/dev/null ||
		cc "$ROOT/examples/digest.c" -o "$DIR/digest-static" $(flags --cflags) "$LIB/librnm.a" \
			$(pkg-config --libs lua5.1 libzstd libxxhash libsodium jansson) -pthread -lm
	[ "$("$DIR/digest-static" "$DIR/rspamd.conf" embed)" = 376616275a1a984c ]
}

# A recorded vector of a network that rspamd trained, and what rspamd said of it; in RNM1 with PCA and without.
@test "examples/score.c scores as rspamd does, linked either way" {
	[ -z "${SANITIZED:-}" ] || skip "sanitizer build"
	local name program
	[ "$(wc -l <"$ROOT/examples/score.c")" -lt 40 ]
	# shellcheck disable=SC2046
	cc -std=c17 -Wall -Wextra -Werror "$ROOT/examples/score.c" -o "$DIR/score" $(flags --cflags --libs)
	# shellcheck disable=SC2046
	cc "$ROOT/examples/score.c" -o "$DIR/score-static" $(flags --cflags) "$LIB/librnm.a" \
		$(pkg-config --libs lua5.1 libzstd libxxhash libsodium jansson) -pthread -lm
	for name in symbol_10 embedding_64 symbol_40_pca8; do
		/usr/bin/python3 "$RNM_TESTS/live/model_of_record.py" "$RNM_TESTS/data/models/$name" "$DIR/model"
		mapfile -t vector < <(jq '.rows[0].input[]' "$RNM_TESTS/data/models/$name.json")
		for program in score score-static; do
			LD_LIBRARY_PATH=$LIB "$DIR/$program" "$DIR/model" "${vector[@]}" >"$DIR/got"
			jq -e --slurpfile got "$DIR/got" '(.rows[0].output[0] - $got[0]) | fabs < 1e-5' \
				"$RNM_TESTS/data/models/$name.json" || { echo "$program $name: $(cat "$DIR/got")"; false; }
		done
	done
	LD_LIBRARY_PATH=$LIB run "$DIR/score" "$DIR/model" 1 2
	[ "$status" -eq 3 ]
	LD_LIBRARY_PATH=$LIB run "$DIR/score" "$DIR/nothing" 1
	[ "$status" -eq 4 ]
}

@test "the shared library has a versioned name and exports only its own" {
	readelf -d "$LIB/librnm.so" | grep -q 'SONAME.*\[librnm\.so\.1\]'
	[ "$(nm -D --defined-only "$LIB/librnm.so" | awk '$2 == "T" && $3 !~ /^rnm_/' | grep -vc asan)" = 0 ]
}

@test "the packages list exactly the symbols that the library exports" {
	diff <(awk '/^ / { sub(/@.*/, ""); print $1 }' "$ROOT/debian/librnm1.symbols") \
		<(nm -D --defined-only "$LIB/librnm.so" | awk '$3 ~ /^rnm_/ { print $3 }' | LC_ALL=C sort) || {
		echo "run scripts/deb-symbols"
		return 1
	}
}

@test "every public header compiles alone, as C and as C++17" {
	local compiler
	for compiler in g++ clang++; do
		command -v $compiler >/dev/null || continue
		echo '#include <rnm/rnm.h>' >"$DIR/all.cc"
		echo 'int main() { return rnm_version() == nullptr; }' >>"$DIR/all.cc"
		$compiler -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$DIR/usr/include" -fsyntax-only "$DIR/all.cc"
	done
	for header in "$DIR"/usr/include/rnm/*.h; do
		echo "#include <rnm/$(basename "$header")>" >"$DIR/one.c"
		cc -std=c17 -Wall -Wextra -Wpedantic -Werror -I"$DIR/usr/include" -fsyntax-only "$DIR/one.c"
		if command -v c++ >/dev/null; then
			c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$DIR/usr/include" -fsyntax-only "$DIR/one.c"
		fi
	done
}
