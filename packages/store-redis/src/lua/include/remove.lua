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
  removing = r.id
  -- One that was finished by hand may have attempts that are still running.
  for _, a in ipairs(attempts) do
    if IS_LIVE[a.status] then
      worker_left(a, r.id, false)
      disarm(a.number .. '\31' .. r.id)
    end
  end
  removing = nil
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

-- Takes from the heads of the lists of what is finished a few entries of what is not there any more: about as many as come in.
local function trim_ended(count)
  for _, list in ipairs({ P .. KEY_ENDED, P .. KEY_ENDED_WITH_SPANS }) do
    for _ = 1, count do
      local entry = call('LINDEX', list, 0)
      if not entry or read_rollout(match(entry, '\31(.*)$')) then
        break
      end
      call('LPOP', list)
    end
  end
end
