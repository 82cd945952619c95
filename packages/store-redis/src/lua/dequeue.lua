-- Claims rollouts from the queue, highest priority first, in the order of their arrival.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: verb, worker ('=' before it; '' for none), length of the lease in milliseconds ('' for none), capacity
--         ('' for not said), idempotency key ('' for none), '1' if the call waits when it finds nothing, an id for each attempt
--         that it may make
-- Returns per call: '+', per rollout as include/record.lua; when it found nothing: '-', the worker's capacity, how many
--         attempts it runs, '1' if something waits that is not for it; for a key that is known: '=', the answer of that call
-- Errors  conflict <key> <earlier verb>

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include answers
-- @include claim

-- Entries passed over in one call, so that a script stays short.
local MOST_STALE = 1000

-- The next rollout that waits; nil for none. The second value says whether there may be more behind what was passed over.
local function pop()
  local stale = 0
  for priority in string.gmatch(priorities, '[^,]+') do
    local list = P .. KEY_QUEUE .. priority
    while true do
      local entry = redis.call('LPOP', list)
      if not entry then
        break
      end
      local place, id = string.match(entry, '^([^\31]*)\31(.*)$')
      local f = redis.call('HMGET', P .. KEY_ROLLOUT .. id, 's', 'h', 'n', 'a', 'c', 'q', 'i', 'd')
      if f[1] and IS_QUEUING[f[1]] then
        local r = { id = id, key = P .. KEY_ROLLOUT .. id, status = f[1], stored_status = f[1], attempts = tonumber(f[3]) or 0,
          latest = f[4], limits = f[5], ended = '', header = f[2], input = f[7], cold = f[8], set = {} }
        r.ordinal, r.priority, r.start, r.bytes, r.version, r.resources = string.match(f[2], HEADER)
        if place == (f[6] or r.ordinal) then
          r.ordinal = tonumber(r.ordinal)
          return r
        end
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

-- Of a call that is sent again: what it was given, if it was. Nobody but its caller could have known of that.
local function find_claimed(attempt_ids)
  local claimed = {}
  local preparing = redis.call('ZRANGEBYSCORE', P .. KEY_STATUSES, CODE.preparing * STATUS_STEP,
    '(' .. exact(CODE.running * STATUS_STEP))
  for _, id in ipairs(preparing) do
    local latest = redis.call('HGET', P .. KEY_ROLLOUT .. id, 'a')
    local place = latest and attempt_ids[string.match(latest, '^[^\31]*')]
    if place then
      claimed[#claimed + 1] = { place, id }
    end
  end
  table.sort(claimed, function(a, b) return a[1] < b[1] end)
  return claimed
end

local function answer_again(first, last)
  local ids = {}
  for at = first + 6, last do
    ids[ARGV[at]] = at
  end
  local reply = { '+' }
  for _, found in ipairs(find_claimed(ids)) do
    local f = redis.call('HMGET', P .. KEY_ROLLOUT .. found[2], 's', 'e', 'h', 'i', 'd', 'a')
    reply[#reply + 1] = { found[2], f[1], f[2] or '', f[3], f[4], f[5] or '', f[6] }
  end
  return reply
end

return each_call(function(first, last)
  local verb, worker, lease_ms, capacity, key, waits = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3],
    ARGV[first + 4], ARGV[first + 5] == '1'
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
  local worker_id = string.sub(worker, 2)
  if capacity ~= '' then
    worker_capacity(worker_id, capacity)
  end
  local limit = last - first - 5
  local w = worker_id ~= '' and find_worker(worker_id) or nil
  local slots = limit
  if w and w.capacity ~= '' then
    slots = math.max(0, math.min(limit, w.capacity - w.count))
  end
  local reply, has_more = { '+' }, false
  for at = first + 6, first + 5 + slots do
    local r
    r, has_more = pop()
    if not r then
      break
    end
    local attempt = claim(r, ARGV[at], worker, lease_ms, true)
    reply[#reply + 1] = { r.id, 'preparing', '', r.header, r.input, r.cold or '', attempt }
    tick()
  end
  if #reply > 1 then
    if key ~= '' then
      keep_answer(verb, key, cjson.encode(reply))
    end
    return reply
  end
  if worker_id ~= '' then
    worker_found_nothing(worker_id)
  end
  if waits then
    -- Renewed for as long as it waits.
    control_set[#control_set + 1] = 'waiting'
    control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  elseif key ~= '' then
    keep_answer(verb, key, cjson.encode(reply))
  end
  w = worker_id ~= '' and find_worker(worker_id) or nil
  return { '-', w and w.capacity or '', w and w.count or 0, (has_more or slots < limit) and '1' or '' }
end)
