-- Puts rollouts into the queue: of each call all or none, in order.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), verb; then per rollout: see include/insert.lua
-- Returns per call: '+', then per rollout: its start time, resources and version if it is new, else '=' and it as include/record.lua
-- Errors  conflict <key> <earlier verb>, full <kept> <added>, retain <added>

-- @include state
-- @include rollouts
-- @include answers
-- @include room
-- @include insert
-- @include record

return each_call(function(first, last)
  local max_bytes, verb = ARGV[first], ARGV[first + 1]
  restart_time()
  local earlier, added = {}, 0
  for at = first + 2, last, INSERT_ARGUMENTS do
    local id, other_verb = find_earlier(at, verb)
    if other_verb then
      return { 'conflict', ARGV[at + 2], other_verb }
    end
    if id then
      earlier[at] = id
    elseif max_bytes ~= '' then
      added = added + new_bytes(at)
    end
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end
  local reply = { '+' }
  for at = first + 2, last, INSERT_ARGUMENTS do
    local key = ARGV[at + 2]
    -- Two of one call may share a key or an id.
    local id = earlier[at] or find_earlier(at, verb)
    if id then
      if key ~= '' and not find_answer(key) then
        keep_answer(verb, key, id)
      end
      reply[#reply + 1] = { '=', answer_of(id) }
    else
      local _, resources, version = insert(at, 'queuing', verb)
      reply[#reply + 1] = { stamp, resources, version }
      -- Those of one call are told apart by their times.
      if at + INSERT_ARGUMENTS <= last then
        tick()
      end
    end
  end
  return reply
end)
