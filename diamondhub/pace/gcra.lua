-- The limiter of one supplier account for all processes, on the server's own clock: GCRA (burst 1) reserves slots in order,
-- and a log of the requests that were really let through ensures that late callers never make a window too full.
-- KEYS[1]  hash: tat, interval, blocked, raised (microseconds), epoch, fails, failed, opened (microseconds)
-- KEYS[2]  sorted set: reserved slots of the caller's lane
-- KEYS[3]  hash: counters since the last flush
-- KEYS[4]  sorted set: the last ARGV[6] requests that were let through, by the time of that, or of really sending
-- KEYS[5]  sorted set: callers that the full lane turned away, by the time of their first attempt, in which they get places
-- KEYS[6]  sorted set: the same callers, by the time until which they must have asked again
-- ARGV[1]  operation: reserve | redeem | sent | penalize | block | failed | succeeded
-- ARGV[2]  base interval (microseconds)
-- ARGV[3]  reserve: longest wait the caller accepts; sent: time from being let through to sending; penalize, block: length of the pause (microseconds)
-- ARGV[4]  penalize, redeem: the epoch that the caller saw; sent: the moment at which it was let through; reserve: why its last slot was forfeited ('' | late | epoch)
-- ARGV[5]  reserve: places in the lane
-- ARGV[6]  number of requests that may be let through within ARGV[6] base intervals
-- ARGV[7]  name of the caller
-- Answers  {1 or 0, microseconds, epoch, word, now}
--   reserve:   granted, wait until the slot (refused: until it is worth asking again), epoch, word; the words of a grant are
--              '' | probe | troubled, those of a refusal '' | lane | open; a grant without a wait is let through already
--   redeem:    let through; else the time to wait before redeeming again, epoch, early | void
--   penalize:  taken, pause that is left, epoch, ''
local HORIZON, GUARD, KEEP = 10 * 1000000, 1000000, 86400
-- The breaker opens after this many transport failures without a success within this time; then only probes are let through.
local BREAK_AFTER, BREAK_WITHIN, PROBE_EVERY = 5, 30 * 1000000, 30 * 1000000
local QUIET = 10 * 1000000
-- A caller that was turned away loses its place if it does not ask again within this time after its turn (microseconds).
local GRACE = 250000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function text(number) return string.format('%.0f', number) end
local function count(name) redis.call('HINCRBY', KEYS[3], name, 1) end

local state = redis.call('HMGET', KEYS[1], 'tat', 'interval', 'blocked', 'raised', 'epoch', 'fails', 'failed', 'opened')
local base = tonumber(ARGV[2])
local tat, interval = tonumber(state[1]), tonumber(state[2])
local blocked, raised = tonumber(state[3]) or 0, tonumber(state[4]) or 0
local epoch = tonumber(state[5])
local fails, failed, opened = tonumber(state[6]) or 0, tonumber(state[7]) or 0, tonumber(state[8]) or 0

if not tat or not epoch then
    -- Redis was flushed or restarted: requests of the last second are unknown, so wait one out and void all reservations.
    tat, interval, epoch = now + GUARD, base, now
end
if not interval or interval < base then interval = base end
-- A clock that stepped back must not leave a slot hours away.
if tat > now + HORIZON + GUARD and tat > blocked then tat = now + HORIZON end
-- Every 10 quiet seconds give one request per second back.
if interval > base and raised > 0 and now - raised >= QUIET then
    local steps = math.floor((now - raised) / QUIET)
    interval = math.max(base, math.floor(1000000 / (1000000 / interval + steps)))
    raised = raised + steps * QUIET
end

-- The time until one more request may be let through: never more than the contract in a window that is a second and the
-- jitter long, however late or early the requests before came, and never two at once.
local function until_free()
    local last = tonumber(redis.call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2])
    local oldest = tonumber(redis.call('ZREVRANGE', KEYS[4], ARGV[6] - 1, ARGV[6] - 1, 'WITHSCORES')[2])
    local free = now
    if last then free = math.max(free, math.min(last, now) + interval / 2) end
    if oldest then free = math.max(free, math.min(oldest, now) + interval * ARGV[6]) end
    return math.ceil(free - now)
end
local function let_through()
    redis.call('ZADD', KEYS[4], text(now), text(now))
    redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -ARGV[6] - 1)
    redis.call('EXPIRE', KEYS[4], 600)
    count('granted')
end

