-- The moves that transitions are put together from, as in `moves.ts` of the kit.

local function tell_worker(r, a)
  if IS_LIVE[a.status] then
    worker_busy(a, r.id, false)
  else
    worker_left(a, r.id, a.status == 'timeout' or a.status == 'unresponsive')
  end
end

-- Gives an attempt an ending status.
local function end_attempt(r, a, status, outcome)
  a.status, a.outcome, a.lease = status, outcome, ''
  a.ended = (status == 'succeeded' or status == 'failed') and stamp or ''
  tell_worker(r, a)
end

-- Makes an attempt live, with a fresh lease if it had ended and ever had one.
local function revive_attempt(r, a, status)
  if not IS_LIVE[a.status] then
    a.lease = a.lease_ms == '' and '' or exact(now + a.lease_ms / 1000)
  end
  a.status, a.outcome, a.ended = status, '', ''
  tell_worker(r, a)
  arm(r, a)
end

local STATUS_LETTER = { failed = 'f', timeout = 't', unresponsive = 'u', succeeded = 's', preparing = 'p', running = 'r' }
local OUTCOME_LETTER = { scored = 's', completed = 'c', agent_error = 'a', infra_error = 'i', invalid = 'v', cancelled = 'x',
  timeout = 't', unresponsive = 'u' }

local function may_retry(r, a)
  if r.limits == '' then
    return false
  end
  local most, conditions, outcomes = match(r.limits, '^[^,]*,[^,]*,([^,]*),([^,]*),([^,]*)$')
  if not string.find(conditions, STATUS_LETTER[a.status], 1, true)
    and not (a.outcome ~= '' and string.find(outcomes, OUTCOME_LETTER[a.outcome], 1, true)) then
    return false
  end
  return a.number - r.uncounted < tonumber(most)
end

-- Puts the rollout where its latest attempt leads it, by the retry policy.
local function follow_attempt(r, a)
  local status = a.status
  if status == 'preparing' or status == 'running' or status == 'succeeded' then
    move(r, status)
  else
    move(r, may_retry(r, a) and 'requeuing' or 'failed')
  end
end

local function set_uncounted(r, uncounted, lost)
  r.uncounted, r.lost = uncounted, lost
end

-- Takes back that an attempt did not count as a try.
local function count_again(r, a)
  if not has(a, 'U') then
    return
  end
  -- Of a superseded attempt the loss stays counted: it may be from before the rollout was opened again.
  local lost = has(a, 'C') and a.is_latest and r.lost > 0 and 1 or 0
  set_uncounted(r, r.uncounted - 1, r.lost - lost)
  take(a, '[UC]')
end

-- Ends as cancelled what is live, and what is unresponsive, which a late span would otherwise revive.
local function settle_cancelled(r)
  for _, a in ipairs(attempts_of(r)) do
    if IS_LIVE[a.status] or a.status == 'unresponsive' then
      end_attempt(r, a, 'failed', 'cancelled')
      save_attempt(r, a)
    end
  end
end
