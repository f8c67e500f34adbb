-- Bring the next slots of a connection and its senders nearer, or put them farther off, as its rate has changed.
--
-- KEYS  1 pace of the connection; 2 turns of the connection; 3 detours; then pace of each sender that has a turn
-- ARGV  1 the connection; 2, 3 time between two slots of the connection and of a sender in µs as it was, 4, 5 as it is
--       (0: any time); then the senders
-- Returns how many slots were moved
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local function move(key, field, was, is)
  local kept, slowed = tonumber(redis.call("GET", key) or 0), tonumber(redis.call("HGET", KEYS[3], field) or 0)
  if was == 0 or was == is or kept <= now or slowed * 1000 > now then return end -- the carrier said how long
  local slot = now + math.ceil((kept - now) * is / was)
  redis.call("SET", key, string.format("%.0f", slot), "PX", math.ceil((slot - now) / 1000) + 1000)
  return slot
end
local moved = move(KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])) and 1 or 0
for n = 6, #ARGV do
  local slot = move(KEYS[n - 2], ARGV[1] .. " " .. ARGV[n], tonumber(ARGV[3]), tonumber(ARGV[5]))
  if slot then
    redis.call("ZADD", KEYS[2], "XX", slot / 1000, ARGV[n])
    moved = moved + 1
  end
end
return moved
