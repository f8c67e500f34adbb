-- Give no slots to a sender, or to a connection, for a while; let what it sends meanwhile use its lanes.
--
-- KEYS  1 pace of the sender or the connection; 2 detours
-- ARGV  1 how long in ms; 2 its field among the detours
-- Returns Unix ms until which it is slowed
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local till = math.max(now + ARGV[1] * 1000, tonumber(redis.call("GET", KEYS[1]) or 0))
redis.call("SET", KEYS[1], string.format("%.0f", till), "PX", math.ceil((till - now) / 1000) + 1000)
redis.call("HSET", KEYS[2], ARGV[2], math.ceil(till / 1000))
redis.call("EXPIRE", KEYS[2], 86400)
return math.ceil(till / 1000)
