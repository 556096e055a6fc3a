-- One request against one sliding window: what `Tally::take` in local.rs does, by Redis's own clock (R026).
-- KEYS[1]: the tally, a hash of slot -> count.
-- ARGV: the limit; microseconds in a slot; how many slots a count is held for; microseconds in the window.
-- Answers {allowed, remaining, microseconds to wait}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, unit, span, length = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local tally = KEYS[1]
local function digits(number) return string.format('%.0f', number) end

local stored = redis.call('HGETALL', tally)
local total, newest, oldest = 0, nil, nil
for i = 1, #stored, 2 do
  stored[i] = tonumber(stored[i])
  total = total + stored[i + 1]
  if not newest or stored[i] > newest then newest = stored[i] end
end

-- Time does not run backwards here: a clock that was set back a little stands still; one that was set back by more
-- than a window has what was counted moved to the new present.
local slot, changed = math.floor(now / unit), false
if newest and slot < newest - span then
  redis.call('DEL', tally)
  redis.call('HSET', tally, digits(slot), digits(total))
  stored, changed = { slot, total }, true
elseif newest and slot < newest then
  slot = newest
end

for i = 1, #stored, 2 do
  local at = stored[i]
  if at <= slot - span then
    total = total - stored[i + 1]
    redis.call('HDEL', tally, digits(at))
  elseif not oldest or at < oldest then
    oldest = at
  end
end

local allowed = total < limit
if allowed then
  redis.call('HINCRBY', tally, digits(slot), 1)
  total, changed = total + 1, true
end
if changed then
  redis.call('PEXPIRE', tally, digits(math.ceil(((slot + span) * unit - now) / 1000) + 1))
end

local wait = length
if allowed then
  wait = (slot + span) * unit - now
elseif oldest then
  wait = (oldest + span) * unit - now
end
return { allowed and 1 or 0, math.max(limit - total, 0), math.max(wait, 0) }
