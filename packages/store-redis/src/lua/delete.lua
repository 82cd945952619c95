-- Deletes finished rollouts with all that hangs on them.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: ids, each once
-- Returns per call: '+', a list of the ids that it deleted, a list of the places of spans that are now to be deleted

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include remove

return each_call(function(first, last)
  local deleted, trash = {}, {}
  for at = first, last do
    local r = read_rollout(ARGV[at])
    if r and IS_FINISHED[r.status] then
      remove_rollout(r, trash)
      deleted[#deleted + 1] = r.id
    end
  end
  return { '+', deleted, trash }
end)
