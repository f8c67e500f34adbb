-- Admit a micro-batch of send requests: each is taken whole or refused whole, and a repeated call changes nothing.
--
-- KEYS  1 what this call was answered before; 2 ready list, 3 outbox and 4 ring list of normal messages; 5, 6, 7 the
--       same of urgent ones; the contents of the simple requests; then for each other request: idempotency key, day
--       counter, month counter, credit counter (key 1 where it has none), and the contents of its messages
-- ARGV  1 put-back delay in ms; 2 most rings that may wait; 3 normal and 4 urgent ring; 5 life of key 1 in ms; 6 life
--       of an idempotency key in ms; 7 how many requests are simple (one normal message, no key, no limit), and the
--       content of each; then for each other request: first of its three queue keys (2 or 5), digest (empty: no
--       key), what a replay is told, day limit, month limit, credit wanted (each empty: none), messages n, of these
--       to enter in the ready list, and the n contents
-- Returns one line for each request that is not simple: ok | same <digest> <told> | other | cold | day | month | credit
local before = redis.call("GET", KEYS[1])
if before then
  redis.call("PEXPIRE", KEYS[1], ARGV[5]) -- a write, so that WAITAOF on a new connection covers the first call
  return before
end
local time = redis.call("TIME")
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local answers, contents, entered, k, a = {}, {}, { [2] = {}, [5] = {} }, 8 + ARGV[7], 8 + ARGV[7]

local function keep(key, content, queue)
  contents[#contents + 1], contents[#contents + 2] = key, content
  if queue then table.insert(entered[queue], key:sub(5)) end -- without "msg:"
end
local function counter(n) return ARGV[a + 2 + n] ~= "" and (redis.call("GET", KEYS[k + n]) or "cold") end

local function judge(digest, day_limit, month_limit, credit)
  local known = digest ~= "" and redis.call("GET", KEYS[k])
  if known then return known:sub(1, #digest) == digest and "same " .. known or "other" end
  local day, month = counter(1), counter(2)
  local left = credit ~= "" and (redis.call("HGET", KEYS[k + 3], "left") or "cold")
  if day == "cold" or month == "cold" or left == "cold" then return "cold" end
  if day and tonumber(day) >= tonumber(day_limit) then return "day" end
  if month and tonumber(month) >= tonumber(month_limit) then return "month" end
  if left and tonumber(left) < tonumber(credit) then return "credit" end
  for n, used in ipairs({ day, month }) do if used then redis.call("INCR", KEYS[k + n]) end end
  if left then redis.call("HINCRBY", KEYS[k + 3], "left", -credit) end
  if digest ~= "" then redis.call("SET", KEYS[k], digest .. " " .. ARGV[a + 2], "PX", ARGV[6]) end
  return "ok"
end
for n = 8, k - 1 do keep(KEYS[n], ARGV[n], 2) end
while a <= #ARGV do
  local queue, count, entering = tonumber(ARGV[a]), tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local answer = judge(ARGV[a + 1], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5])
  for n = 1, answer == "ok" and count or 0 do keep(KEYS[k + 3 + n], ARGV[a + 7 + n], n <= entering and queue) end
  answers[#answers + 1], k, a = answer, k + 4 + count, a + 8 + count
end
if #contents > 0 then redis.call("MSET", unpack(contents)) end -- one command for all is a third of the work
for queue, ids in pairs(entered) do
  if #ids > 0 then
    local dues = {}
    for n, id in ipairs(ids) do dues[2 * n - 1], dues[2 * n] = due, id end
    redis.call("LPUSH", KEYS[queue], unpack(ids))
    redis.call("ZADD", KEYS[queue + 1], unpack(dues))
    local rings, ring = KEYS[queue + 2], ARGV[queue == 2 and 3 or 4]
    if redis.call("LLEN", rings) < tonumber(ARGV[2]) then redis.call("LPUSH", rings, ring) end
  end
end
redis.call("SET", KEYS[1], table.concat(answers, "\n"), "PX", ARGV[5])
return table.concat(answers, "\n")
