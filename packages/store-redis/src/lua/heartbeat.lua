-- A worker says that it is alive: renews the leases of what it runs, and tells which of it must stop. As `heartbeatArrived` of the
-- kit's state machine.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: worker id, new capacity, what it says of itself as JSON, new length of the leases in milliseconds ('' for what
--         is left alone); then per attempt: rollout id, attempt id
-- Returns per call: '+', fields and values of the worker, per attempt why it must stop ('' if it need not)

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves

local function stop_reason(r, a)
  if r.status == 'cancelled' or a.outcome == 'cancelled' then
    return 'cancelled'
  end
  if not a.is_latest then
    return 'superseded'
  end
  if IS_FINISHED[r.status] then
    return 'settled'
  end
  return (IS_LIVE[a.status] or a.status == 'unresponsive') and '' or 'settled'
end

local function beat(rollout_id, attempt_id, lease_ms)
  local r = read_rollout(rollout_id)
  local a = r and attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
  if not a then
    return 'not_found'
  end
  local reason = stop_reason(r, a)
  if reason ~= '' then
    return reason
  end
  local is_revived = a.status == 'unresponsive'
  if is_revived then
    count_again(r, a)
  end
  if lease_ms ~= '' then
    a.lease_ms = lease_ms
  end
  a.beat = stamp
  a.lease = a.lease_ms ~= '' and exact(now + a.lease_ms / 1000) or ''
  give(a, 'L')
  if is_revived then
    revive_attempt(r, a, 'running')
    move(r, 'running')
  else
    arm(r, a)
  end
  save_attempt(r, a)
  save_rollout(r)
  return ''
end

return each_call(function(first, last)
  local worker_id, capacity, stats, lease_ms = unpack(ARGV, first, first + 3)
  local reply = { '+', '' }
  for at = first + 4, last, 2 do
    reply[#reply + 1] = beat(ARGV[at], ARGV[at + 1], lease_ms)
  end
  if capacity ~= '' then
    worker_capacity(worker_id, capacity)
  end
  local w = need_worker(worker_id)
  if w.is_changed then
    write_worker(w)
  end
  call('HSET', w.key, 'h', stamp)
  if stats ~= '' then
    call('HSET', w.key, 'x', stats)
  end
  reply[2] = call('HGETALL', w.key)
  return reply
end)
