-- Move ids whose time has come from a schedule to its ready list, and ring.
--
-- KEYS  1 schedule; 2 ready list; 3 ring list
-- ARGV  1 most ids; 2 most rings that may wait; 3 the ring
-- Returns how many were moved
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, ARGV[1])
for _, id in ipairs(ids) do
  redis.call("LPUSH", KEYS[2], id)
  redis.call("ZREM", KEYS[1], id)
end
if #ids > 0 and redis.call("LLEN", KEYS[3]) < tonumber(ARGV[2]) then
  redis.call("LPUSH", KEYS[3], ARGV[3])
end
return #ids
