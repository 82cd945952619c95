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

-- Nil for one that is not known.
local function find_worker(id)
  local w = workers[id]
  if w == nil then
    local key = P .. KEY_WORKER .. id
    local f = call('HMGET', key, 's', 'c', 'n', 'l', 'r', 'a')
    w = f[1] and { id = id, key = key, status = f[1], capacity = f[2] or '', count = tonumber(f[3]) or 0,
      length = tonumber(f[4]) or 0, rollout = f[5] or '', attempt = f[6] or '' }
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
    local key = P .. KEY_WORKER .. id
    call('HSET', key, 's', 'unknown')
    w = { id = id, key = key, status = 'unknown', capacity = '', count = 0, length = 0, rollout = '', attempt = '' }
    workers[id] = w
  end
  return w
end

-- Whether the worker runs the attempt of an entry. `changing` is the attempt that is being changed and not yet written.
local function is_running(w, entry, changing)
  local rollout_id, attempt_id = match(entry, '^([^\31]*)\31(.*)$')
  if attempt_id == changing then
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

local function set_length(w, length)
  w.length = length
  call('HSET', w.key, 'l', length)
end

local function drop_list(w)
  if w.length > 0 then
    call('UNLINK', P .. KEY_RUNNING .. w.id)
    set_length(w, 0)
  end
end

-- What it got last of what it still runs becomes its current attempt.
local function step_back(w, changing)
  local list = P .. KEY_RUNNING .. w.id
  local length = w.length
  w.rollout, w.attempt = '', ''
  while length > 0 do
    local entry = call('LINDEX', list, -1)
    if entry and is_running(w, entry, changing) then
      w.rollout, w.attempt = match(entry, '^([^\31]*)\31(.*)$')
      break
    end
    call('RPOP', list)
    length = length - 1
  end
  set_length(w, length)
end

-- Without what would be passed over; the attempt that is being changed is the last.
local function shorten_list(w, changing)
  local list = P .. KEY_RUNNING .. w.id
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
  return #kept
end

local function add_to_list(w, rollout_id, attempt_id)
  local list, length = P .. KEY_RUNNING .. w.id, w.length
  if length == 0 and w.attempt ~= '' then
    call('RPUSH', list, w.rollout .. '\31' .. w.attempt, rollout_id .. '\31' .. attempt_id)
    length = 2
  else
    call('RPUSH', list, rollout_id .. '\31' .. attempt_id)
    length = length + 1
  end
  if length > 2 * w.count + 16 then
    length = shorten_list(w, attempt_id)
  end
  set_length(w, length)
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
  w.rollout, w.attempt, w.status = rollout_id, a.id, 'busy'
  if is_claim then
    call('HSET', w.key, 's', 'busy', 'r', rollout_id, 'a', a.id, 'b', stamp, 'n', w.count, 'd', stamp)
  else
    call('HSET', w.key, 's', 'busy', 'r', rollout_id, 'a', a.id, 'b', stamp, 'n', w.count)
  end
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
      -- A slot is free.
      new_work = new_work + 1
    end
  end
  if w.count > 0 then
    w.status = 'busy'
    if w.attempt == a.id and w.rollout == rollout_id then
      step_back(w, a.id)
      call('HSET', w.key, 's', 'busy', 'n', w.count, 'r', w.rollout, 'a', w.attempt)
    else
      call('HSET', w.key, 's', 'busy', 'n', w.count)
    end
  else
    drop_list(w)
    w.rollout, w.attempt, w.status = '', '', is_lost and 'unknown' or 'idle'
    call('HSET', w.key, 's', w.status, 'n', '0', 'i', stamp, 'r', '', 'a', '')
  end
end

local function worker_capacity(id, capacity)
  local w = find_worker(id)
  if w and w.capacity == capacity then
    return
  end
  w = need_worker(id)
  w.capacity = capacity
  call('HSET', w.key, 'c', capacity)
  new_work = new_work + 1
end

-- It asked for work and there was none for it.
local function worker_found_nothing(id)
  local w = need_worker(id)
  if w.count > 0 or w.status == 'idle' then
    call('HSET', w.key, 'd', stamp)
    return
  end
  w.status, w.rollout, w.attempt = 'idle', '', ''
  call('HSET', w.key, 'd', stamp, 's', 'idle', 'i', stamp, 'r', '', 'a', '')
end
