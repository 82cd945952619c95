-- Attempts: packed into a field of their rollout. id, number, status, start, end, worker ('=' before it; '' for none), last
-- heartbeat, outcome, end of the lease, length of the lease in milliseconds, letters, metadata as JSON. '' for null.
--
-- Letters: L it showed life, R it has a reward, U it does not count as a try, C it is a lost claim, G its spans were dropped.

local ATTEMPT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'
local IS_LIVE = { preparing = true, running = true }

local function unpack_attempt(text)
  local a = {}
  a.id, a.number, a.status, a.start, a.ended, a.worker, a.beat, a.outcome, a.lease, a.lease_ms, a.letters, a.metadata =
    string.match(text, ATTEMPT)
  a.stored = text
  a.before_status, a.before_outcome, a.before_worker, a.before_metadata = a.status, a.outcome, a.worker, a.metadata
  -- The worker whose running attempts it counts with.
  a.runs_on = IS_LIVE[a.status] and a.worker or nil
  return a
end

local function pack_attempt(a)
  return table.concat({ a.id, a.number, a.status, a.start, a.ended, a.worker, a.beat, a.outcome, a.lease, a.lease_ms, a.letters,
    a.metadata }, '\31')
end

local function has(a, letter)
  return string.find(a.letters, letter, 1, true) ~= nil
end

local function give(a, letter)
  if not has(a, letter) then
    a.letters = a.letters .. letter
  end
end

local function take(a, letter)
  a.letters = string.gsub(a.letters, letter, '')
end

-- All attempts, first to last.
local function attempts_of(r)
  local list = {}
  if r.attempts == 0 then
    return list
  end
  for number = 1, r.attempts - 1 do
    local text = redis.call('HGET', r.key, 'a' .. number)
    if text then
      list[#list + 1] = unpack_attempt(text)
    end
  end
  local last = unpack_attempt(r.latest)
  last.is_latest = true
  list[#list + 1] = last
  return list
end

-- By id, or 'latest'; nil for none.
local function find_attempt(r, id)
  if r.attempts == 0 then
    return nil
  end
  local a = unpack_attempt(r.latest)
  a.is_latest = true
  if id == 'latest' or a.id == id then
    return a
  end
  for number = r.attempts - 1, 1, -1 do
    local text = redis.call('HGET', r.key, 'a' .. number)
    if text and string.sub(text, 1, #id + 1) == id .. '\31' then
      return unpack_attempt(text)
    end
  end
  return nil
end

-- Seconds after its start, or after its last sign of life, when an attempt is ended; nil for no limit.
local function limits_of(r)
  if not r.limits then
    return nil, nil
  end
  local timeout, silence = string.match(r.limits, '^([^\31]*)\31([^\31]*)')
  return tonumber(timeout), tonumber(silence)
end

-- When the attempt ends by itself, strictly after that moment; nil when nothing ends it.
local function next_deadline(r, a)
  if not IS_LIVE[a.status] then
    return nil
  end
  local timeout, silence = limits_of(r)
  local deadline = a.lease ~= '' and tonumber(a.lease) or nil
  local function sooner(moment)
    if not deadline or moment < deadline then
      deadline = moment
    end
  end
  if timeout then
    sooner(a.start + timeout)
  end
  if silence then
    sooner((a.beat ~= '' and a.beat or a.start) + silence)
  end
  return deadline
end

-- Looks at the attempt no later than it may end. A limit that moves away, as each sign of life moves it, is not written: the
-- attempt is looked at when the old moment has come, and put back then.
local function arm(r, a)
  if not r.limits and a.lease == '' then
    return
  end
  local deadline = next_deadline(r, a)
  if deadline then
    redis.call('ZADD', P .. KEY_DEADLINES, 'LT', deadline, a.number .. '\31' .. r.id)
  end
end

local function tell_attempt(r, text)
  events[#events + 1] = { 'a', stamp, r.id, text }
end

-- Writes what has changed.
local function save_attempt(r, a)
  local text = pack_attempt(a)
  if text == a.stored then
    return text
  end
  if a.is_latest then
    r.latest = text
    put(r, 'a', text)
  else
    put(r, 'a' .. a.number, text)
  end
  if IS_LIVE[a.before_status] and not IS_LIVE[a.status] then
    if r.limits or a.lease_ms ~= '' then
      redis.call('ZREM', P .. KEY_DEADLINES, a.number .. '\31' .. r.id)
    end
  end
  if is_watched and (a.status ~= a.before_status or a.outcome ~= a.before_outcome or a.worker ~= a.before_worker
    or a.metadata ~= a.before_metadata) then
    tell_attempt(r, text)
  end
  a.stored = text
  a.before_status, a.before_outcome, a.before_worker, a.before_metadata = a.status, a.outcome, a.worker, a.metadata
  return text
end
