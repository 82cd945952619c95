-- The first half of storing spans: gives them their places and takes their sign of life; their bodies are written after it,
-- outside of scripts. As `spansArrived` of the kit's state machine.
--
-- The index of a rollout's spans has a field per span, '<number of the attempt>:<span id>', with its place and, after a colon, its
-- sequence id where that is another number. A body that was never written (its writer died between the two halves) is written by
-- whoever sends the span again.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), number of attempts, per attempt: rollout id, attempt id; then per span: which
--         attempt (from 1), span id, sequence id ('' for the next one), bytes, '1' if it is a reward
-- Returns per call: '+', per attempt where the spans of its rollout lie; then per span: sequence id, place ('' for one that is not
--         kept), '1' if it is new. Where all are new and follow one another: 'run', sequence id and place of the first
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

-- One rollout's part of a call. Nothing of it is written before all is known to fit.
local function open_part(r)
  local s = spans_of(r)
  return { rollout = r, spans = s, arrived = s.arrived, highest = s.highest, stored = s.stored or 0,
    is_unordered = s.is_unordered, bytes = 0, fields = {}, seen = {} }
end

-- A new span gets the next place of its rollout.
local function add(part, field, sequence, bytes)
  local place = part.arrived + 1
  part.arrived = place
  if sequence <= part.stored then
    part.is_unordered = true
  else
    part.stored = sequence
  end
  part.bytes = part.bytes + bytes
  local value = place == sequence and place .. '' or place .. ':' .. whole(sequence)
  local fields = part.fields
  fields[#fields + 1] = field
  fields[#fields + 1] = value
  part.seen[field] = value
  return place
end

local function close_part(part)
  local r, s = part.rollout, part.spans
  send('HSET', P .. KEY_SPAN_INDEX .. r.id, part.fields)
  if #part.fields == 0 and part.highest == s.highest then
    return
  end
  local bytes = s.bytes
  s.bytes, s.arrived, s.highest, s.is_unordered = bytes + part.bytes, part.arrived, part.highest, part.is_unordered
  if #part.fields > 0 then
    s.stored = part.stored
  end
  set_spans(r, s)
  bytes_total = bytes_total + part.bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + part.bytes
    if bytes == 0 and part.bytes > 0 then
      ended_with_spans_adds[#ended_with_spans_adds + 1] = r.ended .. '\31' .. r.id
    end
  end
  spans_added = spans_added + #part.fields / 2
  span_bytes_added = span_bytes_added + part.bytes
end

read_rollouts(argument_of_calls(2))

return each_call(function(first, last)
  local max_bytes, count = ARGV[first], tonumber(ARGV[first + 1])
  local parts, attempts, reply = {}, {}, { '+' }
  for place = 1, count do
    local id, attempt_id = ARGV[first + 2 * place], ARGV[first + 2 * place + 1]
    local r = read_rollout(id)
    if not r then
      return { 'missing', id }
    end
    local a = attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
    if not a then
      return { 'no-attempt', id, attempt_id }
    end
    local part = parts[id] or open_part(r)
    parts[id] = part
    attempts[place] = { attempt = a, part = part, is_dropped = has(a, 'G') and IS_FINISHED[r.status] or false, has_new = false,
      has_reward = false }
    reply[#reply + 1] = place_of_spans(r, part.spans.generation)
  end

  -- Of a single attempt all that is known is asked for at once.
  local start = first + 2 + 2 * count
  local known
  if count == 1 and attempts[1].part.arrived > 0 then
    local number, fields = attempts[1].attempt.number, {}
    for at = start + 1, last, SPAN_ARGUMENTS do
      fields[#fields + 1] = number .. ':' .. ARGV[at]
    end
    known = {}
    for from = 1, #fields, 4000 do
      local values = call('HMGET', P .. KEY_SPAN_INDEX .. attempts[1].part.rollout.id,
        unpack(fields, from, math.min(from + 3999, #fields)))
      for at, value in ipairs(values) do
        known[fields[from + at - 1]] = value
      end
    end
  end

  -- A run as long as nothing else is found.
  local is_run, run_sequence, run_place = count == 1 and start <= last
  for at = start, last, SPAN_ARGUMENTS do
    local target = attempts[tonumber(ARGV[at])]
    local part = target.part
    local field = target.attempt.number .. ':' .. ARGV[at + 1]
    local given = tonumber(ARGV[at + 2])
    local value = part.seen[field]
    if value == nil and part.spans.arrived > 0 then
      if known then
        value = known[field]
      else
        value = call('HGET', P .. KEY_SPAN_INDEX .. part.rollout.id, field)
      end
    end
    if given and given > part.highest then
      part.highest = given
    end
    local sequence, place, is_new
    if value then
      place, sequence = match(value, '^(%d+):?(%d*)$')
      if sequence == '' then
        sequence = place
      end
      is_new = ''
    else
      sequence = given or part.highest + 1
      if sequence > HIGHEST_SEQUENCE then
        return { 'no-ids', whole(sequence) }
      end
      if sequence > part.highest then
        part.highest = sequence
      end
      target.has_new = true
      target.has_reward = target.has_reward or ARGV[at + 4] == '1'
      place = target.is_dropped and '' or add(part, field, sequence, ARGV[at + 3])
      is_new = '1'
    end
    if is_run and at == start then
      run_sequence, run_place = sequence, place
    end
    if is_run then
      local index = (at - start) / SPAN_ARGUMENTS
      if is_new == '' or place == '' or sequence ~= run_sequence + index then
        -- What came before is told one by one after all.
        for before = 0, index - 1 do
          reply[#reply + 1] = whole(run_sequence + before)
          reply[#reply + 1] = run_place + before
          reply[#reply + 1] = '1'
        end
        is_run = false
      end
    end
    if not is_run then
      reply[#reply + 1] = type(sequence) == 'number' and whole(sequence) or sequence
      reply[#reply + 1] = place
      reply[#reply + 1] = is_new
    end
  end
  if is_run then
    reply[#reply + 1] = 'run'
    reply[#reply + 1] = whole(run_sequence)
    reply[#reply + 1] = run_place
  end
  local added = 0
  for _, part in pairs(parts) do
    added = added + part.bytes
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end

  for _, part in pairs(parts) do
    close_part(part)
  end
  for _, target in ipairs(attempts) do
    if target.has_new then
      local a = target.attempt
      a.has_reward = target.has_reward
      arrive(target.part.rollout, a)
      save_attempt(target.part.rollout, a)
    end
  end
  for _, part in pairs(parts) do
    save_rollout(part.rollout)
  end
  return reply
end)
