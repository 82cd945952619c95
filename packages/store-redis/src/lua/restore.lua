-- Stores a record of a snapshot as it was.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: what it is, and
--           history   id, last version
--           version   id, version, create time, update time, encoding, data
--           alias     alias, id, version, update time
--           rollout   id, status, end time, priority, start time, resources, version, input, cold fields, limits, uncounted attempts,
--                     lost claims, highest span sequence id
--           queue     rollout id: it waits behind those that came before
--           attempt   rollout id, number, the attempt
--           span      rollout id, number of the attempt, span id, sequence id, bytes
--           worker    id, record without its ordinal, then what it runs: rollout id and attempt id each
--           key       idempotency key, verb, time, answer
-- Returns per call: '+'; for a span also the ordinal of its rollout and its place

-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include versions

local restore = {}

function restore.history(at)
  local history = read_history(ARGV[at]) or { newest = '', created = '' }
  history.last = tonumber(ARGV[at + 1])
  write_history(ARGV[at], history)
end

function restore.version(at)
  local id, version, created, updated, encoding, data = unpack(ARGV, at, at + 5)
  local history = read_history(id)
  local newest = history.newest
  store_version(id, history, tonumber(version), created, updated, encoding, data)
  if newest ~= '' and tonumber(newest) > tonumber(version) then
    history.newest = newest
  end
  write_history(id, history)
end

function restore.alias(at)
  local alias, id, version, updated = unpack(ARGV, at, at + 3)
  ordinal = ordinal + 1
  redis.call('HSET', P .. KEY_ALIASES, alias, table.concat({ ordinal, version, updated, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, updated, id }
  end
end

function restore.rollout(at)
  local id, status, ended, priority, start, resources, version, input, cold, limits, uncounted, lost, sequence =
    unpack(ARGV, at, at + 12)
  ordinal = ordinal + 1
  local r = { id = id, key = P .. KEY_ROLLOUT .. id, status = status, ended = ended, ordinal = ordinal, priority = priority,
    start = start, resources = resources, version = version, attempts = 0, span_bytes = 0,
    bytes = #id + #cold + #input + 100, limits = limits ~= '' and limits or false }
  redis.call('HSET', r.key, 's', status, 'h', header_of(r), 'i', input, 'u', uncounted, 'l', lost, 'x', sequence, 'e', ended)
  if cold ~= '' then
    redis.call('HSET', r.key, 'd', cold)
  end
  if limits ~= '' then
    redis.call('HSET', r.key, 'c', limits)
  end
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + r.bytes
  if IS_FINISHED[status] then
    finished_bytes = finished_bytes + r.bytes
  end
  if is_watched then
    tell_rollout(r)
  end
end

function restore.queue(at)
  local r = read_rollout(ARGV[at])
  put_into_queue(r)
  save_rollout(r)
end

function restore.ended(at)
  local r = read_rollout(ARGV[at])
  redis.call('RPUSH', P .. KEY_ENDED, r.ended .. '\31' .. r.id)
  if r.span_bytes > 0 then
    redis.call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. r.id)
  end
end

function restore.attempt(at)
  local id, number, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local r = read_rollout(id)
  if r.attempts > 0 then
    put(r, 'a' .. r.attempts, r.latest)
  end
  local bytes = (number - r.attempts) * ATTEMPT_BYTES
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  attempts_total = attempts_total + 1
  put(r, 'a', text)
  put(r, 'n', number)
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  local a = unpack_attempt(text)
  local deadline = next_deadline(r, a)
  if deadline then
    redis.call('ZADD', P .. KEY_DEADLINES, deadline, number .. '\31' .. id)
  end
end

function restore.span(at)
  local id, number, span_id, sequence, bytes = unpack(ARGV, at, at + 4)
  local r = read_rollout(id)
  local f = redis.call('HMGET', r.key, 'y', 'v')
  local arrived, stored = (tonumber(f[1]) or 0) + 1, tonumber(f[2])
  put(r, 'y', arrived)
  put(r, 'z', r.span_bytes + bytes)
  if stored and tonumber(sequence) <= stored then
    put(r, 'w', 1)
  else
    put(r, 'v', sequence)
  end
  redis.call('HSET', P .. KEY_SPAN_INDEX .. id, number .. ':' .. span_id, arrived .. ':' .. sequence)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'spans', 1)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', bytes)
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
  return { '+', r.ordinal, arrived }
end

function restore.worker(at, last)
  local id = ARGV[at]
  ordinal = ordinal + 1
  workers_total = workers_total + 1
  redis.call('HSET', P .. KEY_CONTROL, 'w:' .. id, ordinal .. '\31' .. ARGV[at + 1])
  local w = change_worker(id)
  for place = at + 2, last, 2 do
    redis.call('RPUSH', P .. KEY_RUNNING .. id, ARGV[place] .. '\31' .. ARGV[place + 1])
    w.count = w.count + 1
    w.length = w.length + 1
  end
end

function restore.key(at)
  local key, verb, time, answer = unpack(ARGV, at, at + 3)
  local left = math.floor((LIFETIME_SECONDS - (now - time)) * 1000)
  if left > 0 then
    redis.call('SET', P .. KEY_ANSWER .. key, verb .. '\31' .. time .. '\31' .. answer, 'PX', left)
  end
end

return each_call(function(first, last)
  return restore[ARGV[first]](first + 1, last) or { '+' }
end)
