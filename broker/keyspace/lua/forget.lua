-- Delete a key that still holds what is to be forgotten.
--
-- KEYS  1 the key
-- ARGV  1 the value
-- Returns 1 if it was deleted, 0 if another value has taken its place
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
