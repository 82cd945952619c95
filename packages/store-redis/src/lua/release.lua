-- Gives claimed work back. As `releaseAttempt` of the kit's state machine.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: rollout id, attempt id
-- Returns per call: '+', the rollout as include/record.lua
-- Errors  missing, no-attempt

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves
-- @include record

return each_call(function(first)
  local id, attempt_id = ARGV[first], ARGV[first + 1]
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  local a = attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
  if not a then
    return { 'no-attempt' }
  end
  if IS_LIVE[a.status] then
    give(a, 'U')
    end_attempt(r, a, 'failed', 'infra_error')
    set_uncounted(r, r.uncounted + 1, r.lost)
    save_attempt(r, a)
    if a.is_latest and not IS_FINISHED[r.status] then
      move(r, 'requeuing')
    end
    save_rollout(r)
  end
  return { '+', answer_of(id) }
end)
