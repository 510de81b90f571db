-- Says that a process lives, and what it holds.
-- KEYS: who is there, how each counts, then replicas of which it says how many slots it holds.
-- ARGV: me, the name I had before or '', ms until a silent process is gone, s that keys are kept,
-- 'alone' or 'sharing', 1 when I may become alone, 1 when I should be known here, then how many of
-- each replica.
-- Returns {1} when this process is alone and may use all, {2} when it should be known and is not, else
-- {0, who is there}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, kept = ARGV[1], tonumber(ARGV[4])
if ARGV[7] == '1' and not redis.call('ZSCORE', KEYS[1], me) then return {2} end
redis.call('ZADD', KEYS[1], now, me)
if ARGV[2] ~= '' then
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('HDEL', KEYS[2], ARGV[2])
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
for i = 3, #KEYS do
  local count = tonumber(ARGV[i + 5])
  if count > 0 then redis.call('HSET', KEYS[i], me, count) else redis.call('HDEL', KEYS[i], me) end
  redis.call('EXPIRE', KEYS[i], kept)
end
local names = redis.call('ZRANGE', KEYS[1], 0, -1)
local is_alone = #names == 1 and ARGV[6] == '1'
if is_alone then
  redis.call('HSET', KEYS[2], me, 'alone')
elseif ARGV[5] == 'sharing' then
  redis.call('HSET', KEYS[2], me, 'sharing')
end
redis.call('EXPIRE', KEYS[1], kept)
redis.call('EXPIRE', KEYS[2], kept)
if is_alone then return {1} end
return {0, table.concat(names, ' ')}
