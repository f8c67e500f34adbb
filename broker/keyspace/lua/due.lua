-- Let what fell due take turns by its sender, move those whose turn is next to the ready list, and ring.
--
-- KEYS  1 schedule; 2 ready list; 3 ring list; 4 turns of what is due; 5 rounds of these
-- ARGV  1 most entries; 2 most rings that may wait; 3 the ring; 4 how long the ready list may become by this;
--       5 whether to move ids also while more is due that takes no turns yet (1)
-- Returns how many entries fell due, and how many ids were moved to the ready list
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entries = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, ARGV[1])
if #entries > 0 then
  local ids, flow_of, turn, names, added = {}, {}, {}, {}, {}
  for n, entry in ipairs(entries) do
    ids[n], flow_of[n] = entry:match("^(%S+) ?(.*)$")
    if not turn[flow_of[n]] then
      turn[flow_of[n]] = tonumber(flow_of[n]:sub(1, 1)) or 0
      names[#names + 1] = flow_of[n]
      names[#names + 1] = turn[flow_of[n]]
    end
  end
  local before = redis.call("HMGET", KEYS[5], unpack(names))
  for n = 1, #names, 2 do turn[names[n]] = math.max(before[n] or 0, before[n + 1] or names[n + 1] * 2 ^ 45) end
  local waits = redis.call("ZMSCORE", KEYS[4], unpack(ids))
  for n, id in ipairs(ids) do
    if not waits[n] then
      added[#added + 1] = turn[flow_of[n]]
      added[#added + 1] = id
      turn[flow_of[n]] = turn[flow_of[n]] + 1
    end
  end
  if #added > 0 then redis.call("ZADD", KEYS[4], "NX", unpack(added)) end
  for n = 1, #names, 2 do names[n + 1] = string.format("%.0f", turn[names[n]]) end
  redis.call("HSET", KEYS[5], unpack(names))
  redis.call("ZREMRANGEBYRANK", KEYS[1], 0, #entries - 1)
end

local all = #entries < tonumber(ARGV[1]) or ARGV[5] == "1"
local room = ARGV[4] - redis.call("LLEN", KEYS[2])
local turns = all and room > 0 and redis.call("ZPOPMIN", KEYS[4], room) or {}
for n = 1, #turns, 2 do
  redis.call("LPUSH", KEYS[2], turns[n])
  redis.call("HSET", KEYS[5], math.floor(turns[n + 1] / 2 ^ 45), turns[n + 1])
end
if redis.call("ZCARD", KEYS[4]) == 0 then redis.call("UNLINK", KEYS[5]) end -- the next begins a new first round
if #turns > 0 and redis.call("LLEN", KEYS[3]) < tonumber(ARGV[2]) then
  redis.call("LPUSH", KEYS[3], ARGV[3])
end
return { #entries, #turns / 2 }
