-- Let ids wait again that were popped and not recorded in time, and ring for a queue that nobody hears.
--
-- KEYS  1 outbox; 2 ready list; 3 ring list; 4 newly admitted ids; 5 rounds
-- ARGV  1 most ids; 2 delay in ms until an id may be put back again; 3 longest delay of a popped id in ms; 4 the ring
-- Returns how many ids were put back, and how many wait by the outbox that are not there
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, ARGV[1])
local turn = redis.call("HGET", KEYS[5], "0") or 0 -- the one before all others: it has waited longest
for _, id in ipairs(lost) do
  redis.call("ZADD", KEYS[4], turn, id)
  redis.call("ZADD", KEYS[1], now + ARGV[2], id)
end
local waiting = redis.call("ZCARD", KEYS[4]) + redis.call("LLEN", KEYS[2])
if waiting > 0 and redis.call("LLEN", KEYS[3]) == 0 then redis.call("LPUSH", KEYS[3], ARGV[4]) end
return { #lost, redis.call("ZCOUNT", KEYS[1], now + ARGV[3] + 1000, "+inf") - waiting }
