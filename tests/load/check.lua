-- SPDX-License-Identifier: Apache-2.0
-- For wrk: looks at each answer, and keeps one body of each ETag for `run` to hash.  arguments: FOLDER PREFIX
--
-- Bodies are compared whole: Lua has each string once, so that two that are equal are one.
local numbered = 0
local threads = {}

function setup(thread)
  numbered = numbered + 1
  thread:set("number", numbered)
  threads[numbered] = thread
end

function init(args)
  folder, prefix = args[1], args[2]
  bodies, wrong, answers, example = {}, 0, 0, ""
end

local function keep(etag, body)
  local file = assert(io.open(string.format("%s/%s-%d-%s", folder, prefix, number, etag), "wb"))
  assert(file:write(body))
  file:close()
  bodies[etag] = body
end

function response(status, headers, body)
  local etag = (headers["ETag"] or ""):match('^"(%x+)"$')
  answers = answers + 1
  if status == 200 and etag and not bodies[etag] then
    keep(etag, body)
  end
  if status ~= 200 or not etag or bodies[etag] ~= body or tonumber(headers["Content-Length"]) ~= #body then
    wrong = wrong + 1
    example = string.format("status %s, ETag %s, Content-Length %s, %d bytes", status, etag, headers["Content-Length"], #body)
  end
end

-- A line of JSON behind what wrk prints itself.
function done(summary)
  local errors, total, bad, words = summary.errors, 0, 0, ""
  for _, thread in ipairs(threads) do
    total = total + thread:get("answers")
    bad = bad + thread:get("wrong")
    words = words ~= "" and words or thread:get("example")
  end
  io.write(string.format('\n{"answers": %d, "wrong": %d, "example": "%s", "connect": %d, "read": %d, "write": %d, "timeout": %d}\n',
    total, bad, words, errors.connect, errors.read, errors.write, errors.timeout))
end
