-- Attempts: a text each, the last one in that of its rollout, the others in a hash by number. id, number, status, start, end,
-- worker ('=' before it; '' for none), last heartbeat, outcome, end of the lease, length of the lease in milliseconds, letters, metadata as JSON. '' for null.
--
-- Letters: L it showed life, R it has a reward, U it does not count as a try, C it is a lost claim, G its spans were dropped.

local ATTEMPT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'
local IS_LIVE = { preparing = true, running = true }

local function unpack_attempt(text)
  local id, number, status, start, ended, worker, beat, outcome, lease, lease_ms, letters, metadata = match(text, ATTEMPT)
  return { id = id, number = number, status = status, start = start, ended = ended, worker = worker, beat = beat,
    outcome = outcome, lease = lease, lease_ms = lease_ms, letters = letters, metadata = metadata, stored = text,
    before_status = status, is_latest = false,
    -- The worker whose running attempts it counts with.
    runs_on = IS_LIVE[status] and worker or nil }
end

local function pack_attempt(a)
  return a.id .. '\31' .. a.number .. '\31' .. a.status .. '\31' .. a.start .. '\31' .. a.ended .. '\31' .. a.worker .. '\31' .. a.beat
    .. '\31' .. a.outcome .. '\31' .. a.lease .. '\31' .. a.lease_ms .. '\31' .. a.letters .. '\31' .. a.metadata
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
  if r.latest == '' then
    return list
  end
  for number = 1, attempts_count(r) - 1 do
    local text = call('HGET', P .. KEY_ATTEMPTS .. r.id, number)
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
  if r.latest == '' then
    return nil
  end
  local a = unpack_attempt(r.latest)
  a.is_latest = true
  if id == 'latest' or a.id == id then
    return a
  end
  if a.number == '1' then
    return nil
  end
  if not r.older then
    r.older = {}
    local all = call('HGETALL', P .. KEY_ATTEMPTS .. r.id)
    for at = 2, #all, 2 do
      r.older[match(all[at], '^[^\31]*')] = all[at]
    end
  end
  local text = r.older[id]
  return text and unpack_attempt(text) or nil
end

-- Seconds after its start, or after its last sign of life, when an attempt is ended; nil for no limit.
local function limits_of(r)
  if r.limits == '' then
    return nil, nil
  end
  local timeout, silence = match(r.limits, '^([^,]*),([^,]*)')
  return tonumber(timeout), tonumber(silence)
end

-- When the attempt ends by itself, strictly after that moment; nil when nothing ends it.
local function next_deadline(r, a)
  if not IS_LIVE[a.status] then
    return nil
  end
  local timeout, silence = limits_of(r)
  local deadline = a.lease ~= '' and tonumber(a.lease) or math.huge
  if timeout then
    deadline = math.min(deadline, a.start + timeout)
  end
  if silence then
    deadline = math.min(deadline, (a.beat ~= '' and a.beat or a.start) + silence)
  end
  -- Nobody lives to see what comes later, and its microseconds are no whole number any more.
  return deadline < 9e9 and deadline or nil
end

-- Looks at the attempt no later than it may end. A limit that moves away, as each sign of life moves it, is not written: the
-- attempt is looked at when the old moment has come, and put back then.
local function arm(r, a)
  if r.limits == '' and a.lease == '' then
    return
  end
  local deadline = next_deadline(r, a)
  if deadline then
    arm_at(a.number .. '\31' .. r.id, deadline)
  end
end

local function tell_attempt(r, text)
  events[#events + 1] = { 'a', stamp, r.id, text }
end

-- To be followed by `save_rollout`.
local function save_attempt(r, a)
  local text = pack_attempt(a)
  if text == a.stored then
    return text
  end
  if a.is_latest then
    r.latest = text
  else
    call('HSET', P .. KEY_ATTEMPTS .. r.id, a.number, text)
    r.older = nil
  end
  if IS_LIVE[a.before_status] and not IS_LIVE[a.status] then
    if r.limits ~= '' or a.lease_ms ~= '' then
      disarm(a.number .. '\31' .. r.id)
    end
  end
  if is_watched then
    local before = unpack_attempt(a.stored)
    if a.status ~= before.status or a.outcome ~= before.outcome or a.worker ~= before.worker or a.metadata ~= before.metadata then
      tell_attempt(r, text)
    end
  end
  a.stored, a.before_status = text, a.status
  return text
end
