-- Changes a rollout by hand. As `updateRollout` of the kit's state machine.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), idempotency key ('' for none), rollout id, status, '1' if the resources change,
--         new resources ('=' before the id; '' for none), '1' if the limits change, new limits, '1' if the cold fields change,
--         those that they were read as, new cold fields, '1' if the input changes, new input; '' for a status that is left alone
-- Returns per call: '+', the rollout as include/record.lua; for a key that is known: '=', the answer of that call
-- Errors  conflict <key> <earlier verb>, missing, changed (the cold fields are others by now: read them and send the call again), full <kept> <added>,
--         retain <added>

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include moves
-- @include room
-- @include record

local VERB = 'updateRollout'

local function newest_version(resources)
  if resources == '' then
    return ''
  end
  local history = redis.call('HGET', P .. KEY_RESOURCES, string.sub(resources, 2))
  return history and string.match(history, '^[^\31]*\31([^\31]*)') or ''
end

-- What the field becomes longer by.
local function grow(r, field, value)
  local before = redis.call('HGET', r.key, field) or ''
  if before ~= value then
    put(r, field, value)
    r.is_news = true
  end
  return #value - #before
end

return each_call(function(first)
  local max_bytes, key, id, status, new_resources, resources, new_limits, limits, new_cold, old_cold, cold, new_input, input =
    unpack(ARGV, first, first + 12)
  if key ~= '' then
    local answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= VERB then
      return { 'conflict', key, earlier_verb }
    end
    if answer then
      return { '=', answer }
    end
  end
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  if new_cold == '1' and (redis.call('HGET', r.key, 'd') or '') ~= old_cold then
    return { 'changed' }
  end
  local grown = 0
  if new_cold == '1' then
    grown = grown + grow(r, 'd', cold)
  end
  if new_input == '1' then
    grown = grown + grow(r, 'i', input)
  end
  local becomes = status ~= '' and status or r.status
  if grown > 0 and not IS_FINISHED[becomes] then
    local refusal = refuse_bytes(max_bytes, grown)
    if refusal then
      return refusal
    end
  end
  if new_resources == '1' then
    local version = newest_version(resources)
    r.is_news = r.is_news or r.resources ~= resources or r.version ~= version
    r.resources, r.version = resources, version
  end
  if grown ~= 0 then
    r.bytes = r.bytes + grown
    bytes_total = bytes_total + grown
    if IS_FINISHED[r.status] then
      finished_bytes = finished_bytes + grown
    end
  end
  if new_resources == '1' or grown ~= 0 then
    put(r, 'h', header_of(r))
  end
  if new_limits == '1' then
    put(r, 'c', limits)
    r.limits = limits
  end
  if status ~= '' and status ~= r.status then
    if status == 'cancelled' then
      settle_cancelled(r)
    end
    move(r, status)
  end
  save_rollout(r)
  if new_limits == '1' then
    -- They may have come nearer, or be gone.
    for _, a in ipairs(attempts_of(r)) do
      local member = a.number .. '\31' .. r.id
      local deadline = next_deadline(r, a)
      if deadline then
        redis.call('ZADD', P .. KEY_DEADLINES, deadline, member)
      else
        redis.call('ZREM', P .. KEY_DEADLINES, member)
      end
    end
  end
  local reply = { '+', answer_of(id) }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
