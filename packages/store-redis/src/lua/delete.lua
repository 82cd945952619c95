-- Deletes finished rollouts with all that hangs on them.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: a word that no other call has, ids, each once
-- Returns per call: '+', a list of the ids that it deleted, a list of the places of spans that are now to be deleted

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include remove
-- @include sent

return each_call(function(first, last)
  local sent = find_sent(ARGV[first])
  if sent then
    return sent
  end
  local deleted, trash = {}, {}
  for at = first + 1, last do
    local r = read_rollout(ARGV[at])
    if r and IS_FINISHED[r.status] then
      remove_rollout(r, trash)
      deleted[#deleted + 1] = r.id
    end
  end
  trim_ended(2 * #deleted + 10)
  local reply = { '+', deleted, trash }
  keep_sent(ARGV[first], reply)
  return reply
end)
