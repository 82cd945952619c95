-- Ends the attempts that are past a limit, each once, whoever calls. As `sweepAttempt` of the kit's state machine. Also says for
-- whom somebody waits, so that they go on being told.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: how many attempts are looked at, letters of who waits at this handle (w for work, r for rollouts)
-- Returns per call: '+', the moment of the next limit in microseconds ('' for none), how many rollouts wait in the queue, the present time, how
--         many places of spans are to be deleted, per
--         attempt that was ended: rollout id, attempt, as one text each

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves

local MOST_LOST_CLAIMS = 5

local function lose_claim(r, a)
  if r.lost >= MOST_LOST_CLAIMS then
    end_attempt(r, a, 'failed', 'infra_error')
    move(r, 'failed')
    return
  end
  give(a, 'U')
  give(a, 'C')
  end_attempt(r, a, 'unresponsive', 'unresponsive')
  set_uncounted(r, r.uncounted + 1, r.lost + 1)
  move(r, 'requeuing')
end

local function sweep(r, a)
  local timeout = limits_of(r)
  local is_timeout = timeout and now > a.start + timeout
  local may_move = a.is_latest and not IS_FINISHED[r.status] and not IS_QUEUING[r.status]
  if not is_timeout and may_move and a.lease ~= '' and not has(a, 'L') then
    lose_claim(r, a)
  else
    local status = is_timeout and 'timeout' or 'unresponsive'
    end_attempt(r, a, status, status)
    if may_move then
      follow_attempt(r, a)
    end
  end
  save_attempt(r, a)
  save_rollout(r)
end

local function look(member, reply)
  local number, id = match(member, '^([^\31]*)\31(.*)$')
  local r = read_rollout(id)
  local is_latest = r and tonumber(number) == attempts_count(r)
  local text = r and (is_latest and r.latest or call('HGET', P .. KEY_ATTEMPTS .. id, number))
  local a = text and unpack_attempt(text)
  if a then
    a.is_latest = is_latest
  end
  local deadline = a and next_deadline(r, a)
  if not deadline then
    call('ZREM', P .. KEY_DEADLINES, member)
  elseif now <= deadline then
    call('ZADD', P .. KEY_DEADLINES, score_of(deadline), member)
  else
    sweep(r, a)
    call('ZREM', P .. KEY_DEADLINES, member)
    reply[#reply + 1] = id .. '\31' .. a.stored
  end
end

local function renew(letters, letter, field, until_seconds)
  if string.find(letters, letter, 1, true) and until_seconds < real_seconds + WAIT_SECONDS / 2 then
    control_set[#control_set + 1] = field
    control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  end
end

return each_call(function(first)
  local most, letters = ARGV[first], ARGV[first + 1]
  renew(letters, 'w', 'waiting', tonumber(CONTROL[7]) or 0)
  renew(letters, 'r', 'awaited', tonumber(CONTROL[8]) or 0)
  local reply = { '+', '', 0, stamp, call('SCARD', P .. KEY_TRASH) }
  local due = call('ZRANGEBYSCORE', P .. KEY_DEADLINES, '-inf', '(' .. exact(now * 1e6), 'LIMIT', 0, most)
  for _, member in ipairs(due) do
    look(member, reply)
  end
  write_deadlines()
  local next_due = call('ZRANGE', P .. KEY_DEADLINES, 0, 0, 'WITHSCORES')
  reply[2] = next_due[2] or ''
  send('ZADD', P .. KEY_STATUSES, status_moves)
  status_moves = {}
  reply[3] = call('ZCOUNT', P .. KEY_STATUSES, '-inf', '(' .. exact(CODE.preparing * STATUS_STEP))
  return reply
end)
