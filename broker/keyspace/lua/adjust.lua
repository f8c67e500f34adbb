-- Let a credit counter learn what was given, taken or given back since it was counted.
--
-- KEYS  1 credit counter
-- ARGV  1 version and 2 sum of all changes, as the record has them
-- Returns what is left and the version it is true of; nothing where there is no counter
local known = redis.call("HMGET", KEYS[1], "version", "adjusted")
if not known[1] then return {} end
if tonumber(ARGV[1]) > tonumber(known[1]) then
  redis.call("HINCRBY", KEYS[1], "left", string.format("%.0f", ARGV[2] - known[2]))
  redis.call("HSET", KEYS[1], "version", ARGV[1], "adjusted", ARGV[2])
end
return redis.call("HMGET", KEYS[1], "left", "version")
