-- Forgets workers that run nothing, unless they were heard of since they were read.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: worker id, its status and times (s, h, d, b, i) as they were read, joined by \31
-- Returns per call: '+'

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers

return each_call(function(first)
  local w = find_worker(ARGV[first])
  if not w or w.count > 0 then
    return { '+' }
  end
  local f = call('HMGET', w.key, 's', 'h', 'd', 'b', 'i')
  for place = 1, 5 do
    f[place] = f[place] or ''
  end
  if table.concat(f, '\31') == ARGV[first + 1] then
    drop_list(w)
    call('UNLINK', w.key)
    w.is_changed = false
    call('ZREM', P .. KEY_WORKERS, w.id)
    workers[w.id] = false
  end
  return { '+' }
end)
