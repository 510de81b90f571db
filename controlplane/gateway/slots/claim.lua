-- Asks for slots of a deployment's replicas, after those who are due before this process.
-- KEYS: who is there, how each counts, wishes and turns at the deployment, then of each replica who
-- holds how many.
-- ARGV: me, ms until a silent process is gone, ms until a wish is, s that keys are kept, my wish,
-- how many of it now, 1 when I should be known here, 1 when the first replica is the one I like best,
-- then the slots of each replica.
-- Returns {1} when this process is alone and may use all, {2} when it should be known and is not, else
-- {0, who is there, what others wish for, 1 when somebody has all and has not seen yet that it is not
-- alone, then how many of each replica are now this process's}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, wish, asked = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[6])
local kept, somebody_has_all = tonumber(ARGV[4]), false
local there = {}
if ARGV[7] == '1' and not redis.call('ZSCORE', KEYS[1], me) then return {2} end
redis.call('ZADD', KEYS[1], now, me)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
local names = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, name in ipairs(names) do
  there[name] = true
  if name ~= me and redis.call('HGET', KEYS[2], name) == 'alone' then somebody_has_all = true end
end
redis.call('EXPIRE', KEYS[1], kept)
if #names == 1 or redis.call('HGET', KEYS[2], me) == 'alone' then
  redis.call('HSET', KEYS[2], me, 'alone')
  redis.call('EXPIRE', KEYS[2], kept)
  return {1}
end
redis.call('HSET', KEYS[2], me, 'sharing')
redis.call('EXPIRE', KEYS[2], kept)

local held, free, slots, all_free = {}, {}, {}, 0
for i = 5, #KEYS do
  local taken, fields = 0, redis.call('HGETALL', KEYS[i])
  for j = 1, #fields, 2 do
    local name, count = fields[j], math.max(0, tonumber(fields[j + 1]))
    if there[name] then
      taken = taken + count
      held[name] = (held[name] or 0) + count
    else
      redis.call('HDEL', KEYS[i], name)
    end
  end
  slots[i] = tonumber(ARGV[i + 4])
  free[i] = math.max(0, slots[i] - taken)
  all_free = all_free + free[i]
end
if somebody_has_all then all_free = 0 end -- it uses what it likes until it has seen us

local wishes, others, turns = {[me] = wish}, {}, {}
local fields = redis.call('HGETALL', KEYS[3])
for j = 1, #fields, 2 do
  local name, count, at = fields[j], string.match(fields[j + 1], '^(%d+) (%d+)$')
  if not there[name] or now - tonumber(at) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[3], name)
  elseif name ~= me and tonumber(count) > 0 then
    wishes[name] = tonumber(count)
    others[#others + 1] = count
  end
end
fields = redis.call('HGETALL', KEYS[4])
for j = 1, #fields, 2 do
  if there[fields[j]] or fields[j] == '' then
    turns[fields[j]] = tonumber(fields[j + 1])
  else
    redis.call('HDEL', KEYS[4], fields[j])
  end
end

local function next_in_turn() -- who holds least; of those, who has waited longest
  local first, least, longest
  for name, count in pairs(wishes) do
    local holds, turn = held[name] or 0, turns[name] or 0
    if count > 0 and (not first or holds < least or (holds == least and turn < longest)) then
      first, least, longest = name, holds, turn
    end
  end
  return first
end

local function roomiest()
  local best
  if ARGV[8] == '1' and free[5] > 0 then return 5 end
  for i = 5, #KEYS do
    if free[i] > 0 and (not best or free[i] / slots[i] > free[best] / slots[best]) then best = i end
  end
  return best
end

local turn, given = turns[''] or 0, {}
if not turns[me] then -- who comes new is behind those who wish already
  turn = turn + 1
  turns[me] = turn
  redis.call('HSET', KEYS[4], me, turn, '', turn)
end
while all_free > 0 and asked > 0 do
  local name = next_in_turn()
  if not name then break end
  turn, all_free = turn + 1, all_free - 1
  turns[name], held[name], wishes[name] = turn, (held[name] or 0) + 1, wishes[name] - 1
  if name == me then
    local best = roomiest()
    free[best], given[best], asked = free[best] - 1, (given[best] or 0) + 1, asked - 1
    redis.call('HSET', KEYS[4], me, turn, '', turn)
    redis.call('HINCRBY', KEYS[best], me, 1)
    redis.call('EXPIRE', KEYS[best], kept)
  end
end
redis.call('EXPIRE', KEYS[4], kept)
if wishes[me] > 0 then
  redis.call('HSET', KEYS[3], me, string.format('%d %d', wishes[me], now))
  redis.call('EXPIRE', KEYS[3], kept)
else
  redis.call('HDEL', KEYS[3], me)
end
local answer = {0, table.concat(names, ' '), table.concat(others, ' '), somebody_has_all and 1 or 0}
for i = 5, #KEYS do answer[#answer + 1] = given[i] or 0 end
return answer
