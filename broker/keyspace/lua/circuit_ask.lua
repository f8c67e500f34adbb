-- Say whether endpoints may be tried; one whose pause is over gets a single probe, and pauses on meanwhile.
--
-- KEYS  the circuits
-- ARGV  1 failures in a row that open a circuit; 2 how long a probe may take in ms
-- Returns for each: 1 as you like, 0 not now, 2 one probe
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answers = {}
for n, key in ipairs(KEYS) do
  local known = redis.call("HMGET", key, "failures", "until")
  if tonumber(known[1] or 0) < tonumber(ARGV[1]) then
    answers[n] = 1
  elseif tonumber(known[2] or 0) > now then
    answers[n] = 0
  else
    redis.call("HSET", key, "until", now + ARGV[2], "probing", 1)
    if redis.call("PTTL", key) < 2 * ARGV[2] then redis.call("PEXPIRE", key, 2 * ARGV[2]) end
    answers[n] = 2
  end
end
return answers
