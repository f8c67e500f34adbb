-- Let ids wait again that nobody has popped and that wait nowhere: what they waited in was deleted.
--
-- KEYS  1 outbox; 2 newly admitted ids; 3 rounds
-- ARGV  1 longest delay of a popped id in ms; then the ids
-- Returns how many of them were missing
local time = redis.call("TIME")
local popped = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1] + 1000
local turn, missing = redis.call("HGET", KEYS[3], "0") or 0, 0
for n = 2, #ARGV do
  local due = redis.call("ZSCORE", KEYS[1], ARGV[n])
  if due and tonumber(due) > popped then
    missing = missing + redis.call("ZADD", KEYS[2], "NX", turn, ARGV[n])
  end
end
return missing
