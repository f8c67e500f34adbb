-- Admit a micro-batch of send requests: each is taken whole or refused whole, and a repeated call changes nothing.
--
-- KEYS  1 what this call was answered before; 2 newly admitted ids, 3 rounds, 4 outbox and 5 rings for what is not
--       urgent; 6 to 9 for what is; 10 the books; the contents of the simple requests; then for each other request:
--       idempotency key, day, month and credit counter (key 1 where it has none), and the contents of its messages
-- ARGV  1 put-back delay in ms; 2 most rings that may wait; 3, 4 the ring of each; 5 life of key 1 in ms; 6 life of an
--       idempotency key in ms; 7 how many requests are simple (one message, not urgent, no key, no limit), 8 entries of
--       the books for these (JSON object), then flow (see keys.rounds) and content of each; then for each other request:
--       first of its queue's keys (2 or 6), flow, its entry of the books, digest (empty: no key), what a replay is told,
--       day limit, month limit, credit wanted (each empty: none), messages n, of these to enter, and the n contents
-- Returns one line for each request that is not simple: ok | same <digest> <told> | other | cold | day | month | credit
local before = redis.call("GET", KEYS[1])
if before then redis.call("PEXPIRE", KEYS[1], ARGV[5]) return before end -- a write, so that WAITAOF covers the first call
local time = redis.call("TIME")
local due = string.format("%d", time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
local answers, contents, entered, k, a = {}, {}, { [2] = {}, [6] = {} }, 11 + ARGV[7], 9 + 2 * ARGV[7]
local books = cjson.decode(ARGV[8])
local function keep(key, content, flows, flow)
  contents[#contents + 1], contents[#contents + 2] = key, content
  if flows then flows[flow] = flows[flow] or {} table.insert(flows[flow], key:sub(5)) end -- without "msg:"
end
local function counter(n) return ARGV[a + 4 + n] ~= "" and (redis.call("GET", KEYS[k + n]) or "cold") end
local function judge(digest, told, day_limit, month_limit, credit)
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
  if digest ~= "" then redis.call("SET", KEYS[k], digest .. " " .. told, "PX", ARGV[6]) end
  return "ok"
end
for n = 1, ARGV[7] do keep(KEYS[10 + n], ARGV[8 + 2 * n], entered[2], ARGV[7 + 2 * n]) end
while a <= #ARGV do
  local flows, count, answer = entered[tonumber(ARGV[a])], ARGV[a + 8], judge(unpack(ARGV, a + 3, a + 7))
  local entry, entering, taken = ARGV[a + 2], ARGV[a + 9] + 0, answer == "ok" and count + 0 or 0
  for n = 1, taken do keep(KEYS[k + 3 + n], ARGV[a + 9 + n], n <= entering and flows, ARGV[a + 1]) end
  answers[#answers + 1], books[entry], k, a = answer, (books[entry] or 0) + taken, k + 4 + count, a + 10 + count
end
for entry, count in pairs(books) do if count > 0 then redis.call("HINCRBY", KEYS[10], entry, count) end end
if #contents > 0 then redis.call("MSET", unpack(contents)) end -- one command for all is a third of the work
for queue, flows in pairs(entered) do
  for flow, ids in pairs(flows) do
    local class, turns, dues = flow:sub(1, 1), {}, {}
    local now = redis.call("HMGET", KEYS[queue + 1], class, flow)
    local turn = math.max(now[1] or class * 2 ^ 45, now[2] or 0)
    for n, id in ipairs(ids) do turns[2*n-1], turns[2*n], dues[2*n-1], dues[2*n] = turn + n - 1, id, due, id end
    redis.call("HSET", KEYS[queue + 1], flow, turn + #ids)
    redis.call("ZADD", KEYS[queue], unpack(turns))
    redis.call("ZADD", KEYS[queue + 2], unpack(dues))
  end
  local few = next(flows) and redis.call("LLEN", KEYS[queue + 3]) < tonumber(ARGV[2])
  if few then redis.call("LPUSH", KEYS[queue + 3], ARGV[queue == 2 and 3 or 4]) end
end
redis.call("SET", KEYS[1], table.concat(answers, "\n"), "PX", ARGV[5])
return table.concat(answers, "\n")
