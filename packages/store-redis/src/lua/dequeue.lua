-- Claims rollouts from the queue, highest priority first, in the order of their arrival.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: verb, worker ('=' before it; '' for none), length of the lease in milliseconds ('' for none), capacity
--         ('' for not said), idempotency key ('' for none), the handle, '1' if the call waits when it finds nothing, '1' if other calls of the handle wait, an id for each attempt
--         that it may make
-- Returns per call: '+', per rollout as include/record.lua; when it found nothing: '-', the worker's capacity, how many
--         attempts it runs, '1' if something may wait that is not for it, '1' if it is to be called again; for a key that is known: '=', the answer of that call
-- Errors  conflict <key> <earlier verb>

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include record
-- @include claim

-- Entries passed over in one call, so that a script stays short.
local MOST_STALE = 1000

-- How many rollouts the calls of this script may still claim.
local wanted = 0
-- What was taken from the head of each list of the queue, and how far it was looked at; what is left goes back. Bodies by id.
local taken, bodies = {}, {}

-- The next entry of a priority; nil for none.
local function next_entry(priority)
  local t = taken[priority]
  if not t or t.at == #t.entries then
    local entries = call('LPOP', P .. KEY_QUEUE .. priority, math.max(1, math.min(wanted, 500)))
    if not entries then
      return nil
    end
    t = { entries = entries, at = 0 }
    taken[priority] = t
    local ids, keys = {}, {}
    for _, entry in ipairs(entries) do
      local id = match(entry, '\31(.*)$')
      ids[#ids + 1] = id
      keys[#keys + 1] = P .. KEY_BODY .. id
    end
    read_rollouts(ids)
    for at, body in ipairs(call('MGET', unpack(keys))) do
      bodies[ids[at]] = body
    end
  end
  t.at = t.at + 1
  return t.entries[t.at]
end

local function has_work()
  for priority in string.gmatch(priorities, '[^,]+') do
    local t = taken[priority]
    if (t and t.at < #t.entries) or call('LLEN', P .. KEY_QUEUE .. priority) > 0 then
      return true
    end
  end
  return false
end

local function put_back()
  for priority, t in pairs(taken) do
    local left = {}
    for at = #t.entries, t.at + 1, -1 do
      left[#left + 1] = t.entries[at]
    end
    send('LPUSH', P .. KEY_QUEUE .. priority, left)
  end
end

-- The next rollout that waits; nil for none. The second value says whether there may be more behind what was passed over.
local function pop()
  local stale = 0
  for priority in string.gmatch(priorities, '[^,]+') do
    while true do
      local entry = next_entry(priority)
      if not entry then
        break
      end
      local place, id = match(entry, '^([^\31]*)\31(.*)$')
      local r = rollouts[id]
      if r and IS_QUEUING[r.status] and place == (r.place == '' and r.ordinal or r.place) then
        wanted = wanted - 1
        return r
      end
      stale = stale + 1
      if stale == MOST_STALE then
        return nil, true
      end
    end
    if priority ~= '0' then
      priorities = string.gsub(priorities, ',' .. string.gsub(priority, '%-', '%%-') .. ',', ',')
    end
  end
  return nil, false
end

-- Rollouts by the attempt that was made of them and has not begun; looked at once for all calls that are sent again.
local begun
local function rollout_of(attempt_id)
  if not begun then
    begun = {}
    local ids = call('ZRANGEBYSCORE', P .. KEY_STATUSES, CODE.preparing * STATUS_STEP, '(' .. exact(CODE.running * STATUS_STEP))
    read_rollouts(ids)
    for _, id in ipairs(ids) do
      local r = read_rollout(id)
      if r then
        begun[match(r.latest, '^[^\31]*')] = id
      end
    end
  end
  return begun[attempt_id]
end

-- Of a call that is sent again: what it was given, if it was. Nobody but its caller could have known of that.
local function answer_again(first, last)
  local reply = { '+' }
  for at = first + 8, last do
    local id = rollout_of(ARGV[at])
    if id then
      reply[#reply + 1] = answer_of(id)
    end
  end
  return reply
end

-- Calls that are answered without a look at the queue only make this too large.
local at = 3
while at <= #ARGV do
  wanted = wanted + ARGV[at] - 8
  at = at + ARGV[at] + 1
end

local replies = each_call(function(first, last)
  local verb, worker, lease_ms, capacity, key, handle, waits, others = unpack(ARGV, first, first + 7)
  if key ~= '' then
    local answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= verb then
      return { 'conflict', key, earlier_verb }
    end
    if answer then
      return { '=', answer }
    end
  elseif is_again then
    local reply = answer_again(first, last)
    if #reply > 1 then
      return reply
    end
  end
  restart_time()
  local worker_id = string.sub(worker, 2)
  if capacity ~= '' then
    worker_capacity(worker_id, capacity)
  end
  local limit = last - first - 7
  local w = worker_id ~= '' and find_worker(worker_id) or nil
  local slots = limit
  if w and w.capacity ~= '' then
    slots = math.max(0, math.min(limit, w.capacity - w.count))
  end
  wanted = wanted - limit + slots
  local reply, has_more = { '+' }, false
  for at = first + 8, first + 7 + slots do
    local r
    r, has_more = pop()
    if not r then
      break
    end
    claim(r, ARGV[at], worker, lease_ms, true)
    reply[#reply + 1] = { r.id, text_of(r), bodies[r.id] }
    if at < last then
      -- The limits of what one call claims are reached in the order of the claims.
      tick()
    end
  end
  if #reply > 1 then
    if key ~= '' then
      keep_answer(verb, key, cjson.encode(reply))
    end
    if others == '1' then
      -- It was told of one of perhaps several, and is to be told again.
      call('ZADD', P .. KEY_WAITERS, 'NX', now, handle)
      if has_work() then
        new_work = new_work + 1
      end
    end
    return reply
  end
  if worker_id ~= '' then
    worker_found_nothing(worker_id)
  end
  -- Who has no slot waits for that, and must not be woken for work that it cannot take.
  if others == '1' or (waits == '1' and slots > 0) then
    call('ZADD', P .. KEY_WAITERS, 'NX', now, handle)
  end
  if waits == '1' then
    -- Renewed for as long as it waits.
    control_set[#control_set + 1] = 'waiting'
    control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  elseif key ~= '' then
    keep_answer(verb, key, cjson.encode(reply))
  end
  w = worker_id ~= '' and find_worker(worker_id) or nil
  return { '-', w and w.capacity or '', w and w.count or 0, slots == 0 and '1' or '', has_more and '1' or '' }
end)
put_back()
return replies
