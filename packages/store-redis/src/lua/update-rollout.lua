-- Changes a rollout by hand. As `updateRollout` of the kit's state machine.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), idempotency key ('' for none), rollout id, status ('' to leave it alone), '1' if
--         the resources change, new resources ('=' before the id; '' for none), '1' if the limits change, new limits, SHA-1 of the
--         body that was read ('' if it does not change), new body, a word that no other call has
-- Returns per call: '+', the rollout as include/record.lua; for a key that is known: '=', the answer of that call
-- Errors  conflict <key> <earlier verb>, missing, changed (the body is another by now: read it and send the call again), full <kept> <added>,
--         retain <added>

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include sent
-- @include moves
-- @include room
-- @include record

local VERB = 'updateRollout'

local function newest_version(resources)
  if resources == '' then
    return ''
  end
  local history = call('HGET', P .. KEY_RESOURCES, string.sub(resources, 2))
  return history and match(history, '^[^\31]*\31([^\31]*)') or ''
end

return each_call(function(first)
  local max_bytes, key, id, status, new_resources, resources, new_limits, limits, sha1, body, word =
    unpack(ARGV, first, first + 10)
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
  -- Whoever works on what it has opened must not lose it to the same call.
  if find_sent(word) then
    return { '+', answer_of(id) }
  end
  local before = sha1 ~= '' and call('GET', P .. KEY_BODY .. id)
  if before and redis.sha1hex(before) ~= sha1 then
    return { 'changed' }
  end
  local grown = before and #body - #before or 0
  local becomes = status ~= '' and status or r.status
  if grown > 0 and not IS_FINISHED[becomes] then
    local refusal = refuse_bytes(max_bytes, grown)
    if refusal then
      return refusal
    end
  end
  if before and before ~= body then
    call('SET', P .. KEY_BODY .. id, body)
    r.is_news = true
  end
  if new_resources == '1' then
    local start, priority = fixed_of(r)
    local fixed = start .. '\30' .. priority .. '\30' .. newest_version(resources) .. '\30' .. resources
    r.is_news = r.is_news or r.fixed ~= fixed
    r.fixed = fixed
  end
  if grown ~= 0 then
    r.bytes = r.bytes + grown
    bytes_total = bytes_total + grown
    if IS_FINISHED[r.status] then
      finished_bytes = finished_bytes + grown
    end
  end
  if new_limits == '1' then
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
        call('ZADD', P .. KEY_DEADLINES, score_of(deadline), member)
      else
        call('ZREM', P .. KEY_DEADLINES, member)
      end
    end
  end
  keep_sent(word, true)
  local reply = { '+', answer_of(id) }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
