/* SPDX-License-Identifier: Apache-2.0 */
/* Templates that want too much, and some that only look dangerous. */
#ifndef RNM_TESTS_TEMPLATE_HOSTILE_H
#define RNM_TESTS_TEMPLATE_HOSTILE_H

#define LIMIT "config.limit"
#define FAULT "config.template"

static const struct {
	const char *text;
	const char *id;
	const char *message;
} hostile[] = {
	/* endless work */
	{ "{% do while true do end %}", LIMIT, "finish within" },
	{ "{% do repeat until false %}", LIMIT, "finish within" },
	{ "{% do local function f() return f() end f() %}", LIMIT, "finish within" },
	{ "{% for i in function() return 1, 1 end %}{% endfor %}", LIMIT, "finish within" },
	{ "{% for i in function() return 1, 1 end if false %}{% endfor %}", LIMIT, "finish within" },
	{ "{% for i in function() while true do end end %}{% endfor %}", LIMIT, "finish within" },
	{ "{= {1,2}|select(function() while true do end end) =}", LIMIT, "finish within" },
	{ "{% macro m(n) %}{% if n > 0 %}{= m(n-1) =}{= m(n-1) =}{% endif %}{% endmacro %}{= m(40) =}", LIMIT,
	  "finish within" },
	{ "{% do local c = cycler() for i = 1, 1e12 do c:next() end %}", LIMIT, "finish within" },
	{ "{= (\"x\"):gsub(\"\", function() while true do end end) =}", LIMIT, "finish within" },
	{ "{% do table.sort({3,1,2}, function() while true do end end) %}", LIMIT, "finish within" },
	{ "{% do for i = 1, 1e12 do os.date((\"%c\"):rep(1e5)) end %}", LIMIT, "finish within" },
	/* work inside C functions */
	{ "{= (\"a\"):rep(100):find((\"a?\"):rep(100) .. (\"a\"):rep(100)) =}", LIMIT, "finish within" },
	{ "{= (\"a\"):rep(3000):match((\"a*\"):rep(30) .. \"b\") =}", LIMIT, "finish within" },
	{ "{= (\"a\"):rep(1e6):match(\"(.-)b\") =}", LIMIT, "finish within" },
	{ "{= (\"a\"):rep(1e6):gsub(\".-b\", \"\") =}", LIMIT, "finish within" },
	{ "{% for x in (\"a\"):rep(1e6):gmatch(\".-b\") %}{% endfor %}", LIMIT, "finish within" },
	{ "{= (\"a\"):rep(1e6)|replace(\".-b\", \"\") =}", LIMIT, "finish within" },
	{ "{= is_match((\"a\"):rep(1e6), \".-b\") =}", LIMIT, "finish within" },
	{ "{= (\"(\"):rep(1e6):find(\"%b()\") =}", LIMIT, "finish within" },
	{ "{= (\"a\"):rep(1e5):find(\"(.*)%1b\") =}", LIMIT, "finish within" },
	{ "{% do local t = range(1e5) for i = 1, 1e6 do table.insert(t, 1, i) end %}", LIMIT, "" },
	{ "{% do local t = range(1e5) for i = 1, 1e6 do table.remove(t, 1) end %}", LIMIT, "finish within" },
	{ "{% do local t = range(2e5) for i = 1, 1e6 do table.sort(t) end %}", LIMIT, "finish within" },
	{ "{% do local t = range(2e5) for i = 1, 1e9 do table.maxn(t) end %}", LIMIT, "finish within" },
	{ "{% do local s = (\"x\"):rep(3e6) for i = 1, 1e9 do local t = s:upper() end %}", LIMIT,
	  "finish within" },
	{ "{% do local s = (\"x\"):rep(3e6) for i = 1, 1e9 do local t = s .. i end %}", LIMIT,
	  "finish within" },
	{ "{% do local s = (\"1\"):rep(3e6) for i = 1, 1e9 do local t = s + 1 end %}", LIMIT,
	  "finish within" },
	{ "{% do local s = (\"1\"):rep(3e6) for i = 1, 1e9 do tonumber(s) end %}", LIMIT, "finish within" },
	/* memory */
	{ "{% do local t = {} while true do t[#t + 1] = 1 end %}", LIMIT, "4 MiB" },
	{ "{% do local t = {} while true do t = {t} end %}", LIMIT, "" },
	{ "{% do local s = \"x\" while true do s = s .. s end %}", LIMIT, "4 MiB" },
	{ "{% do local t = {} for i = 1, 1e6 do t[i] = (\"x\"):rep(1e6) .. i end %}", LIMIT, "" },
	{ "{= (\"x\"):rep(1e9) =}", LIMIT, "string.rep" },
	{ "{= (\"x\"):rep(1e300) =}", LIMIT, "string.rep" },
	{ "{= (\"\"):rep(1e9, \"x\") =}", LIMIT, "string.rep" },
	{ "{= range(1e9) =}", LIMIT, "4 MiB" },
	{ "{= range(1, 1e300) =}", LIMIT, "" },
	{ "{= table.concat(range(1e5), (\"x\"):rep(1000)) =}", LIMIT, "4 MiB" },
	{ "{= range(1e5)|join((\"x\"):rep(1000)) =}", LIMIT, "4 MiB" },
	{ "{= {1}|batch(1e9, \"x\") =}", LIMIT, "4 MiB" },
	{ "{= {1}|slice(1e9) =}", LIMIT, "4 MiB" },
	{ "{= \"x\"|center(1e9) =}", LIMIT, "4 MiB" },
	{ "{= \"x\"|indent(1e9, true) =}", LIMIT, "indents" },
	{ "{= (\"x\"):rep(1e6)|split(\"x\") =}", LIMIT, "" },
	{ "{= (\"x\"):rep(1e6):gsub(\"x\", (\"y\"):rep(1e6)) =}", LIMIT, "" },
	{ "{% for i in range(2e5) %}{% for j in range(2e5) %}xxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% "
	  "endfor %}",
	  LIMIT, "" },
	{ "{% filter upper %}{% for i in range(2e5) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfilter "
	  "%}",
	  LIMIT, "4 MiB" },
	/* depth */
	{ "{% macro m() %}{= m() =}{% endmacro %}{= m() =}", LIMIT, "150 template bodies" },
	{ "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{= m() =}", LIMIT, "150 template bodies" },
	{ "{% set t = {} %}{% do for i = 1, 1000 do t = {t} end %}{= t|tojson =}", LIMIT, "100 tables" },
	{ "{% set t = {} %}{% do t.t = t %}{= t|tojson =}", LIMIT, "100 tables" },
	{ "{% set t = {} %}{% do for i = 1, 1000 do t = {t} end %}{= t|string =}", LIMIT, "100 lists" },
	{ "{% do local function f() return 1 + f() end f() %}", FAULT, "stack overflow" },
	{ "{% do function f(s) return (s:gsub(\"x\", f)) end f(\"x\") %}", FAULT, "C stack overflow" },
	{ "{% set f = nil %}{% do f = function(x) return {x}|1 end %}", FAULT, "" },
	{ "{= (\"x\"):match((\"(\"):rep(100)) =}", FAULT, "too many captures" },
	{ "{= (\"x\"):rep(1e4):match((\".?\"):rep(1e4)) =}", FAULT, "pattern too complex" },
	/* odd arguments of C functions */
	{ "{% do table.insert({}, -1e9, 1) %}", FAULT, "out of bounds" },
	{ "{% do table.insert({}, -2147483648, 1) %}", FAULT, "out of bounds" },
	{ "{% do table.insert({}, 0/0, 1) %}", FAULT, "out of bounds" },
	{ "{% do table.insert({}, -9e8, 1) %}", LIMIT, "finish within" },
	{ "{= string.format(\"%99999d\", 1) =}", FAULT, "invalid format" },
	{ "{= (\"x\"):rep(1e6):byte(1, -1) =}", FAULT, "string slice too long" },
	{ "{= range(1, 3, 0) =}", FAULT, "table overflow" },
	/* the way out of the sandbox */
	{ "{% do string.gsub = nil %}", FAULT, "library table" },
	{ "{% do string.x = 1 %}", FAULT, "library table" },
	{ "{% do os.date = 1 %}", FAULT, "library table" },
	{ "{% do math.floor = 1 %}", FAULT, "library table" },
	{ "{% do table.concat = 1 %}", FAULT, "library table" },
	{ "{% do getmetatable(\"\").__index = nil %}", FAULT, "getmetatable" },
	{ "{% do setmetatable(env, {}) %}", FAULT, "setmetatable" },
	{ "{% do load(\"x = 1\") %}", FAULT, "'load'" },
	{ "{% do loadstring(\"x = 1\") %}", FAULT, "'loadstring'" },
	{ "{% do dofile(\"/etc/passwd\") %}", FAULT, "'dofile'" },
	{ "{% do require(\"os\") %}", FAULT, "'require'" },
	{ "{% do io.open(\"/etc/passwd\") %}", FAULT, "'io'" },
	{ "{% do os.execute(\"true\") %}", FAULT, "'execute'" },
	{ "{% do os.exit(0) %}", FAULT, "'exit'" },
	{ "{% do setfenv(1, {}) %}", FAULT, "'setfenv'" },
	{ "{% do coroutine.create(1) %}", FAULT, "'coroutine'" },
	{ "{% do debug.sethook() %}", FAULT, "'debug'" },
	{ "{% do collectgarbage(\"stop\") %}", FAULT, "'collectgarbage'" },
	{ "{% do newproxy(true) %}", FAULT, "'newproxy'" },
	{ "{% do pcall(function() while true do end end) %}", FAULT, "'pcall'" },
	{ "{= (\"\"):dump() =}", FAULT, "'dump'" },
	{ "{= string.dump(is_odd) =}", FAULT, "'dump'" },
	{ "{% do \033Lua %}", FAULT, "unexpected symbol" },
	{ "{= \033Lua =}", FAULT, "unexpected symbol" },
};

