-- Cancels what is not finished.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: a word that no other call has, ids of rollouts, each once
-- Returns per call: '+', each rollout that it cancelled as include/record.lua

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves
-- @include sent
-- @include record

return each_call(function(first, last)
  local reply, cancelled = { '+' }, {}
  local sent = find_sent(ARGV[first])
  for _, id in ipairs(sent or {}) do
    if call('EXISTS', P .. KEY_ROLLOUT .. id) == 1 then
      reply[#reply + 1] = answer_of(id)
    end
  end
  if sent then
    return reply
  end
  for at = first + 1, last do
    local r = read_rollout(ARGV[at])
    if r and not IS_FINISHED[r.status] then
      settle_cancelled(r)
      move(r, 'cancelled')
      save_rollout(r)
      reply[#reply + 1] = answer_of(r.id)
      cancelled[#cancelled + 1] = r.id
    end
  end
  keep_sent(ARGV[first], cancelled)
  return reply
end)
