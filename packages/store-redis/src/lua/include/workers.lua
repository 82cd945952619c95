-- Workers: a field 'w:<id>' of the control hash each, packed: ordinal, status, times of heartbeat, dequeue, busy and idle,
-- current rollout and attempt, capacity, how many attempts it runs, length of the list of these, and what it says of itself as
-- JSON. '' for null.
--
-- A worker runs the live attempts that name it. The list has them in the order in which it got them, '<rollout>\31<attempt>'
-- each; entries of attempts that it no longer runs, or that come again further on, are passed over when they come to its end.

local WORKER = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'

-- Nil for one that is not known.
local function find_worker(id)
  local w = workers[id]
  if w ~= nil then
    return w or nil
  end
  local text = redis.call('HGET', P .. KEY_CONTROL, 'w:' .. id)
  if not text then
    workers[id] = false
    return nil
  end
  w = { id = id }
  w.ordinal, w.status, w.beat, w.dequeue, w.busy, w.idle, w.rollout, w.attempt, w.capacity, w.count, w.length, w.stats =
    string.match(text, WORKER)
  w.count = tonumber(w.count)
  w.length = tonumber(w.length)
  workers[id] = w
  return w
end

-- To be changed; made when it is not known.
local function change_worker(id)
  local w = find_worker(id)
  if not w then
    ordinal = ordinal + 1
    workers_total = workers_total + 1
    w = { id = id, ordinal = ordinal, status = 'unknown', beat = '', dequeue = '', busy = '', idle = '', rollout = '',
      attempt = '', capacity = '', count = 0, length = 0, stats = '' }
    workers[id] = w
  end
  w.is_changed = true
  return w
end

local function pack_worker(w)
  return table.concat({ w.ordinal, w.status, w.beat, w.dequeue, w.busy, w.idle, w.rollout, w.attempt, w.capacity, w.count,
    w.length, w.stats }, '\31')
end

write_workers = function()
  for id, w in pairs(workers) do
    if w and w.is_changed then
      control_set[#control_set + 1] = 'w:' .. id
      control_set[#control_set + 1] = pack_worker(w)
    end
  end
end

-- Whether the worker runs the attempt of an entry. `changing` is the attempt that is being changed and not yet written.
local function is_running(w, entry, changing)
  local rollout_id, attempt_id = string.match(entry, '^([^\31]*)\31(.*)$')
  if attempt_id == changing then
    return false
  end
  local key = P .. KEY_ROLLOUT .. rollout_id
  local f = redis.call('HMGET', key, 'a', 'n')
  local text = f[1]
  local number = tonumber(f[2]) or 0
  while text or number > 1 do
    if text then
      local id, status, worker = string.match(text, '^([^\31]*)\31[^\31]*\31([^\31]*)\31[^\31]*\31[^\31]*\31([^\31]*)')
      if id == attempt_id then
        return (status == 'preparing' or status == 'running') and worker == '=' .. w.id
      end
    end
    number = number - 1
    text = number > 0 and redis.call('HGET', key, 'a' .. number)
  end
  return false
end

local function drop_list(w)
  if w.length > 0 then
    redis.call('UNLINK', P .. KEY_RUNNING .. w.id)
    w.length = 0
  end
end

-- What it got last of what it still runs becomes its current attempt.
local function step_back(w, changing)
  local list = P .. KEY_RUNNING .. w.id
  while w.length > 0 do
    local entry = redis.call('LINDEX', list, -1)
    if entry and is_running(w, entry, changing) then
      w.rollout, w.attempt = string.match(entry, '^([^\31]*)\31(.*)$')
      return
    end
    redis.call('RPOP', list)
    w.length = w.length - 1
  end
  w.rollout, w.attempt = '', ''
end

-- Without what would be passed over; the attempt that is being changed is the last.
local function shorten_list(w, changing)
  local list = P .. KEY_RUNNING .. w.id
  local entries = redis.call('LRANGE', list, 0, -1)
  local kept, seen = {}, {}
  for place = #entries, 1, -1 do
    local entry = entries[place]
    if not seen[entry] and (place == #entries or is_running(w, entry, changing)) then
      table.insert(kept, 1, entry)
    end
    seen[entry] = true
  end
  redis.call('DEL', list)
  send('RPUSH', list, kept)
  w.length = #kept
end

-- It runs this attempt; `is_claim` when it got it from the queue. An id of '' names nobody.
local function worker_busy(a, rollout_id, is_claim)
  local name = a.worker
  if name == '' or name == '=' then
    return
  end
  local w = change_worker(string.sub(name, 2))
  if a.runs_on ~= name then
    w.count = w.count + 1
    a.runs_on = name
  end
  if w.attempt ~= a.id or w.rollout ~= rollout_id or w.length == 0 then
    redis.call('RPUSH', P .. KEY_RUNNING .. w.id, rollout_id .. '\31' .. a.id)
    w.length = w.length + 1
    if w.length > 2 * w.count + 16 then
      shorten_list(w, a.id)
    end
  end
  w.rollout, w.attempt, w.status, w.busy = rollout_id, a.id, 'busy', stamp
  if is_claim then
    w.dequeue = stamp
  end
end

-- It no longer runs this attempt; `is_lost` when nobody heard from it.
local function worker_left(a, rollout_id, is_lost)
  local name = a.worker
  if name == '' or name == '=' then
    return
  end
  local w = change_worker(string.sub(name, 2))
  if a.runs_on == name then
    a.runs_on = nil
    w.count = w.count - 1
    if w.capacity ~= '' then
      -- A slot is free.
      new_work = new_work + 1
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
end

local function worker_capacity(id, capacity)
  local w = find_worker(id)
  if w and w.capacity == capacity then
    return
  end
  change_worker(id).capacity = capacity
  new_work = new_work + 1
end

-- It asked for work and there was none for it.
local function worker_found_nothing(id)
  local w = change_worker(id)
  w.dequeue = stamp
  if w.count > 0 or w.status == 'idle' then
    return
  end
  w.status, w.idle, w.rollout, w.attempt = 'idle', stamp, '', ''
end
