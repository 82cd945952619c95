-- Makes the next attempt of a rollout, whatever its status.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: rollout id, attempt id, worker ('=' before it; '' for none), length of the lease in milliseconds ('' for
--         none), idempotency key ('' for none)
-- Returns per call: '+', as include/record.lua; for a key that is known: '=', the answer of that call
-- Errors  conflict <key> <earlier verb>, missing

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include claim
-- @include record

local VERB = 'startAttempt'

return each_call(function(first)
  local id, attempt_id, worker, lease_ms, key = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], ARGV[first + 4]
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
  local a = is_again and find_attempt(r, attempt_id)
  if not a then
    claim(r, attempt_id, worker, lease_ms, false)
  end
  local answer = answer_of(id)
  if a then
    -- Its own, though there may be a later one by now.
    answer[2] = string.sub(answer[2], 1, #answer[2] - #r.latest) .. a.stored
  end
  local reply = { '+', answer }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
