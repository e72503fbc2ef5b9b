-- One global pacemaker per account (GCRA reservation, burst 1), on the server's own clock.
-- KEYS[1]  hash: tat, interval, blocked, epoch, penalty (integer microseconds; epoch and penalty are counters)
-- ARGV[1]  operation: reserve | penalize | epoch
-- ARGV[2]  base interval in microseconds
-- ARGV[3]  reserve: longest wait the caller accepts, in microseconds; penalize: retry-after in microseconds
-- ARGV[4]  penalize: the epoch that the caller saw
-- Answers  reserve: {1, wait, epoch} or {0, wait, epoch}; penalize: {1 or 0, blocked for, epoch}; epoch: {epoch}
local HORIZON = 10 * 1000000
local GUARD = 1000000
local KEEP = 86400

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function text(number) return string.format('%.0f', number) end

local state = redis.call('HMGET', KEYS[1], 'tat', 'interval', 'blocked', 'epoch', 'raised')
local base = tonumber(ARGV[2])
local tat, interval, blocked = tonumber(state[1]), tonumber(state[2]), tonumber(state[3])
local epoch, raised = tonumber(state[4]), tonumber(state[5])

if not tat or not epoch then
    -- Flushed or restarted: what was sent in the last second is unknown, so wait one out and void all reservations.
    tat, interval, blocked, raised = now + GUARD, base, 0, 0
    epoch = now
end
if not interval or interval < base then interval = base end
-- A clock that stepped back must not leave a slot hours away.
if tat > now + HORIZON + GUARD then tat = now + HORIZON end
-- Every 10 quiet seconds give one request per second back.
if interval > base and raised > 0 and now - raised >= 10000000 then
    local steps = math.floor((now - raised) / 10000000)
    local rate = 1000000 / interval + steps
    interval = math.max(base, math.floor(1000000 / rate))
    raised = raised + steps * 10000000
end

local answer
if ARGV[1] == 'reserve' then
    local slot = math.max(now, tat, blocked or 0)
    local wait = slot - now
    if wait > tonumber(ARGV[3]) then
        answer = {0, wait, text(epoch)}
    else
        tat = slot + interval
        answer = {1, wait, text(epoch)}
    end
elseif ARGV[1] == 'penalize' then
    if text(epoch) == ARGV[4] then
        blocked = math.max(blocked or 0, now + tonumber(ARGV[3]))
        -- The limiter's queue starts anew behind the pause; earlier reservations are void by the new epoch.
        tat = blocked
        epoch = math.max(epoch + 1, now)
        interval = math.min(math.floor(interval * 1.5), base * 10)
        raised = blocked
        answer = {1, blocked - now, text(epoch)}
    else
        answer = {0, math.max(0, (blocked or 0) - now), text(epoch)}
    end
else
    answer = {text(epoch)}
end
redis.call('HSET', KEYS[1], 'tat', text(tat), 'interval', text(interval), 'blocked', text(blocked or 0),
    'epoch', text(epoch), 'raised', text(raised or 0))
redis.call('EXPIRE', KEYS[1], KEEP)
return answer
