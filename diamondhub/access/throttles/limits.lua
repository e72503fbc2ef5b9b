-- All limits of one request in one call, for all web processes on all hosts, on the server's own clock: rates (GCRA, whole
-- microseconds) and places for requests at once. Either all of them are taken, or none is touched.
-- KEYS[1]  hash: began (the epoch: when this server's memory of limits begins), seen (the last moment it was asked), fresh (when the
--          epoch was made by a process that knew of none, else 0), in microseconds
-- KEYS[2]  sorted set: web processes by when they last said so
-- KEYS[3…] what is asked for, one key each, with six arguments each from ARGV[4] on (below)
-- ARGV[1]  the latest `now` that the caller has heard: a server that does not remember it was restored from an older state
-- ARGV[2]  the moment after which the caller does not wait for the answer any more, and nothing may be taken; 0: none
-- ARGV[3]  name of the caller's process, if it wants to be counted among the others now; else ''
-- Six arguments a key: kind, a, b, c, d, e
--   rate     interval, burst, cost          take from a bucket      hash: tat, epoch, low (microseconds; see below)
--   places   places, life, name             take a place            sorted set: names by when they are given up
--   unless                                  nothing need be taken, nor is, if this mark is there
--   mark     life                           set a mark
--   return   interval, burst, cost, taken   give back what was taken at `taken`
--   leave    name                           give a place back
--   keep     life, name                     keep a place, or take it whatever the number: it is taken already
--   owe      interval, burst, ages, unspent what was let in without asking here, as ages with commas, and what was left of the
--                                           caller's share when this epoch began
-- Answers  now, began, processes (0: not asked), outcome, and three numbers a key, as one text, which is quicker to read
--   outcome: 0 all taken, -1 too late, -2 marked, n the n-th is the first that refuses
--   rate, return, owe: wait until it could be taken (0 if it could), left, time until full;  places: 0 or 1 (refuses), left, 0
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function text(number) return string.format('%.0f', number) end
-- Longer than any bucket takes to fill (microseconds).
local AGES = 10 * 86400 * 1000000
-- What comes back more slowly than this is not withheld for as long as one takes (microseconds).
local SLOW = 1000000
-- So many can be given back of what was taken at once, exactly; of more, those that are given back last stay taken.
local AT_ONCE = 16
-- Processes count for ten minutes after they were last heard (microseconds).
local PRESENT = 600 * 1000000

local deadline = tonumber(ARGV[2])
if deadline > 0 and now > deadline then return text(now) .. ' 0 0 -1' end

local memory = redis.call('HMGET', KEYS[1], 'began', 'seen', 'fresh')
local began, seen, fresh = tonumber(memory[1]), tonumber(memory[2]), tonumber(memory[3]) or 0
local heard = tonumber(ARGV[1])
if not began or not seen then
    began, seen, fresh = now, now, 0
    -- To a process that has heard of no other epoch, this is the first: nobody has taken anything.
    if heard == 0 then began, fresh = now - AGES, now end
elseif seen < heard or (heard > 0 and heard < fresh) then
    -- Flushed, restarted, or restored from an older state, as the caller knows: nobody knows what was taken, so all was.
    began, seen, fresh = now, now, 0
end
redis.call('HSET', KEYS[1], 'began', text(began), 'seen', text(math.max(seen, now)), 'fresh', text(fresh))

local processes = 0
if ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[2], text(now), ARGV[3])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - PRESENT))
    processes = redis.call('ZCARD', KEYS[2])
end

-- A bucket's theoretical arrival time: in the past if it is full, a burst away if it is empty. One of an earlier epoch, or of
-- none, was empty when this epoch began.
local function tat_of(key, interval, burst)
    local stored = redis.call('HMGET', key, 'tat', 'epoch', 'low')
    local tat = tonumber(stored[1])
    if not tat or stored[2] ~= text(began) then
        -- Half of one, so that what nobody knows evens out; where even that takes long to come, one.
        local head = interval > SLOW and interval or math.floor(interval / 2)
        tat = math.max(tat or 0, began + interval * burst - head)
    end
    -- A clock that stepped back must not close a bucket for long; what is owed is never more than a burst beyond empty.
    return math.min(tat, now + (2 * burst + 1) * interval), stored[3]
end
-- When somebody last asked while the bucket was within 1, 2, ... of full, which is the later the more: kept as runs of
-- 'moment times'. What was taken before the bucket would have been full without it cannot be given back as a whole.
local function lows_of(stored)
    local lows, at = {}, 1
    for moment, times in string.gmatch(stored or '', '(%d+) ?(%d*)') do
        moment = tonumber(moment)
        for level = at, at + (tonumber(times) or AT_ONCE) - 1 do lows[level] = moment end
        at = #lows + 1
    end
    for level = at, AT_ONCE do lows[level] = 0 end
    return lows