static const struct {
	const char *text;
	const char *output;
} harmless[] = {
	{ "{= setmetatable =}{= rawset =}{= getfenv =}{= package =}{= _G =}{= next =}{= unpack =}{= error =}",
	  "" },
	{ "{% do table.insert(string, 1, 5) %}{= (\"x\"):rep(2) =}", "xx" },
	{ "{= (pairs({}))(string) =}{% for k in pairs(string) %}{= k =}{% endfor %}", "" },
	{ "{% set string = 5 %}{= (\"x\"):upper() =}{= {\"b\",\"A\"}|sort|join =}", "XAb" },
	{ "{= (\"\"):rep(1e9) =}{= (\"x\"):rep(0/0) =}{= (\"x\"):rep(-1) =}", "" },
	{ "{= (\"a\"):rep(1e6):find((\"a\"):rep(5e5) .. \"b\", 1, true) =}", "" },
	{ "{= (\"x\"):match((\"x?\"):rep(10000)) =}", "x" },
	{ "{= table.concat({}, \"\", 1, 0) =}{= select(\"#\", table.concat({})) =}", "1" },
	{ "{= (\"<!--\"):rep(1e5)|striptags|length =}{= (\"<\"):rep(1e5)|striptags|length =}",
	  "400000100000" },
	{ "{= (function(...) return select(\"#\", ...) end)(1, 2, 3) =}", "3" },
	{ "{= (\"x\"):gsub(\"x\", function() return ((\"y\"):gsub(\"y\", \"z\")) end) =}", "z" },
	{ "{% macro f(n) %}{= n =}{% if n > 0 %}{= f(n - 1) =}{% endif %}{= n =}{% endmacro %}{= f(3) =}",
	  "32100123" },
	{ "{% for i in range(3) %}{% for j in range(3) %}{= i * j =} {% endfor %}{% endfor %}",
	  "1 2 3 2 4 6 3 6 9 " },
	{ "{= \"\\x41\\u{e9}\\z   B\" =}{= [[\\x41]] =}{= \"a\" --[[ \\q ]] =}", "A\xc3\xa9"
	                                                                         "B\\x41a" },
};

#endif
