-- Count a wrong password, and hold up whoever guessed it: the longer, the more were tried.
--
-- KEYS  1 what was tried for the account from the source; 2 count of the account, 3 of the source; 4 hold of the
--       account from the source, 5 of the source
-- ARGV  1 mark of the password; 2 life of the counts in s; 3 free tries of one account from one source, 4 of an
--       account, 5 of a source; 6 first and 7 longest hold in ms
-- Returns for how many ms the account is held up from the source, and the source altogether; a password that was tried
-- before is no guess
if redis.call("SADD", KEYS[1], ARGV[1]) == 0 then
  return { math.max(redis.call("PTTL", KEYS[4]), 0), math.max(redis.call("PTTL", KEYS[5]), 0) }
end
local function hold(count, free)
  if count <= tonumber(free) then return 0 end
  return math.floor(math.min(ARGV[6] * 2 ^ math.min(count - free - 1, 32), tonumber(ARGV[7])))
end
local pair = hold(redis.call("SCARD", KEYS[1]), ARGV[3])
local account = hold(redis.call("INCR", KEYS[2]), ARGV[4])
local source = hold(redis.call("INCR", KEYS[3]), ARGV[5])
for n = 1, 3 do redis.call("EXPIRE", KEYS[n], ARGV[2]) end
local longest = math.max(pair, account)
if longest > 0 then redis.call("SET", KEYS[4], "", "PX", longest) end
if source > 0 then redis.call("SET", KEYS[5], "", "PX", source) end
return { longest, source }
