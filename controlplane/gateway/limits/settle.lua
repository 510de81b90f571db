-- A request is over: what it reserved and did not use comes back, what it used is spent.
-- KEYS: for each subject a hash of levels and a sorted set of running requests.
-- ARGV: ticket, tokens reserved, tokens used; then for each subject its tokens a minute, 0 is no limit.
local time = redis.call('TIME')
local day = math.floor((time[1] * 1000 + math.floor(time[2] / 1000)) / 86400000)
local reserved, used = tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 1, #KEYS / 2 do
  local per_minute = tonumber(ARGV[3 + i])
  redis.call('ZREM', KEYS[2 * i], ARGV[1])
  local kept = redis.call('HMGET', KEYS[2 * i - 1], 'tokens', 'day', 'day_tokens')
  if kept[1] then
    local tokens = tonumber(kept[1]) + math.min(reserved, per_minute) - used
    local spent = tonumber(kept[2]) == day and tonumber(kept[3]) or 0
    redis.call('HSET', KEYS[2 * i - 1], 'tokens', string.format('%.6f', math.min(per_minute, tokens)),
      'day', day, 'day_tokens', spent + used)
  end
end
return 0
