-- Take in a micro-batch of webhooks: store each body once, enter it in the ready list and the outbox, ring.
--
-- KEYS  1 ready list; 2 outbox; 3 ring list; then the content key of each webhook
-- ARGV  1 put-back delay in ms; 2 most rings that may wait; 3 the ring; then the content of each webhook
-- Returns how many were new; one that is waiting already is not entered again, so the call may be repeated
local time = redis.call("TIME")
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local new = 0
for n = 4, #KEYS do
  if redis.call("SET", KEYS[n], ARGV[n], "NX") then
    local digest = KEYS[n]:sub(6) -- without "hook:"
    redis.call("LPUSH", KEYS[1], digest)
    redis.call("ZADD", KEYS[2], due, digest)
    new = new + 1
  end
end
if redis.call("LLEN", KEYS[3]) < tonumber(ARGV[2]) then
  redis.call("LPUSH", KEYS[3], ARGV[3])
end
return new
