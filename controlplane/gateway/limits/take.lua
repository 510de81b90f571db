-- Takes a request's share of every limit at once, or of none.
-- KEYS: for each subject a hash of levels and a sorted set of running requests.
-- ARGV: ticket, lease in ms, tokens; then for each subject requests and tokens a minute, tokens a day,
-- requests at a time; 0 is no limit. Returns reason, subject, wait in ms, then what is left of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local day = math.floor(now / 86400000)
local ticket, lease, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local reason, subject, wait = 0, 0, 0
local levels = {}
local function level(kept, at, limit)
  if not kept then return limit end
  return math.min(limit, tonumber(kept) + math.max(0, now - tonumber(at)) * limit / 60000)
end
for i = 1, #KEYS / 2 do
  local base = 3 + (i - 1) * 4
  local per_minute, tokens_per_minute = tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2])
  local per_day, concurrent = tonumber(ARGV[base + 3]), tonumber(ARGV[base + 4])
  local kept = redis.call('HMGET', KEYS[2 * i - 1], 'requests', 'tokens', 'at', 'day', 'day_tokens')
  local requests = level(kept[1], kept[3], per_minute)
  local left = level(kept[2], kept[3], tokens_per_minute)
  local spent = tonumber(kept[4]) == day and tonumber(kept[5]) or 0
  local needed = math.min(tokens, tokens_per_minute)
  levels[i] = {requests, left, spent, needed}
  if reason == 0 then
    if per_minute > 0 and requests < 1 then
      reason, wait = 1, (1 - requests) * 60000 / per_minute
    elseif tokens_per_minute > 0 and left < needed then
      reason, wait = 2, (needed - left) * 60000 / tokens_per_minute
    elseif per_day > 0 and spent >= per_day then
      reason, wait = 3, 86400000 - now % 86400000
    elseif concurrent > 0 then
      redis.call('ZREMRANGEBYSCORE', KEYS[2 * i], '-inf', now)
      if redis.call('ZCARD', KEYS[2 * i]) >= concurrent then reason, wait = 4, 1000 end
    end
    if reason > 0 then subject = i - 1 end
  end
end
local answer = {reason, subject, math.ceil(wait)}
for i, found in ipairs(levels) do
  if reason == 0 then
    found[1], found[2] = found[1] - 1, found[2] - found[4]
    redis.call('HSET', KEYS[2 * i - 1], 'requests', string.format('%.6f', found[1]),
      'tokens', string.format('%.6f', found[2]), 'at', now, 'day', day, 'day_tokens', found[3])
    redis.call('PEXPIRE', KEYS[2 * i - 1], 172800000)
    if tonumber(ARGV[3 + (i - 1) * 4 + 4]) > 0 then
      redis.call('ZADD', KEYS[2 * i], now + lease, ticket)
      redis.call('PEXPIRE', KEYS[2 * i], lease * 2)
    end
  end
  answer[#answer + 1] = math.max(0, math.floor(found[1]))
  answer[#answer + 1] = math.max(0, math.floor(found[2]))
end
return answer
