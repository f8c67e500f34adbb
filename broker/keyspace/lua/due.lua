-- Let what fell due take turns by its sender, move those whose turn is next to the ready list, and ring.
--
-- KEYS  1 schedule; 2 ready list; 3 ring list; 4 turns of what is due; 5 rounds of these
-- ARGV  1 most entries; 2 most rings that may wait; 3 the ring; 4 how long the ready list may become by this;
--       5 whether to move ids also while more is due that takes no turns yet (1)
-- Returns how many entries fell due, and how many ids were moved to the ready list
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entries = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, ARGV[1])
for _, entry in ipairs(entries) do
  local id, flow = entry:match("^(%S+) ?(.*)$")
  local class = tonumber(flow:sub(1, 1)) or 0
  local before = redis.call("HMGET", KEYS[5], class, flow)
  local turn = math.max(before[1] or class * 2 ^ 45, before[2] or 0)
  if redis.call("ZADD", KEYS[4], "NX", turn, id) == 1 then
    redis.call("HSET", KEYS[5], flow, string.format("%.0f", turn + 1))
  end
end
if #entries > 0 then redis.call("ZREM", KEYS[1], unpack(entries)) end

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