local answer
if ARGV[1] == 'redeem' then
    if text(epoch) ~= ARGV[4] then
        answer = {0, 0, text(epoch), 'void'}
    else
        local wait = until_free()
        if wait > 0 then
            answer = {0, wait, text(epoch), 'early'}
        else
            let_through()
            answer = {1, 0, text(epoch), ''}
        end
    end
elseif ARGV[1] == 'sent' then
    -- The supplier sees the request when it is sent, so the window is counted from there.
    redis.call('ZADD', KEYS[4], 'XX', text(math.min(now, tonumber(ARGV[4]) + tonumber(ARGV[3]))), ARGV[4])
    count('sent_late')
    answer = {1, 0, text(epoch), ''}
elseif ARGV[1] == 'reserve' then
    if ARGV[4] ~= '' then count('forfeited_' .. ARGV[4]) end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
    local slot = math.max(now, tat, blocked)
    if slot == now then slot = now + until_free() end
    -- Callers that the full lane turned away are served in order, too; those that did not ask again in time are forgotten.
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', text(now))) do
        redis.call('ZREM', KEYS[5], gone)
        redis.call('ZREM', KEYS[6], gone)
    end
    local waiting = redis.call('ZCARD', KEYS[2])
    local free = tonumber(ARGV[5]) - waiting
    local ahead = waiting > 0 and (redis.call('ZRANK', KEYS[5], ARGV[7]) or redis.call('ZCARD', KEYS[5])) or 0
    if opened > now then
        count('refused')
        answer = {0, opened - now, text(epoch), 'open'}
    elseif slot - now > tonumber(ARGV[3]) then
        count('refused')
        answer = {0, slot - now, text(epoch), ''}
    elseif ahead >= free then
        count('refused')
        -- This caller's place becomes free when the slot that holds it now comes.
        local rank = ahead - free
        local holders = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
        local held = #holders / 2
        local place = tonumber(holders[2 * math.min(rank + 1, held)]) + math.max(0, rank + 1 - held) * interval
        redis.call('ZADD', KEYS[5], 'NX', text(now), ARGV[7])
        redis.call('ZADD', KEYS[6], text(place + GRACE), ARGV[7])
        redis.call('EXPIRE', KEYS[5], 60)
        redis.call('EXPIRE', KEYS[6], 60)
        answer = {0, place - now, text(epoch), 'lane'}
    else
        local word = ''
        if fails > 0 then word = 'troubled' end
        if opened > 0 then
            -- The pause of the open breaker is over: this caller probes, the others wait for its outcome.
            opened, word = now + PROBE_EVERY, 'probe'
        end
        tat = slot + interval
        redis.call('ZREM', KEYS[5], ARGV[7])
        redis.call('ZREM', KEYS[6], ARGV[7])
        if slot == now then
            let_through()
        else
            redis.call('ZADD', KEYS[2], text(slot), text(slot))
            redis.call('EXPIRE', KEYS[2], 60)
        end
        redis.call('HINCRBY', KEYS[3], 'waited_microseconds', text(slot - now))
        answer = {1, slot - now, text(epoch), word}
    end
elseif ARGV[1] == 'penalize' or ARGV[1] == 'block' then
    if ARGV[1] == 'block' or text(epoch) == ARGV[4] then
        blocked = math.max(blocked, now + tonumber(ARGV[3]))
        -- The queue starts anew behind the pause; earlier reservations are void by the new epoch.
        tat = blocked
        epoch = math.max(epoch + 1, now)
        if ARGV[1] == 'penalize' then
            interval = math.min(math.floor(interval * 1.5), base * 10)
            raised = blocked
            count('penalties')
        end
        answer = {1, blocked - now, text(epoch), ''}
    else
        answer = {0, math.max(0, blocked - now), text(epoch), ''}
    end
elseif ARGV[1] == 'failed' then
    if now - failed > BREAK_WITHIN then fails = 0 end
    fails, failed = fails + 1, now
    if fails >= BREAK_AFTER then
        if opened <= now then count('opened') end
        opened = now + PROBE_EVERY
    end
    count('failures')
    answer = {1, math.max(0, opened - now), text(epoch), ''}
else
    fails, opened = 0, 0
    answer = {1, 0, text(epoch), ''}
end
redis.call('HSET', KEYS[1], 'tat', text(tat), 'interval', text(interval), 'blocked', text(blocked), 'raised', text(raised),
    'epoch', text(epoch), 'fails', text(fails), 'failed', text(failed), 'opened', text(opened))
redis.call('EXPIRE', KEYS[1], KEEP)
redis.call('EXPIRE', KEYS[3], KEEP)
answer[5] = text(now)
return answer