end
local function as_text(lows)
    local runs, from = {}, 1
    for level = 1, AT_ONCE do
        if level == AT_ONCE or lows[level + 1] ~= lows[level] then
            runs[#runs + 1] = text(lows[level]) .. ' ' .. (level - from + 1)
            from = level + 1
        end
    end
    return table.concat(runs, ' ')
end
-- What is kept once somebody asks while so much is missing of a full bucket (microseconds).
local function asked_at(stored, missing, interval)
    if missing < interval then return text(now) .. ' ' .. AT_ONCE end
    if missing >= AT_ONCE * interval then return stored or '' end
    local lows = lows_of(stored)
    for level = math.floor(missing / interval) + 1, AT_ONCE do lows[level] = now end
    return as_text(lows)
end
-- What is kept once `cost` that were taken at a moment were given back: since then as much less was missing.
local function given_back(lows, cost, taken)
    local shifted = {}
    for level = 1, AT_ONCE do
        local before = lows[level + cost] or now
        shifted[level] = before > taken and before or lows[level]
    end
    return as_text(shifted)
end
local function write(key, tat, low)
    redis.call('HSET', key, 'tat', text(tat), 'epoch', text(began), 'low', low)
    redis.call('PEXPIRE', key, text(math.max(0, math.ceil((tat - now) / 1000)) + 1000))
end
local function level(tat, interval, burst)
    local free = now + interval * burst - math.max(tat, now)
    return math.max(0, math.floor(free / interval)), math.max(0, tat - now)
end

local asked = #KEYS - 2
local answer = {now, began, processes, 0}
local function said()
    for place = 1, #answer do answer[place] = text(answer[place]) end
    return table.concat(answer, ' ')
end
local tats, lows = {}, {}
for i = 1, asked do
    local key, at = KEYS[i + 2], 4 + 6 * (i - 1)
    local kind, a, b, c = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local wait, left, reset = 0, 0, 0
    if kind == 'rate' then
        local tat, low = tat_of(key, a, b)
        tats[i], lows[i] = math.max(tat, now), asked_at(low, tat - now, a)
        wait = math.max(0, tats[i] + a * c - a * b - now)
        left, reset = level(tats[i], a, b)
    elseif kind == 'places' then
        redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
        left = math.max(0, a - redis.call('ZCARD', key))
        if left < 1 then wait = 1 end
    elseif kind == 'unless' then
        if redis.call('EXISTS', key) == 1 then answer[4] = -2 end
    elseif kind == 'mark' then
        redis.call('SET', key, '1', 'PX', ARGV[at + 1])
    elseif kind == 'return' then
        local tat, low = tat_of(key, a, b)
        -- As if it had never been taken, unless the bucket would have been full since: then what is taken counts from there.
        local taken, known = tonumber(ARGV[at + 4]), lows_of(low)
        if redis.call('EXISTS', key) == 1 and began <= taken and (known[c] or now) <= taken then
            tat = tat - a * c
            write(key, tat, given_back(known, c, taken))
        end
        left, reset = level(tat, a, b)
    elseif kind == 'leave' then
        redis.call('ZREM', key, ARGV[at + 1])
    elseif kind == 'keep' then
        redis.call('ZADD', key, text(now + a), ARGV[at + 2])
        redis.call('PEXPIRE', key, text(math.ceil(a / 1000) + 1000))
    elseif kind == 'owe' then
        local oldest, count = now, 0
        for age in string.gmatch(ARGV[at + 3], '%d+') do
            local moment = now - tonumber(age)
            -- What is older than the epoch is in the emptiness with which that began.
            if moment >= began then oldest, count = math.min(oldest, moment), count + 1 end
        end
        local tat, low = tat_of(key, a, b)
        local unspent = tonumber(ARGV[at + 4]) or 0
        if count > 0 or unspent > 0 then
            tat = math.min((count > 0 and math.max(tat, oldest) or tat) + count * a, now + (2 * b + 1) * a) - unspent
            write(key, tat, low or '')
        end
        left, reset = level(tat, a, b)
    end
    if wait > 0 and answer[4] == 0 then answer[4] = i end
    answer[2 + 3 * i], answer[3 + 3 * i], answer[4 + 3 * i] = wait, left, reset
end
if answer[4] ~= 0 then return said() end

for i = 1, asked do
    local key, at = KEYS[i + 2], 4 + 6 * (i - 1)
    local a, b, c = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    if ARGV[at] == 'rate' then
        local tat = tats[i] + a * c
        write(key, tat, lows[i])
        answer[3 + 3 * i], answer[4 + 3 * i] = level(tat, a, b)
    elseif ARGV[at] == 'places' then
        redis.call('ZADD', key, text(now + b), ARGV[at + 3])
        redis.call('PEXPIRE', key, text(math.ceil(b / 1000) + 1000))
        answer[3 + 3 * i] = answer[3 + 3 * i] - 1
    end
end
return said()
