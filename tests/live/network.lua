-- SPDX-License-Identifier: Apache-2.0
-- Networks in rspamd itself: trains one, or asks one for its scores.
-- usage: rspamadm lua -b network.lua -a train -a SEED -a EARLIER -a OUT   after EARLIER other networks, which
--                                                 decides on the initial weights: rspamd never seeds them
--        rspamadm lua -b network.lua -a score -a MODEL -a VECTORS     RNM1 or KANN; one line of numbers a vector
local kann = require "rspamd_kann"
local ucl = require "ucl"
local util = require "rspamd_util"

local inputs = 12

local function read(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("*a")
  file:close()
  return data
end

local function build()
  local t = kann.layer.input(inputs)
  t = kann.transform.relu(t)
  t = kann.layer.dense(t, 19)
  t = kann.layer.cost(t, 1, kann.cost.ceb_neg)
  return kann.new.kann(t)
end

local function train(seed, earlier, out)
  local network
  for _ = 0, earlier do
    network = build()
  end
  math.randomseed(seed)
  local vectors, truth = {}, {}
  for i = 1, 400 do
    local spam = i % 2 == 0
    local v = {}
    for j = 1, inputs do
      v[j] = math.random() < ((spam and j <= 6) and 0.6 or 0.2) and math.random() or 0
    end
    vectors[i], truth[i] = v, { spam and 1 or -1 }
  end
  network:train1(vectors, truth, { lr = 0.01, max_epoch = 25, mini_size = 64 })
  local file = assert(io.open(out, "wb"))
  file:write(tostring(network:save()))
  file:close()
end

local function load(path)
  local data = read(path)
  if data:sub(1, 4) == "KAN\1" then
    return kann.load(data)
  end
  local parser = ucl.parser()
  assert(parser:parse_string(data, "msgpack"))
  local failure, network = util.zstd_decompress(parser:get_object().ann_data)
  assert(not failure, failure)
  return kann.load(network)
end

local function score(model, vectors)
  local network = assert(load(model), "rspamd does not load the network")
  for line in io.lines(vectors) do
    local v = {}
    for number in line:gmatch("%S+") do
      v[#v + 1] = tonumber(number)
    end
    print(string.format("%.9g", network:apply1(v)[1]))
  end
end

if arg[1] == "train" then
  train(tonumber(arg[2]), tonumber(arg[3]), arg[4])
else
  score(arg[2], arg[3])
end
