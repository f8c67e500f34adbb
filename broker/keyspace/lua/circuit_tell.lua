-- Take note of how an endpoint answered: good closes its circuit, bad brings it nearer to opening or opens it again.
--
-- KEYS  1 the circuit
-- ARGV  1 "good", "bad", or "none" for a probe that was not made; 2 "probe" or empty; 3 failures in a row that open it;
--       4 first pause in ms, doubled at each failed probe up to 5 the longest; 6 the pause that the endpoint asked for
--       in ms, which opens it at once, or 0; 7 how long it is remembered after the pause, in ms
-- Returns the pause in ms, 0 while the circuit is closed
if ARGV[1] == "good" then
  redis.call("DEL", KEYS[1])
  return 0
end
if ARGV[1] == "none" then
  if redis.call("HDEL", KEYS[1], "probing") == 1 then redis.call("HSET", KEYS[1], "until", 0) end
  return 0
end
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local failures = tonumber(redis.call("HGET", KEYS[1], "failures") or 0)
local enough, asked = tonumber(ARGV[3]), tonumber(ARGV[6])
-- Those who failed together with the one that opened the circuit say nothing new.
if failures < enough or ARGV[2] == "probe" then failures = failures + 1 end
if asked > 0 then failures = math.max(failures, enough) end
local pause = 0
if failures >= enough then
  pause = math.max(math.min(ARGV[4] * 2 ^ (failures - enough), tonumber(ARGV[5])), asked)
  local known = tonumber(redis.call("HGET", KEYS[1], "until") or 0)
  if ARGV[2] == "probe" or known < now + pause then redis.call("HSET", KEYS[1], "until", now + pause) end
  if ARGV[2] == "probe" then redis.call("HDEL", KEYS[1], "probing") end
  redis.call("HSETNX", KEYS[1], "since", now)
end
redis.call("HSET", KEYS[1], "failures", failures)
redis.call("PEXPIRE", KEYS[1], math.floor(tonumber(ARGV[7]) + pause))
return math.floor(pause)
