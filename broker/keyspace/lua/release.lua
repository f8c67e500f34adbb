-- Give the next slots of a connection to what waits in its lanes, senders in turn, and enter it in the ready lists.
--
-- KEYS  1 turns of the connection; 2 its pace; 3 detours; then slots, outbox, ready list, ring list of the urgent queue
--       (4 to 7) and of the other (8 to 11); then lane and pace of each sender that has a turn
-- ARGV  1, 2 time between two slots of the connection and of a sender in µs (0: any time); 3 how far ahead slots are
--       given and 4 how late one may be in µs; 5 most ids; 6 most rings that may wait; 7 outbox delay in ms; 8, 9 the
--       rings; 10 the connection; then the senders
-- Returns how many ids were released
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local gap, own_gap, last, most = tonumber(ARGV[1]), tonumber(ARGV[2]), now + ARGV[3], tonumber(ARGV[5])
local function pace_of(key, step) -- a slot that was missed just now is still given, as long as slots keep their distance
  local kept = tonumber(redis.call("GET", key) or (step > 0 and now or 0))
  return step > 0 and math.max(kept, now - math.floor(ARGV[4] / step) * step) or kept
end
local function keep(key, slot)
  redis.call("SET", key, string.format("%.0f", slot), "PX", math.ceil(math.max(slot - now, 0) / 1000) + 1000)
end
local next_slot, released, rung, senders = pace_of(KEYS[2], gap), 0, {}, {}
for n = 11, #ARGV do
  local place = 2 * n - 10
  senders[n - 10] = { name = ARGV[n], lane = KEYS[place], pace = KEYS[place + 1], at = pace_of(KEYS[place + 1], own_gap) }
end
while #senders > 0 do
  local again = {}
  for _, sender in ipairs(senders) do
    if released >= most or next_slot > last then break end
    local head = sender.at <= last and redis.call("ZPOPMIN", sender.lane)
    if head and head[1] then
      local slot = math.max(next_slot, sender.at, gap + own_gap > 0 and 0 or now)
      local price, queue = head[2] % 512, tonumber(head[2]) < 2 ^ 51 and 4 or 8
      if gap > 0 then next_slot = slot + gap * price end
      if own_gap > 0 then sender.at = slot + own_gap * price keep(sender.pace, sender.at) end
      redis.call("HSET", KEYS[queue], head[1], string.format("%.0f", slot))
      redis.call("ZADD", KEYS[queue + 1], math.floor(now / 1000) + ARGV[7], head[1])
      redis.call("RPUSH", KEYS[queue + 2], head[1]) -- popped first: a slot does not wait
      released, rung[queue], again[#again + 1] = released + 1, true, sender
    end
    if head and redis.call("EXISTS", sender.lane) == 0 then
      redis.call("ZREM", KEYS[1], sender.name)
      if sender.at <= now then redis.call("HDEL", KEYS[3], ARGV[10] .. " " .. sender.name) end
    else
      redis.call("ZADD", KEYS[1], math.max(sender.at, now) / 1000, sender.name)
    end
  end
  senders = again
end
if released > 0 and gap > 0 then keep(KEYS[2], next_slot) end
if redis.call("EXISTS", KEYS[1]) == 0 then redis.call("HDEL", KEYS[3], ARGV[10]) end
for queue in pairs(rung) do
  redis.call("EXPIRE", KEYS[queue], 3600)
  if redis.call("LLEN", KEYS[queue + 3]) < tonumber(ARGV[6]) then redis.call("LPUSH", KEYS[queue + 3], ARGV[queue / 4 + 7]) end
end
return released
