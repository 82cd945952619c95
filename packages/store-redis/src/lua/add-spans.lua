-- The first half of storing spans: gives them their places and takes their sign of life; their bodies are written after it,
-- outside of scripts. As `spansArrived` of the kit's state machine.
--
-- The index of a rollout's spans has a field per span, '<number of the attempt>:<span id>', with its place and its sequence id. A
-- body that was never written (its writer died between the two halves) is written by whoever sends the span again.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), number of attempts, per attempt: rollout id, attempt id; then per span: which
--         attempt (from 1), span id, sequence id ('' for the next one), bytes, '1' if it is a reward
-- Returns per call: '+', per attempt where the spans of its rollout lie; then per span: sequence id,
--         place ('' for one that is not kept), '1' if it is new
-- Errors  missing <rollout id>, no-attempt <rollout id> <attempt id>, no-ids <sequence id>, full <kept> <added>, retain <added>

-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include moves
-- @include room

-- As `highestSequenceId` of the kit.
local HIGHEST_SEQUENCE = 9007199253692415
local SPAN_ARGUMENTS = 5

local function arrive(r, a)
  local is_revived = a.status == 'unresponsive'
  if is_revived then
    count_again(r, a)
  end
  a.beat = stamp
  give(a, 'L')
  if a.has_reward then
    give(a, 'R')
  end
  if a.outcome == 'completed' and has(a, 'R') then
    a.outcome = 'scored'
  end
  if is_revived then
    revive_attempt(r, a, 'running')
  elseif a.status == 'preparing' then
    a.status = 'running'
  end
  if a.is_latest and IS_LIVE[a.status] and not IS_FINISHED[r.status] then
    move(r, 'running')
  end
end

return each_call(function(first, last)
  local max_bytes, count = ARGV[first], tonumber(ARGV[first + 1])
  local rollouts, attempts = {}, {}
  for place = 1, count do
    local id, attempt_id = ARGV[first + 2 * place], ARGV[first + 2 * place + 1]
    local r = rollouts[id] or read_rollout(id)
    if not r then
      return { 'missing', id }
    end
    if not rollouts[id] then
      rollouts[id] = r
      local counters = redis.call('HMGET', r.key, 'x', 'y', 'v')
      r.sequence, r.arrived, r.new_bytes, r.index = tonumber(counters[1]) or 0, tonumber(counters[2]) or 0, 0, {}
      r.had_sequence, r.stored_sequence = r.sequence, tonumber(counters[3])
    end
    local a = attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
    if not a then
      return { 'no-attempt', id, attempt_id }
    end
    a.rollout = r
    a.is_dropped = has(a, 'G') and IS_FINISHED[r.status] or false
    attempts[place] = a
  end

  -- All that may be refused comes before the first write.
  local reply, added, spans = { '+' }, 0, 0
  for place = 1, count do
    local r = attempts[place].rollout
    reply[#reply + 1] = r.generation and (r.ordinal .. '.' .. r.generation) or tostring(r.ordinal)
  end
  for at = first + 2 + 2 * count, last, SPAN_ARGUMENTS do
    local a = attempts[tonumber(ARGV[at])]
    local r = a.rollout
    local field = a.number .. ':' .. ARGV[at + 1]
    local given = tonumber(ARGV[at + 2])
    local known = r.index[field] or redis.call('HGET', P .. KEY_SPAN_INDEX .. r.id, field)
    if given and given > r.sequence then
      r.sequence = given
    end
    if known then
      local k, sequence = string.match(known, '^([^:]*):(.*)$')
      reply[#reply + 1] = sequence
      reply[#reply + 1] = k
      reply[#reply + 1] = ''
    else
      local sequence = given or r.sequence + 1
      if sequence > HIGHEST_SEQUENCE then
        return { 'no-ids', exact(sequence) }
      end
      if sequence > r.sequence then
        r.sequence = sequence
      end
      a.has_new = true
      a.has_reward = a.has_reward or ARGV[at + 4] == '1'
      reply[#reply + 1] = exact(sequence)
      if a.is_dropped then
        reply[#reply + 1] = ''
      else
        if r.stored_sequence and sequence <= r.stored_sequence then
          r.is_unordered = true
        else
          r.stored_sequence = sequence
        end
        r.arrived = r.arrived + 1
        r.new_bytes = r.new_bytes + ARGV[at + 3]
        added = added + ARGV[at + 3]
        spans = spans + 1
        r.index[field] = r.arrived .. ':' .. exact(sequence)
        reply[#reply + 1] = r.arrived
      end
      reply[#reply + 1] = '1'
    end
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end

  for id, r in pairs(rollouts) do
    local fields = {}
    for field, value in pairs(r.index) do
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
    send('HSET', P .. KEY_SPAN_INDEX .. id, fields)
    if r.sequence ~= r.had_sequence then
      put(r, 'x', exact(r.sequence))
    end
    if #fields > 0 then
      put(r, 'y', r.arrived)
      put(r, 'v', exact(r.stored_sequence))
      r.span_bytes = r.span_bytes + r.new_bytes
      put(r, 'z', r.span_bytes)
      if r.is_unordered then
        put(r, 'w', 1)
      end
      bytes_total = bytes_total + r.new_bytes
      if IS_FINISHED[r.status] then
        finished_bytes = finished_bytes + r.new_bytes
        if r.span_bytes == r.new_bytes then
          redis.call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. id)
        end
      end
    end
  end
  for place = 1, count do
    local a = attempts[place]
    if a.has_new then
      arrive(a.rollout, a)
      save_attempt(a.rollout, a)
    end
  end
  for _, r in pairs(rollouts) do
    save_rollout(r)
  end
  if spans > 0 then
    redis.call('HINCRBY', P .. KEY_CONTROL, 'spans', spans)
    redis.call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', added)
  end
  return reply
end)
