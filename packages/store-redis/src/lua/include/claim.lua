-- Makes the next attempt of a rollout, whatever its status; answers it packed.
local function claim(r, attempt_id, worker, lease_ms, is_from_queue)
  local number = attempts_count(r) + 1
  if number > 1 then
    call('HSET', P .. KEY_ATTEMPTS .. r.id, number - 1, r.latest)
    r.older = nil
  end
  local lease = lease_ms == '' and '' or exact(now + lease_ms / 1000)
  local text = attempt_id .. '\31' .. number .. '\31preparing\31' .. stamp .. '\31\31' .. worker .. '\31\31\31' .. lease .. '\31'
    .. lease_ms .. '\31\31'
  r.latest = text
  attempts_total = attempts_total + 1
  bytes_total = bytes_total + ATTEMPT_BYTES
  if IS_FINISHED[r.stored_status] then
    -- It counts with the finished ones until the rollout has left them.
    finished_bytes = finished_bytes + ATTEMPT_BYTES
  end
  move(r, 'preparing')
  if r.limits ~= '' or lease ~= '' then
    arm(r, { number = number, status = 'preparing', start = stamp, beat = '', lease = lease })
  end
  worker_busy({ id = attempt_id, worker = worker }, r.id, is_from_queue)
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  return text
end
