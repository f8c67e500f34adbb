-- Take ids that wait; those that SQL does not hold yet will be put back unless they are dropped in time.
--
-- KEYS  1 ready list; 2 outbox; 3 how many tries of each id began; 4 ring list; 5 newly admitted ids; 6 their rounds
-- ARGV  1 most ids; 2 first put-back delay in ms, doubled after each try up to 3 the longest; 4 most rings that may
--       wait; 5 the ring
-- Returns the server's time in ms, then each id followed by the number of the try that may begin now: the taker
-- counts it when it begins, since this answer may be lost
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, answer = tonumber(ARGV[1]), { now }

local function take(id)
  local begun = tonumber(redis.call("HGET", KEYS[3], id) or 0)
  local delay = math.min(ARGV[2] * 2 ^ begun, tonumber(ARGV[3]))
  redis.call("ZADD", KEYS[2], "XX", now + delay, id)
  answer[#answer + 1] = id
  answer[#answer + 1] = begun + 1
end
local function take_ready(count)
  for _, id in ipairs(count > 0 and redis.call("RPOP", KEYS[1], count) or {}) do take(id) end
end

-- Half for what SQL holds, half for what is new: neither keeps the other waiting.
take_ready(math.ceil(most / 2))
local turns = redis.call("ZPOPMIN", KEYS[5], most - (#answer - 1) / 2)
local last = {}
for n = 1, #turns, 2 do
  take(turns[n])
  last[math.floor(turns[n + 1] / 2 ^ 45)] = turns[n + 1]
end
for class, turn in pairs(last) do redis.call("HSET", KEYS[6], class, turn) end
take_ready(most - (#answer - 1) / 2)
local new = redis.call("ZCARD", KEYS[5])
if new == 0 then redis.call("UNLINK", KEYS[6]) end -- whoever comes next begins a new first round
if new + redis.call("LLEN", KEYS[1]) > 0 and redis.call("LLEN", KEYS[4]) < tonumber(ARGV[4]) then
  redis.call("LPUSH", KEYS[4], ARGV[5])
end
return answer
