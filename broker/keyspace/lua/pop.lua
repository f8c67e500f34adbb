-- Take ids that wait; those that SQL does not hold yet will be put back unless they are dropped in time.
--
-- KEYS  1 ready list; 2 outbox; 3 how many tries of each id began; 4 ring list; 5 newly admitted ids; 6 their rounds
-- ARGV  1 most ids; 2 first put-back delay in ms, doubled after each try up to 3 the longest; 4 most rings that may
--       wait; 5 the ring; 6 most ids of a crowd that has company (-1: as of any); 7 whether its company may be taken
--       without it (1); 8 for how long one is company after its last message in ms
-- Returns the server's time in ms, whose take it is (see ready.Share), then each id followed by the number of the try
-- that may begin now: the taker counts it when it begins, since this answer may be lost
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, crowd, near, share, answer = tonumber(ARGV[1]), tonumber(ARGV[6]), 0, 0, { now, 0 }

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
local function waiting() return redis.call("ZCARD", KEYS[5]) + redis.call("LLEN", KEYS[1]) end
local function class_of(turn) return math.floor(turn / 2 ^ 45) end

-- More waits than a take holds. What has a turn that is over belongs to accounts of which nothing else waited: company.
if crowd >= 0 and waiting() > most then
  local head = redis.call("ZRANGE", KEYS[5], 0, 0, "WITHSCORES")
  local over = head[1] and redis.call("HGET", KEYS[6], class_of(head[2]))
  near = over and redis.call("ZCOUNT", KEYS[5], "-inf", over) or 0
  if near > 0 then redis.call("HSET", KEYS[6], "company", now + ARGV[8]) end
  if tonumber(redis.call("HGET", KEYS[6], "company") or 0) > now then
    share = near > 0 and (ARGV[7] == "1" or crowd == 0) and 1 or 2
    most = math.min(most, share == 1 and near or near + crowd)
  end
end
-- Half for what SQL holds, half for what is new: neither keeps the other waiting.
if share ~= 1 then take_ready(math.ceil((most - near) / 2)) end
local turns, last = redis.call("ZPOPMIN", KEYS[5], most - (#answer - 2) / 2), {}
for n = 1, #turns, 2 do
  take(turns[n])
  last[class_of(turns[n + 1])] = turns[n + 1]
end
local head = redis.call("ZRANGE", KEYS[5], 0, 0, "WITHSCORES")
for class, turn in pairs(last) do
  if turn == head[2] then turn = math.max(turn - 1, class * 2 ^ 45) end -- it is not over yet
  redis.call("HSET", KEYS[6], class, string.format("%.0f", turn))
end
take_ready(most - (#answer - 2) / 2)
if redis.call("ZCARD", KEYS[5]) == 0 then redis.call("UNLINK", KEYS[6]) end -- the next begins a new first round
local refused = share == 2 and #answer == 2 -- a take for the crowd that is under way rings when it ends
if not refused and waiting() > 0 and redis.call("LLEN", KEYS[4]) < tonumber(ARGV[4]) then
  redis.call("LPUSH", KEYS[4], ARGV[5])
end
answer[2] = share
return answer
