-- Stores a record of a snapshot as it was. One that is sent again and would be counted twice is found to be there.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: what it is, and
--           history   id, last version
--           version   id, version, create time, update time, encoding, data
--           alias     alias, id, version, update time
--           rollout   id, status, end time, priority, start time, resources, version, body, limits, uncounted attempts, lost claims,
--                     highest span sequence id
--           queue     rollout id: it waits behind those that came before
--           attempt   rollout id, number, the attempt
--           span      rollout id, number of the attempt, span id, sequence id, bytes
--           worker    id, number of fields, fields and values, then what it runs: rollout id and attempt id each
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
  if is_again and call('HEXISTS', P .. KEY_VERSIONS .. id, version) == 1 then
    return
  end
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
  call('HSET', P .. KEY_ALIASES, alias, table.concat({ ordinal, version, updated, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, updated, id }
  end
end

function restore.rollout(at)
  local id, status, ended, priority, start, resources, version, body, limits, uncounted, lost, sequence = unpack(ARGV, at, at + 11)
  if is_again and read_rollout(id) then
    return
  end
  ordinal = ordinal + 1
  local bytes = #id + #body + 100
  local r = { id = id, status = status, stored_status = status, ordinal = whole(ordinal), ended = ended, bytes = bytes,
    limits = limits, spans = '', fixed = start .. '\30' .. priority .. '\30' .. version .. '\30' .. resources, latest = '',
    uncounted = tonumber(uncounted), lost = tonumber(lost), place = '', span_bytes = 0, is_news = true }
  if sequence ~= '0' then
    set_spans(r, { bytes = 0, arrived = 0, highest = tonumber(sequence), generation = '' })
  end
  rollouts[id] = r
  texts[#texts + 1] = P .. KEY_BODY .. id
  texts[#texts + 1] = body
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + bytes
  if IS_FINISHED[status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
end

function restore.queue(at)
  local r = read_rollout(ARGV[at])
  put_into_queue(r)
  save_rollout(r)
end

function restore.ended(at)
  local r = read_rollout(ARGV[at])
  call('RPUSH', P .. KEY_ENDED, r.ended .. '\31' .. r.id)
  if r.span_bytes > 0 then
    call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. r.id)
  end
end

function restore.attempt(at)
  local id, number, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local r = read_rollout(id)
  local before = attempts_count(r)
  if is_again and before >= number then
    return
  end
  if before > 0 then
    call('HSET', P .. KEY_ATTEMPTS .. id, before, r.latest)
  end
  local a = unpack_attempt(text)
  local bytes = (number - before) * ATTEMPT_BYTES + #a.metadata
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  attempts_total = attempts_total + 1
  r.latest = text
  r.bytes = r.bytes + #a.metadata
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  local deadline = next_deadline(r, a)
  if deadline then
    arm_at(number .. '\31' .. id, deadline)
  end
end

function restore.span(at)
  local id, number, span_id, sequence, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local r = read_rollout(id)
  local known = is_again and call('HGET', P .. KEY_SPAN_INDEX .. id, number .. ':' .. span_id)
  if known then
    return { '+', r.ordinal, match(known, '^[^:]*') }
  end
  local s = spans_of(r)
  s.arrived = s.arrived + 1
  s.bytes = s.bytes + bytes
  if s.stored and sequence <= s.stored then
    s.is_unordered = true
  else
    s.stored = sequence
  end
  set_spans(r, s)
  call('HSET', P .. KEY_SPAN_INDEX .. id, number .. ':' .. span_id, s.arrived .. ':' .. whole(sequence))
  spans_added = spans_added + 1
  span_bytes_added = span_bytes_added + bytes
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
  return { '+', r.ordinal, whole(s.arrived) }
end

function restore.worker(at, last)
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  if is_again and find_worker(id) then
    return
  end
  local w = need_worker(id)
  local running = {}
  for place = at + 2 + 2 * count, last, 2 do
    running[#running + 1] = ARGV[place] .. '\31' .. ARGV[place + 1]
  end
  send('RPUSH', P .. KEY_RUNNING .. id, running)
  call('HSET', w.key, 'n', #running, 'l', #running, unpack(ARGV, at + 2, at + 1 + 2 * count))
  w.is_changed = false
  workers[id] = nil
end

function restore.key(at)
  local key, verb, time, answer = unpack(ARGV, at, at + 3)
  local left = math.floor((LIFETIME_SECONDS - (now - time)) * 1000)
  if left > 0 then
    call('SET', P .. KEY_ANSWER .. key, verb .. '\31' .. time .. '\31' .. answer, 'PX', left)
  end
end

return each_call(function(first, last)
  return restore[ARGV[first]](first + 1, last) or { '+' }
end)
