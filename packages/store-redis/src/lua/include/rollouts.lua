-- Rollouts: a hash each.
--
--   s  status                     u  attempts that do not count as a try
--   h  header, see below          l  lost claims since it was opened
--   n  number of the last attempt c  limits and retries, see below; absent for none
--   a  the last attempt, packed   q  place in the queue; absent while it is its ordinal
--   a1, a2, … the ones before     e  end time
--   i  input, as JSON             x  highest span sequence id given or seen
--   d  what only clients read     y  spans that arrived
--                                 z  bytes of its spans
--                                 v  highest sequence id of a span that is stored
--                                 w  1 when a span arrived after one with the same or a higher sequence id: until then the order of arrival
--                                    is that of the ids
--                                 g  how often its spans were dropped; absent for never
--
-- Header: ordinal, priority, start time, bytes of the record, version of the resources, their id ('=' before it; '' for none).
-- Limits: timeout_seconds, unresponsive_seconds, max_attempts, letters of retry_condition, letters of retry_outcomes.
-- Texts are joined by \31, which no part but the last one may hold.

local HEADER = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$'
local CODE = { queuing = 0, requeuing = 1, preparing = 2, running = 3, succeeded = 4, failed = 5, cancelled = 6 }
-- The index of statuses is sorted by status, then by ordinal.
local STATUS_STEP = 35184372088832
local IS_QUEUING = { queuing = true, requeuing = true }
local IS_FINISHED = { succeeded = true, failed = true, cancelled = true }
-- What an attempt is reckoned to take beside its metadata.
local ATTEMPT_BYTES = 200

-- Nil for an unknown id.
local function read_rollout(id)
  local key = P .. KEY_ROLLOUT .. id
  local f = redis.call('HMGET', key, 's', 'h', 'n', 'a', 'u', 'l', 'c', 'q', 'e', 'z', 'g')
  if not f[1] then
    return nil
  end
  local r = { id = id, key = key, status = f[1], stored_status = f[1], attempts = tonumber(f[3]) or 0, latest = f[4],
    uncounted = tonumber(f[5]) or 0, lost = tonumber(f[6]) or 0, limits = f[7], place = f[8], ended = f[9] or '',
    span_bytes = tonumber(f[10]) or 0, generation = f[11], set = {} }
  r.ordinal, r.priority, r.start, r.bytes, r.version, r.resources = string.match(f[2], HEADER)
  r.ordinal = tonumber(r.ordinal)
  r.bytes = tonumber(r.bytes)
  return r
end

local function put(r, field, value)
  local set = r.set
  set[#set + 1] = field
  set[#set + 1] = value
end

local function header_of(r)
  return table.concat({ r.ordinal, r.priority, r.start, r.bytes, r.version, r.resources }, '\31')
end

-- All that it takes, with its attempts and spans.
local function weight_of(r)
  return r.bytes + r.attempts * ATTEMPT_BYTES + r.span_bytes
end

-- The queue has a list for each priority that was ever asked for.
local function add_priority(priority)
  if string.find(priorities, ',' .. priority .. ',', 1, true) then
    return
  end
  local list = {}
  for known in string.gmatch(priorities, '[^,]+') do
    list[#list + 1] = known
  end
  list[#list + 1] = priority
  table.sort(list, function(a, b) return tonumber(a) > tonumber(b) end)
  priorities = ',' .. table.concat(list, ',') .. ','
end

-- At the tail of its priority. An entry names its place: one whose rollout has another place by now, or does not wait, is stale
-- and passed over when it comes to the head.
local function put_into_queue(r)
  ordinal = ordinal + 1
  r.place = ordinal
  put(r, 'q', ordinal)
  redis.call('RPUSH', P .. KEY_QUEUE .. r.priority, ordinal .. '\31' .. r.id)
  add_priority(r.priority)
  new_work = new_work + 1
end

-- Puts a rollout into a status; nothing happens when it is there already.
local function move(r, status)
  local before = r.status
  if before == status then
    return
  end
  if IS_QUEUING[status] and not IS_QUEUING[before] then
    put_into_queue(r)
  end
  if IS_FINISHED[status] then
    if not IS_FINISHED[before] then
      told[#told + 1] = 'f' .. r.id
    end
    r.ended = stamp
  else
    if IS_FINISHED[before] then
      told[#told + 1] = 'o' .. r.id
      r.lost = 0
      put(r, 'l', 0)
    end
    if r.ended ~= '' then
      put(r, 'e', '')
    end
    r.ended = ''
  end
  r.status = status
end

-- Tells who watches; the reader of the feed adds the input.
local function tell_rollout(r)
  events[#events + 1] = { 'r', stamp, r.id, r.status, r.ended, header_of(r), redis.call('HGET', r.key, 'd') or '',
    r.limits or '' }
end

-- Writes what has changed.
local function save_rollout(r)
  local status = r.status
  if status ~= r.stored_status then
    put(r, 's', status)
    status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + r.ordinal
    status_moves[#status_moves + 1] = r.id
    if IS_FINISHED[status] then
      put(r, 'e', r.ended)
      redis.call('RPUSH', P .. KEY_ENDED, r.ended .. '\31' .. r.id)
      if r.span_bytes > 0 then
        redis.call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. r.id)
      end
    end
    if IS_FINISHED[status] ~= IS_FINISHED[r.stored_status] then
      finished_bytes = finished_bytes + (IS_FINISHED[status] and weight_of(r) or -weight_of(r))
    end
  end
  if #r.set > 0 then
    redis.call('HSET', r.key, unpack(r.set))
  end
  if is_watched and (status ~= r.stored_status or r.is_news) then
    tell_rollout(r)
  end
  r.stored_status = status
  r.set = {}
end
