-- SPDX-License-Identifier: Apache-2.0
-- What rspamd itself reads in an RNM1 file, one value a line, for comparison with decode.py.
-- usage: rspamadm lua -b decode.lua -a FILE
-- Exit status 1 with rspamd's own reason when it cannot parse the file.
local ucl = require "ucl"
local hash = require "rspamd_cryptobox_hash"

local function die(text)
  io.stderr:write(text, "\n")
  os.exit(1)
end

local file = io.open(arg[1], "rb") or die("cannot open " .. arg[1])
local data = file:read("*a")
file:close()

local parser = ucl.parser()
local ok, reason = parser:parse_string(data, "msgpack")
if not ok then
  die("failed to parse msgpack: " .. tostring(reason))
end

local lines = {}
local function show(path, value)
  local kind = type(value)
  if kind == "table" then
    local count = 0
    -- `next` itself: the metatable of parsed tables serves only the outermost one.
    for key, item in next, value do
      count = count + 1
      show(path .. "/" .. (type(key) == "number" and string.format("%d", key - 1) or key), item)
    end
    lines[#lines + 1] = path .. "\ttable\t" .. count
  elseif kind == "number" then
    lines[#lines + 1] = path .. "\tnumber\t" .. string.format("%.17g", value)
  elseif kind == "string" then
    lines[#lines + 1] = path .. "\tstring\t" .. #value .. "\t" .. hash.create():update(value):hex()
  else
    lines[#lines + 1] = path .. "\t" .. kind .. "\t" .. tostring(value)
  end
end

show("", parser:get_object())
table.sort(lines)
print(table.concat(lines, "\n"))
