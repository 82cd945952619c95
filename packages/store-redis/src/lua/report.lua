-- Changes an attempt; if it is the latest one, the rollout follows. As `updateAttempt` of the kit's state machine.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), rollout id, attempt id or 'latest', status, outcome (checked to go with the
--         status), worker ('=' before it), time of the heartbeat, metadata as JSON; '' for what is left alone
-- Returns per call: '+', the attempt
-- Errors  missing, no-attempts, no-attempt, full <kept> <added>, retain <added>

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves
-- @include room

local function takes_status(r, a, status)
  if a.outcome == 'cancelled' then
    return false
  end
  if IS_LIVE[a.status] then
    return true
  end
  if a.status == status then
    return false
  end
  if a.status == 'unresponsive' then
    return true
  end
  -- Put back into the queue by hand, after this attempt had ended: it waits for the next one.
  return not IS_FINISHED[r.status] and not (a.is_latest and r.status == 'queuing')
end

local function take_status(r, a, status, outcome)
  if status == 'preparing' or status == 'running' then
    revive_attempt(r, a, status)
  elseif status == 'succeeded' then
    end_attempt(r, a, status, (outcome == 'scored' or has(a, 'R')) and 'scored' or 'completed')
  elseif status == 'failed' then
    end_attempt(r, a, status, outcome ~= '' and outcome or 'agent_error')
  else
    end_attempt(r, a, status, status)
  end
end

-- The status that the rollout would have, to know whether what the report adds may be refused.
local function ends_rollout(r, a, status)
  if IS_FINISHED[r.status] then
    return true
  end
  if not a.is_latest or status == '' or not takes_status(r, a, status) or IS_LIVE[status] then
    return false
  end
  return true
end

read_rollouts(argument_of_calls(1))

return each_call(function(first)
  local max_bytes, id, attempt_id, status, outcome, worker, beat, metadata = unpack(ARGV, first, first + 7)
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  local a = find_attempt(r, attempt_id)
  if not a then
    return { r.latest == '' and 'no-attempts' or 'no-attempt' }
  end
  local grown = metadata ~= '' and #metadata - #a.metadata or 0
  if grown > 0 and not ends_rollout(r, a, status) then
    local refusal = refuse_bytes(max_bytes, grown)
    if refusal then
      return refusal
    end
  end
  if worker ~= '' then
    if worker ~= a.worker and IS_LIVE[a.status] then
      worker_left(a, r.id, false)
    end
    a.worker = worker
  end
  if beat ~= '' then
    a.beat = beat
    arm(r, a)
  end
  if metadata ~= '' then
    a.metadata = metadata
  end
  if grown ~= 0 then
    r.bytes = r.bytes + grown
    bytes_total = bytes_total + grown
    if IS_FINISHED[r.status] then
      finished_bytes = finished_bytes + grown
    end
  end
  give(a, 'L')
  if status == '' or not takes_status(r, a, status) then
    if worker ~= '' then
      tell_worker(r, a)
    end
  else
    count_again(r, a)
    take_status(r, a, status, outcome)
    if a.is_latest and not IS_FINISHED[r.status] then
      follow_attempt(r, a)
    end
  end
  local text = save_attempt(r, a)
  save_rollout(r)
  return { '+', text }
end)
