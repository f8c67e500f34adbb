-- Put ids back on a ready list that were popped and not recorded in time, and ring for a list that nobody hears.
--
-- KEYS  1 outbox; 2 ready list; 3 ring list
-- ARGV  1 most ids; 2 delay in ms until an id may be put back again; 3 longest delay of a popped id in ms; 4 the ring
-- Returns how many ids were put back
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, ARGV[1])
if #lost == 0 and redis.call("EXISTS", KEYS[2]) == 0 then
  -- What nobody popped waits in the list; the list is gone, so it was deleted.
  lost = redis.call("ZRANGEBYSCORE", KEYS[1], now + ARGV[3] + 1000, "+inf", "LIMIT", 0, ARGV[1])
end
for _, id in ipairs(lost) do
  redis.call("RPUSH", KEYS[2], id) -- it has waited longest
  redis.call("ZADD", KEYS[1], now + ARGV[2], id)
end
if redis.call("LLEN", KEYS[2]) > 0 and redis.call("LLEN", KEYS[3]) == 0 then
  redis.call("LPUSH", KEYS[3], ARGV[4])
end
return #lost
