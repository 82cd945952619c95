-- Workers: a hash each, and a sorted set of their ids by ordinal. Fields, absent or '' for null:
--   s  status                            r, a  current rollout and attempt
--   h  time of its last heartbeat        c     capacity
--   d  when it last asked for work       n     how many attempts it runs
--   b  when it last became busy          l     length of the list of these
--   i  when it last became idle          x     what it says of itself, as JSON
--
-- A worker runs the live attempts that name it. Once it runs more than one, a list has them in the order in which it got them,
-- '<rollout>\31<attempt>' each, until it runs none; entries of attempts that it no longer runs, or that come again further on, are
-- passed over when they come to its end.

local changed_workers = {}

local function change(w)
  if not w.is_changed then
    w.is_changed = true
    changed_workers[#changed_workers + 1] = w
  end
end

-- Nil for one that is not known.
local function find_worker(id)
  local w = workers[id]
  if w == nil then
    local key = P .. KEY_WORKER .. id
    local f = call('HMGET', key, 's', 'c', 'n', 'l', 'r', 'a')
    local length = tonumber(f[4]) or 0
    w = f[1] and { id = id, key = key, status = f[1], capacity = f[2] or '', count = tonumber(f[3]) or 0, length = length,
      stored_length = length, has_list = length > 0, rollout = f[5] or '', attempt = f[6] or '', is_changed = false, adds = false }
    workers[id] = w
  end
  return w or nil
end

-- Made when it is not known.
local function need_worker(id)
  local w = find_worker(id)
  if not w then
    ordinal = ordinal + 1
    call('ZADD', P .. KEY_WORKERS, ordinal, id)
    w = { id = id, key = P .. KEY_WORKER .. id, status = 'unknown', capacity = '', count = 0, length = 0, stored_length = 0,
      rollout = '', attempt = '' }
    workers[id] = w
    change(w)
  end
  return w
end

local function write_list(w)
  if w.adds then
    send('RPUSH', P .. KEY_RUNNING .. w.id, w.adds)
    w.adds, w.has_list = false, true
  end
end

local function write_worker(w)
  write_list(w)
  if w.length ~= w.stored_length then
    call('HSET', w.key, 'l', w.length)
  end
  if w.new_capacity then
    call('HSET', w.key, 'c', w.new_capacity)
  end
  -- What changes with each attempt, in one command each.
  if w.busy and w.dequeue then
    call('HSET', w.key, 's', w.status, 'r', w.rollout, 'a', w.attempt, 'n', w.count, 'b', w.busy, 'd', w.dequeue)
  elseif w.busy or w.dequeue then
    call('HSET', w.key, 's', w.status, 'r', w.rollout, 'a', w.attempt, 'n', w.count, w.busy and 'b' or 'd', w.busy or w.dequeue)
  else
    call('HSET', w.key, 's', w.status, 'r', w.rollout, 'a', w.attempt, 'n', w.count)
  end
  if w.idle then
    call('HSET', w.key, 'i', w.idle)
  end
end

write_workers = function()
  for _, w in ipairs(changed_workers) do
    if w.is_changed then
      write_worker(w)
    end
  end
end

-- A rollout whose attempts nobody runs any more, while it is deleted.
local removing

-- Whether the worker runs the attempt of an entry. `changing` is the attempt that is being changed and not yet written.
local function is_running(w, entry, changing)
  local rollout_id, attempt_id = match(entry, '^([^\31]*)\31(.*)$')
  if attempt_id == changing or rollout_id == removing then
    return false
  end
  local r = read_rollout(rollout_id)
  local text = r and r.latest
  local number = r and attempts_count(r) or 0
  while number > 0 do
    if text then
      local id, status, worker = match(text, '^([^\31]*)\31[^\31]*\31([^\31]*)\31[^\31]*\31[^\31]*\31([^\31]*)')
      if id == attempt_id then
        return (status == 'preparing' or status == 'running') and worker == '=' .. w.id
      end
    end
    number = number - 1
    text = number > 0 and call('HGET', P .. KEY_ATTEMPTS .. rollout_id, number)
  end
  return false
end

local function drop_list(w)
  if w.has_list then
    call('UNLINK', P .. KEY_RUNNING .. w.id)
  end
  w.length, w.adds, w.has_list = 0, false, false
end

-- What it got last of what it still runs becomes its current attempt.
local function step_back(w, changing)
  local list = P .. KEY_RUNNING .. w.id
  write_list(w)
  w.rollout, w.attempt = '', ''
  while w.length > 0 do
    local entry = call('LINDEX', list, -1)
    if entry and is_running(w, entry, changing) then
      w.rollout, w.attempt = match(entry, '^([^\31]*)\31(.*)$')
      return
    end
    call('RPOP', list)
    w.length = w.length - 1
  end
end

-- Without what would be passed over; the attempt that is being changed is the last.
local function shorten_list(w, changing)
  local list = P .. KEY_RUNNING .. w.id
  write_list(w)
  local entries = call('LRANGE', list, 0, -1)
  local kept, seen = {}, {}
  for place = #entries, 1, -1 do
    local entry = entries[place]
    if not seen[entry] and (place == #entries or is_running(w, entry, changing)) then
      table.insert(kept, 1, entry)
    end
    seen[entry] = true
  end
  call('DEL', list)
  send('RPUSH', list, kept)
  w.length = #kept
end

local function add_to_list(w, rollout_id, attempt_id)
  w.adds = w.adds or {}
  if w.length == 0 and w.attempt ~= '' then
    w.adds[1] = w.rollout .. '\31' .. w.attempt
    w.length = 1
  end
  w.adds[#w.adds + 1] = rollout_id .. '\31' .. attempt_id
  w.length = w.length + 1
  if w.length > 2 * w.count + 16 then
    shorten_list(w, attempt_id)
  end
end

-- It runs this attempt; `is_claim` when it got it from the queue. An id of '' names nobody.
local function worker_busy(a, rollout_id, is_claim)
  local name = a.worker
  if name == '' or name == '=' then
    return
  end
  local w = need_worker(string.sub(name, 2))
  if a.runs_on ~= name then
    w.count = w.count + 1
    a.runs_on = name
  end
  if (w.count > 1 or w.length > 0) and (w.attempt ~= a.id or w.rollout ~= rollout_id) then
    add_to_list(w, rollout_id, a.id)
  end
  w.rollout, w.attempt, w.status, w.busy = rollout_id, a.id, 'busy', stamp
  if is_claim then
    w.dequeue = stamp
  end
  change(w)
end

-- It no longer runs this attempt; `is_lost` when nobody heard from it.
local function worker_left(a, rollout_id, is_lost)
  local name = a.worker
  if name == '' or name == '=' then
    return
  end
  local w = need_worker(string.sub(name, 2))
  if a.runs_on == name then
    a.runs_on = nil
    w.count = w.count - 1
    if w.capacity ~= '' then
      freed[#freed + 1] = w.id
    end
  end
  if w.count > 0 then
    if w.attempt == a.id and w.rollout == rollout_id then
      step_back(w, a.id)
    end
    w.status = 'busy'
  else
    drop_list(w)
    w.rollout, w.attempt, w.idle = '', '', stamp
    w.status = is_lost and 'unknown' or 'idle'
  end
  change(w)
end

local function worker_capacity(id, capacity)
  local w = find_worker(id)
  if w and w.capacity == capacity then
    return
  end
  w = need_worker(id)
  w.capacity, w.new_capacity = capacity, capacity
  change(w)
  freed[#freed + 1] = id
end

-- It asked for work and there was none for it.
local function worker_found_nothing(id)
  local w = need_worker(id)
  w.dequeue = stamp
  if w.count == 0 and w.status ~= 'idle' then
    w.status, w.idle, w.rollout, w.attempt = 'idle', stamp, '', ''
  end
  change(w)
end
