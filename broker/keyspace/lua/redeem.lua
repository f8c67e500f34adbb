-- Take back the slots that popped ids were given, and say who must use his lane although his connection has no rate.
--
-- KEYS  1 slots of the queue; 2 detours
-- ARGV  the ids
-- Returns the server's time in µs, all detours as field, value, …, and the slots as id, Unix µs, …
local time = redis.call("TIME")
local found = {}
if redis.call("EXISTS", KEYS[1]) == 1 then
  for _, id in ipairs(ARGV) do
    local slot = redis.call("HGET", KEYS[1], id)
    if slot then
      redis.call("HDEL", KEYS[1], id)
      found[#found + 1] = id
      found[#found + 1] = slot
    end
  end
end
return { time[1] * 1000000 + time[2], redis.call("HGETALL", KEYS[2]), found }
