-- Enter ids in a ready list whose content SQL holds, and ring.
--
-- KEYS  1 ready list; 2 ring list
-- ARGV  1 most rings that may wait; 2 the ring; then the ids
-- Returns how many wait now
local waiting = 0
for n = 3, #ARGV do
  waiting = redis.call("LPUSH", KEYS[1], ARGV[n])
end
if redis.call("LLEN", KEYS[2]) < tonumber(ARGV[1]) then
  redis.call("LPUSH", KEYS[2], ARGV[2])
end
return waiting
