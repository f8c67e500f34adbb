-- Book the next slot of a connection and a sender for a create call that missed the one it was given.
--
-- KEYS  1 pace of the connection; 2 pace of the sender
-- ARGV  1, 2 time between two slots of the connection and of a sender in µs (0: any time); 3 price; 4 longest wait in µs
-- Returns the wait for the slot in µs, or -1 where it would be longer
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local slot = now
for n = 1, 2 do
  slot = math.max(slot, tonumber(redis.call("GET", KEYS[n]) or 0))
end
if slot - now > tonumber(ARGV[4]) then return -1 end
for n = 1, 2 do
  if tonumber(ARGV[n]) > 0 then
    local following = slot + ARGV[n] * ARGV[3]
    redis.call("SET", KEYS[n], string.format("%.0f", following), "PX", math.ceil((following - now) / 1000) + 1000)
  end
end
return slot - now
