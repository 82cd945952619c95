-- What is told of spans that are to be deleted: where they lie, and whose they are. They stay noted until that is done.
local function throw_away_spans(r, trash)
  if r.span_bytes == 0 then
    return
  end
  local s = spans_of(r)
  local place = place_of_spans(r, s.generation) .. '\31' .. r.id
  call('SADD', P .. KEY_TRASH, place)
  call('UNLINK', P .. KEY_SPAN_INDEX .. r.id)
  trash[#trash + 1] = place
  spans_added = spans_added - s.arrived
  span_bytes_added = span_bytes_added - s.bytes
end

-- Forgets a finished rollout and all that hangs on it.
local function remove_rollout(r, trash)
  local attempts = attempts_of(r)
  -- One that was finished by hand may have attempts that are still running.
  for _, a in ipairs(attempts) do
    if IS_LIVE[a.status] then
      worker_left(a, r.id, false)
      disarm(a.number .. '\31' .. r.id)
    end
  end
  throw_away_spans(r, trash)
  call('UNLINK', P .. KEY_ROLLOUT .. r.id, P .. KEY_BODY .. r.id, P .. KEY_ATTEMPTS .. r.id)
  r.is_removed = true
  rollouts[r.id] = false
  call('ZREM', P .. KEY_STATUSES, r.id)
  attempts_total = attempts_total - #attempts
  bytes_total = bytes_total - weight_of(r)
  finished_bytes = finished_bytes - weight_of(r)
  if is_watched then
    events[#events + 1] = { 'd', stamp, r.id }
  end
end
