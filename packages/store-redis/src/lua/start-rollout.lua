-- Makes a rollout with its first attempt, which never enters the queue.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), attempt id, worker ('=' before it; '' for none), length of the lease in
--         milliseconds ('' for none); then the rollout: see include/insert.lua
-- Returns per call: '+', start time, resources, version, attempt if it is new; else '=', then as include/record.lua with the
--         first attempt
-- Errors  conflict <key> <earlier verb>, queued <id>, full <kept> <added>, retain <added>

-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include room
-- @include insert
-- @include record
-- @include claim

local VERB = 'startRollout'

return each_call(function(first)
  local max_bytes, attempt_id, worker, lease_ms, at = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], first + 4
  local key = ARGV[at + 2]
  local id, other_verb = find_earlier(at, VERB)
  if other_verb then
    return { 'conflict', key, other_verb }
  end
  if id then
    if key ~= '' and not find_answer(key) then
      keep_answer(VERB, key, id)
    end
    local r = read_rollout(id)
    local attempts = attempts_count(r)
    if attempts == 0 then
      return { 'queued', id }
    end
    return { '=', answer_of(id), attempts == 1 and r.latest or call('HGET', P .. KEY_ATTEMPTS .. id, 1) }
  end
  local refusal = refuse_bytes(max_bytes, new_bytes(at))
  if refusal then
    return refusal
  end
  id = ARGV[at]
  local text, resources, version = insert(at, 'preparing', VERB)
  local r = parse_rollout(id, text)
  rollouts[id] = r
  return { '+', stamp, resources, version, claim(r, attempt_id, worker, lease_ms, false) }
end)
