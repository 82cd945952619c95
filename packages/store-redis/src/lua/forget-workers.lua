-- Forgets workers that run nothing, unless they were heard of since they were read.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: worker id, its record as it was read
-- Returns per call: '+'

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers

return each_call(function(first)
  local w = find_worker(ARGV[first])
  if w and w.count == 0 and pack_worker(w) == ARGV[first + 1] then
    redis.call('HDEL', P .. KEY_CONTROL, 'w:' .. w.id)
    drop_list(w)
    workers[w.id] = false
    workers_total = workers_total - 1
  end
  return { '+' }
end)
