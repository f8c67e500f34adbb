-- Take ids from a ready list; those that SQL does not hold yet will be put back unless they are dropped in time.
--
-- KEYS  1 ready list; 2 outbox; 3 how often each id was popped; 4 ring list
-- ARGV  1 most ids; 2 first put-back delay in ms, doubled at each pop up to 3 the longest; 4 most rings that may
--       wait; 5 the ring
-- Returns the server's time in ms, then each id followed by how often it has been popped
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = { now }
for _, id in ipairs(redis.call("RPOP", KEYS[1], ARGV[1]) or {}) do
  local pops = redis.call("HINCRBY", KEYS[3], id, 1)
  local delay = math.min(ARGV[2] * 2 ^ (pops - 1), tonumber(ARGV[3]))
  redis.call("ZADD", KEYS[2], "XX", now + delay, id)
  answer[#answer + 1] = id
  answer[#answer + 1] = pops
end
if redis.call("LLEN", KEYS[1]) > 0 and redis.call("LLEN", KEYS[4]) < tonumber(ARGV[4]) then
  redis.call("LPUSH", KEYS[4], ARGV[5])
end
return answer
