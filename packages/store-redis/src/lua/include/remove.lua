-- What is told of spans that are to be deleted: where they lie, and whose they are. They stay noted until that is done.
local function throw_away_spans(r, trash)
  if r.span_bytes == 0 then
    return
  end
  local place = (r.generation and (r.ordinal .. '.' .. r.generation) or r.ordinal) .. '\31' .. r.id
  redis.call('SADD', P .. KEY_TRASH, place)
  redis.call('UNLINK', P .. KEY_SPAN_INDEX .. r.id)
  trash[#trash + 1] = place
  local count = tonumber(redis.call('HGET', r.key, 'y')) or 0
  redis.call('HINCRBY', P .. KEY_CONTROL, 'spans', -count)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', -r.span_bytes)
end

-- Forgets a finished rollout and all that hangs on it.
local function remove_rollout(r, trash)
  local attempts = attempts_of(r)
  -- One that was finished by hand may have attempts that are still running.
  for _, a in ipairs(attempts) do
    if IS_LIVE[a.status] then
      worker_left(a, r.id, false)
      redis.call('ZREM', P .. KEY_DEADLINES, a.number .. '\31' .. r.id)
    end
  end
  throw_away_spans(r, trash)
  redis.call('UNLINK', r.key)
  redis.call('ZREM', P .. KEY_STATUSES, r.id)
  attempts_total = attempts_total - #attempts
  bytes_total = bytes_total - weight_of(r)
  finished_bytes = finished_bytes - weight_of(r)
  if is_watched then
    events[#events + 1] = { 'd', stamp, r.id }
  end
  tick()
end
