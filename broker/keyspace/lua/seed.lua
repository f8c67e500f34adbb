-- Set counters that were counted anew, unless they are there, or Redis lost something since the counting began.
--
-- KEYS  1 mark of the counting; 2 day counter, 3 month counter, 4 credit counter
-- ARGV  1 what the mark must hold; 2 requests of the day and 3 life of that counter in s; 4, 5 the same of the month;
--       6 credit left (empty: none is needed), 7 version and 8 sum of what it is made from, 9 its life in s
-- Returns 1 if the counters are in place
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[2], ARGV[2], "NX", "EX", ARGV[3])
redis.call("SET", KEYS[3], ARGV[4], "NX", "EX", ARGV[5])
if ARGV[6] ~= "" and redis.call("EXISTS", KEYS[4]) == 0 then
  redis.call("HSET", KEYS[4], "left", ARGV[6], "version", ARGV[7], "adjusted", ARGV[8])
  redis.call("EXPIRE", KEYS[4], ARGV[9])
end
return 1
