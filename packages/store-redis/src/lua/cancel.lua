-- Cancels what is not finished.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: ids of rollouts, each once
-- Returns per call: '+', each rollout that it cancelled as include/record.lua

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves
-- @include record

return each_call(function(first, last)
  local reply = { '+' }
  for at = first, last do
    local r = read_rollout(ARGV[at])
    if r and not IS_FINISHED[r.status] then
      settle_cancelled(r)
      move(r, 'cancelled')
      save_rollout(r)
      reply[#reply + 1] = answer_of(r.id)
    end
  end
  return reply
end)
