-- Take in a micro-batch of webhooks: store each body once, let it wait for a take, enter it in the outbox, ring.
--
-- KEYS  1 newly admitted ids; 2 rounds; 3 outbox; 4 ring list; then the content key of each webhook
-- ARGV  1 put-back delay in ms; 2 most rings that may wait; 3 the ring; then the content of each webhook
-- Returns how many were new; one that is waiting already is not entered again, so the call may be repeated
local time = redis.call("TIME")
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local new = 0
for n = 5, #KEYS do
  if redis.call("SET", KEYS[n], ARGV[n - 1], "NX") then
    local digest = KEYS[n]:sub(6) -- without "hook:"
    -- First come, first served: all carriers share one flow.
    redis.call("ZADD", KEYS[1], redis.call("HINCRBY", KEYS[2], "0:", 1), digest)
    redis.call("ZADD", KEYS[3], due, digest)
    new = new + 1
  else
    redis.call("HINCRBY", KEYS[2], "0:", 0) -- a write, so that WAITAOF and WAIT cover the first call
  end
end
if redis.call("LLEN", KEYS[4]) < tonumber(ARGV[2]) then
  redis.call("LPUSH", KEYS[4], ARGV[3])
end
return new
