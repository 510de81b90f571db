-- A request still runs: its place stays taken. KEYS as in take.lua. ARGV: ticket, lease in ms.
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
for i = 1, #KEYS / 2 do
  redis.call('ZADD', KEYS[2 * i], 'XX', until_ms, ARGV[1])
  redis.call('PEXPIRE', KEYS[2 * i], tonumber(ARGV[2]) * 2)
end
return 0
