// Made from the .lua files by `pnpm run scripts`.
// oxfmt-ignore-file

const keys = String.raw`local KEY_CONTROL = 'control'
local KEY_ROLLOUT = 'rollout:'
local KEY_SPAN_INDEX = 'span-index:'
local KEY_STATUSES = 'statuses'
local KEY_QUEUE = 'queue:'
local KEY_RUNNING = 'running:'
local KEY_DEADLINES = 'deadlines'
local KEY_ENDED = 'ended'
local KEY_ENDED_WITH_SPANS = 'ended-with-spans'
local KEY_TRASH = 'trash'
local KEY_ANSWER = 'answer:'
local KEY_SENT = 'sent:'
local KEY_RESOURCES = 'resources'
local KEY_VERSIONS = 'versions:'
local KEY_RESOURCES_ORDER = 'resources-order'
local KEY_ALIASES = 'aliases'
local KEY_FEED = 'feed'
local KEY_WAKE = 'wake'
`
const answers = String.raw`local LIFETIME_SECONDS = 600
local function find_answer(key)
  local text = redis.call('GET', P .. KEY_ANSWER .. key)
  if not text then
    return nil
  end
  local verb, time, answer = string.match(text, '^([^\31]*)\31([^\31]*)\31(.*)$')
  if now - time > LIFETIME_SECONDS then
    return nil
  end
  return answer, verb
end
local function keep_answer(verb, key, answer)
  redis.call('SET', P .. KEY_ANSWER .. key, verb .. '\31' .. stamp .. '\31' .. answer, 'PX', LIFETIME_SECONDS * 1000)
end
`
const attempts = String.raw`local ATTEMPT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'
local IS_LIVE = { preparing = true, running = true }
local function unpack_attempt(text)
  local a = {}
  a.id, a.number, a.status, a.start, a.ended, a.worker, a.beat, a.outcome, a.lease, a.lease_ms, a.letters, a.metadata =
    string.match(text, ATTEMPT)
  a.stored = text
  a.before_status, a.before_outcome, a.before_worker, a.before_metadata = a.status, a.outcome, a.worker, a.metadata
  a.runs_on = IS_LIVE[a.status] and a.worker or nil
  return a
end
local function pack_attempt(a)
  return table.concat({ a.id, a.number, a.status, a.start, a.ended, a.worker, a.beat, a.outcome, a.lease, a.lease_ms, a.letters,
    a.metadata }, '\31')
end
local function has(a, letter)
  return string.find(a.letters, letter, 1, true) ~= nil
end
local function give(a, letter)
  if not has(a, letter) then
    a.letters = a.letters .. letter
  end
end
local function take(a, letter)
  a.letters = string.gsub(a.letters, letter, '')
end
local function attempts_of(r)
  local list = {}
  if r.attempts == 0 then
    return list
  end
  for number = 1, r.attempts - 1 do
    local text = redis.call('HGET', r.key, 'a' .. number)
    if text then
      list[#list + 1] = unpack_attempt(text)
    end
  end
  local last = unpack_attempt(r.latest)
  last.is_latest = true
  list[#list + 1] = last
  return list
end
local function find_attempt(r, id)
  if r.attempts == 0 then
    return nil
  end
  local a = unpack_attempt(r.latest)
  a.is_latest = true
  if id == 'latest' or a.id == id then
    return a
  end
  for number = r.attempts - 1, 1, -1 do
    local text = redis.call('HGET', r.key, 'a' .. number)
    if text and string.sub(text, 1, #id + 1) == id .. '\31' then
      return unpack_attempt(text)
    end
  end
  return nil
end
local function limits_of(r)
  if not r.limits then
    return nil, nil
  end
  local timeout, silence = string.match(r.limits, '^([^\31]*)\31([^\31]*)')
  return tonumber(timeout), tonumber(silence)
end
local function next_deadline(r, a)
  if not IS_LIVE[a.status] then
    return nil
  end
  local timeout, silence = limits_of(r)
  local deadline = a.lease ~= '' and tonumber(a.lease) or nil
  local function sooner(moment)
    if not deadline or moment < deadline then
      deadline = moment
    end
  end
  if timeout then
    sooner(a.start + timeout)
  end
  if silence then
    sooner((a.beat ~= '' and a.beat or a.start) + silence)
  end
  return deadline
end
local function arm(r, a)
  if not r.limits and a.lease == '' then
    return
  end
  local deadline = next_deadline(r, a)
  if deadline then
    redis.call('ZADD', P .. KEY_DEADLINES, 'LT', deadline, a.number .. '\31' .. r.id)
  end
end
local function tell_attempt(r, text)
  events[#events + 1] = { 'a', stamp, r.id, text }
end
local function save_attempt(r, a)
  local text = pack_attempt(a)
  if text == a.stored then
    return text
  end
  if a.is_latest then
    r.latest = text
    put(r, 'a', text)
  else
    put(r, 'a' .. a.number, text)
  end
  if IS_LIVE[a.before_status] and not IS_LIVE[a.status] then
    if r.limits or a.lease_ms ~= '' then
      redis.call('ZREM', P .. KEY_DEADLINES, a.number .. '\31' .. r.id)
    end
  end
  if is_watched and (a.status ~= a.before_status or a.outcome ~= a.before_outcome or a.worker ~= a.before_worker
    or a.metadata ~= a.before_metadata) then
    tell_attempt(r, text)
  end
  a.stored = text
  a.before_status, a.before_outcome, a.before_worker, a.before_metadata = a.status, a.outcome, a.worker, a.metadata
  return text
end
`
const claim = String.raw`local function claim(r, attempt_id, worker, lease_ms, is_from_queue)
  if r.attempts > 0 then
    put(r, 'a' .. r.attempts, r.latest)
  end
  local number = r.attempts + 1
  local lease = lease_ms == '' and '' or exact(now + lease_ms / 1000)
  local text = attempt_id .. '\31' .. number .. '\31preparing\31' .. stamp .. '\31\31' .. worker .. '\31\31\31' .. lease .. '\31'
    .. lease_ms .. '\31\31'
  r.attempts, r.latest = number, text
  put(r, 'n', number)
  put(r, 'a', text)
  attempts_total = attempts_total + 1
  bytes_total = bytes_total + ATTEMPT_BYTES
  if IS_FINISHED[r.stored_status] then
    finished_bytes = finished_bytes + ATTEMPT_BYTES
  end
  move(r, 'preparing')
  if r.limits or lease ~= '' then
    arm(r, { number = number, status = 'preparing', start = stamp, beat = '', lease = lease })
  end
  worker_busy({ id = attempt_id, worker = worker }, r.id, is_from_queue)
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  return text
end
`
const insert = String.raw`local latest_resources, newest_versions
local function pin(resources, version)
  if resources == '' then
    if not latest_resources then
      local newest = redis.call('ZREVRANGE', P .. KEY_RESOURCES_ORDER, 0, 0)[1]
      latest_resources = newest and { '=' .. string.match(newest, '^[^\31]*\31(.*)$'), string.match(newest, '^([^\31]*)') } or { '', '' }
    end
    return latest_resources[1], latest_resources[2]
  end
  if version == '' then
    newest_versions = newest_versions or {}
    if not newest_versions[resources] then
      local history = redis.call('HGET', P .. KEY_RESOURCES, string.sub(resources, 2))
      newest_versions[resources] = history and string.match(history, '^[^\31]*\31([^\31]*)') or ''
    end
    version = newest_versions[resources]
  end
  return resources, version
end
local INSERT_ARGUMENTS = 9
local function insert(at, status, verb)
  local id, key, priority, limits, cold, input = ARGV[at], ARGV[at + 2], ARGV[at + 3], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local resources, version = pin(ARGV[at + 4], ARGV[at + 5])
  ordinal = ordinal + 1
  local bytes = #id + #cold + #input + 100
  local r = { id = id, key = P .. KEY_ROLLOUT .. id, status = status, stored_status = status, attempts = 0, ordinal = ordinal,
    priority = priority, start = stamp, bytes = bytes, version = version, resources = resources, ended = '', uncounted = 0,
    lost = 0, span_bytes = 0, limits = limits ~= '' and limits or false, set = {} }
  local fields = { 's', status, 'h', header_of(r), 'i', input }
  if cold ~= '' then
    fields[#fields + 1] = 'd'
    fields[#fields + 1] = cold
  end
  if limits ~= '' then
    fields[#fields + 1] = 'c'
    fields[#fields + 1] = limits
  end
  redis.call('HSET', r.key, unpack(fields))
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + bytes
  if status == 'queuing' then
    redis.call('RPUSH', P .. KEY_QUEUE .. priority, ordinal .. '\31' .. id)
    add_priority(priority)
    new_work = new_work + 1
  end
  if key ~= '' then
    keep_answer(verb, key, id)
  end
  if is_watched then
    tell_rollout(r)
  end
  return r
end
local function find_earlier(at, verb)
  local id, key = ARGV[at], ARGV[at + 2]
  local answer, earlier_verb
  if key ~= '' then
    answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= verb then
      return nil, earlier_verb
    end
  end
  if (is_again or ARGV[at + 1] == '1') and redis.call('EXISTS', P .. KEY_ROLLOUT .. id) == 1 then
    return id
  end
  if answer and redis.call('EXISTS', P .. KEY_ROLLOUT .. answer) == 1 then
    return answer
  end
  return nil
end
`
const moves = String.raw`local function tell_worker(r, a)
  if IS_LIVE[a.status] then
    worker_busy(a, r.id, false)
  else
    worker_left(a, r.id, a.status == 'timeout' or a.status == 'unresponsive')
  end
end
local function end_attempt(r, a, status, outcome)
  a.status, a.outcome, a.lease = status, outcome, ''
  a.ended = (status == 'succeeded' or status == 'failed') and stamp or ''
  tell_worker(r, a)
end
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
  if not r.limits then
    return false
  end
  local most, conditions, outcomes = string.match(r.limits, '^[^\31]*\31[^\31]*\31([^\31]*)\31([^\31]*)\31([^\31]*)$')
  if not string.find(conditions, STATUS_LETTER[a.status], 1, true)
    and not (a.outcome ~= '' and string.find(outcomes, OUTCOME_LETTER[a.outcome], 1, true)) then
    return false
  end
  return a.number - r.uncounted < tonumber(most)
end
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
  put(r, 'u', uncounted)
  put(r, 'l', lost)
end
local function count_again(r, a)
  if not has(a, 'U') then
    return
  end
  local lost = has(a, 'C') and a.is_latest and r.lost > 0 and 1 or 0
  set_uncounted(r, r.uncounted - 1, r.lost - lost)
  take(a, '[UC]')
end
local function settle_cancelled(r)
  for _, a in ipairs(attempts_of(r)) do
    if IS_LIVE[a.status] or a.status == 'unresponsive' then
      end_attempt(r, a, 'failed', 'cancelled')
      save_attempt(r, a)
    end
  end
end
`
const record = String.raw`local function answer_of(id)
  local f = redis.call('HMGET', P .. KEY_ROLLOUT .. id, 's', 'e', 'h', 'i', 'd', 'a')
  return { id, f[1], f[2] or '', f[3], f[4], f[5] or '', f[6] or '' }
end
`
const remove = String.raw`local function throw_away_spans(r, trash)
  if r.span_bytes == 0 then
    return
  end
  local place = (r.generation and (r.ordinal .. '.' .. r.generation) or r.ordinal) .. '\31' .. r.id
  redis.call('SADD', P .. KEY_TRASH, place)
  redis.call('UNLINK', P .. KEY_SPAN_INDEX .. r.id)
  trash[#trash + 1] = place
  local count = tonumber(redis.call('HGET', r.key, 'y')) or 0
  redis.call('HINCRBY', P .. KEY_CONTROL, 'spans', -count)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', -r.span_bytes)
end
local function remove_rollout(r, trash)
  local attempts = attempts_of(r)
  for _, a in ipairs(attempts) do
    if IS_LIVE[a.status] then
      worker_left(a, r.id, false)
      redis.call('ZREM', P .. KEY_DEADLINES, a.number .. '\31' .. r.id)
    end
  end
  throw_away_spans(r, trash)
  redis.call('UNLINK', r.key)
  redis.call('ZREM', P .. KEY_STATUSES, r.id)
  attempts_total = attempts_total - #attempts
  bytes_total = bytes_total - weight_of(r)
  finished_bytes = finished_bytes - weight_of(r)
  if is_watched then
    events[#events + 1] = { 'd', stamp, r.id }
  end
  tick()
end
`
const rollouts = String.raw`local HEADER = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$'
local CODE = { queuing = 0, requeuing = 1, preparing = 2, running = 3, succeeded = 4, failed = 5, cancelled = 6 }
local STATUS_STEP = 35184372088832
local IS_QUEUING = { queuing = true, requeuing = true }
local IS_FINISHED = { succeeded = true, failed = true, cancelled = true }
local ATTEMPT_BYTES = 200
local function read_rollout(id)
  local key = P .. KEY_ROLLOUT .. id
  local f = redis.call('HMGET', key, 's', 'h', 'n', 'a', 'u', 'l', 'c', 'q', 'e', 'z', 'g')
  if not f[1] then
    return nil
  end
  local r = { id = id, key = key, status = f[1], stored_status = f[1], attempts = tonumber(f[3]) or 0, latest = f[4],
    uncounted = tonumber(f[5]) or 0, lost = tonumber(f[6]) or 0, limits = f[7], place = f[8], ended = f[9] or '',
    span_bytes = tonumber(f[10]) or 0, generation = f[11], set = {} }
  r.ordinal, r.priority, r.start, r.bytes, r.version, r.resources = string.match(f[2], HEADER)
  r.ordinal = tonumber(r.ordinal)
  r.bytes = tonumber(r.bytes)
  return r
end
local function put(r, field, value)
  local set = r.set
  set[#set + 1] = field
  set[#set + 1] = value
end
local function header_of(r)
  return table.concat({ r.ordinal, r.priority, r.start, r.bytes, r.version, r.resources }, '\31')
end
local function weight_of(r)
  return r.bytes + r.attempts * ATTEMPT_BYTES + r.span_bytes
end
local function add_priority(priority)
  if string.find(priorities, ',' .. priority .. ',', 1, true) then
    return
  end
  local list = {}
  for known in string.gmatch(priorities, '[^,]+') do
    list[#list + 1] = known
  end
  list[#list + 1] = priority
  table.sort(list, function(a, b) return tonumber(a) > tonumber(b) end)
  priorities = ',' .. table.concat(list, ',') .. ','
end
local function put_into_queue(r)
  ordinal = ordinal + 1
  r.place = ordinal
  put(r, 'q', ordinal)
  redis.call('RPUSH', P .. KEY_QUEUE .. r.priority, ordinal .. '\31' .. r.id)
  add_priority(r.priority)
  new_work = new_work + 1
end
local function move(r, status)
  local before = r.status
  if before == status then
    return
  end
  if IS_QUEUING[status] and not IS_QUEUING[before] then
    put_into_queue(r)
  end
  if IS_FINISHED[status] then
    if not IS_FINISHED[before] then
      told[#told + 1] = 'f' .. r.id
    end
    r.ended = stamp
  else
    if IS_FINISHED[before] then
      told[#told + 1] = 'o' .. r.id
      r.lost = 0
      put(r, 'l', 0)
    end
    if r.ended ~= '' then
      put(r, 'e', '')
    end
    r.ended = ''
  end
  r.status = status
end
local function tell_rollout(r)
  events[#events + 1] = { 'r', stamp, r.id, r.status, r.ended, header_of(r), redis.call('HGET', r.key, 'd') or '',
    r.limits or '' }
end
local function save_rollout(r)
  local status = r.status
  if status ~= r.stored_status then
    put(r, 's', status)
    status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + r.ordinal
    status_moves[#status_moves + 1] = r.id
    if IS_FINISHED[status] then
      put(r, 'e', r.ended)
      redis.call('RPUSH', P .. KEY_ENDED, r.ended .. '\31' .. r.id)
      if r.span_bytes > 0 then
        redis.call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. r.id)
      end
    end
    if IS_FINISHED[status] ~= IS_FINISHED[r.stored_status] then
      finished_bytes = finished_bytes + (IS_FINISHED[status] and weight_of(r) or -weight_of(r))
    end
  end
  if #r.set > 0 then
    redis.call('HSET', r.key, unpack(r.set))
  end
  if is_watched and (status ~= r.stored_status or r.is_news) then
    tell_rollout(r)
  end
  r.stored_status = status
  r.set = {}
end
`
const room = String.raw`local function refuse_bytes(max_bytes, added)
  if max_bytes == '' or added <= 0 then
    return nil
  end
  local resources = tonumber(redis.call('HGET', P .. KEY_CONTROL, 'resources_bytes') or 0)
  local kept = bytes_total - finished_bytes + resources
  if kept + added > tonumber(max_bytes) then
    return { 'full', tostring(kept), tostring(added) }
  end
  if bytes_total + resources + added > tonumber(max_bytes) then
    return { 'retain', tostring(added) }
  end
  return nil
end
`
const state = String.raw`local P = KEYS[1]
local WAIT_SECONDS = 60
local is_again = ARGV[2] == '1'
local clock = redis.call('TIME')
local real_seconds = tonumber(clock[1])
local micros = ARGV[1] ~= '' and tonumber(ARGV[1]) or clock[1] * 1000000 + clock[2]
local now, stamp
local function tick()
  micros = micros + 1
  now = micros / 1000000
  stamp = string.format('%.6f', now)
end
local function exact(number)
  return string.format('%.17g', number)
end
local CONTROL = redis.call('HMGET', P .. KEY_CONTROL, 'ordinal', 'attempts', 'bytes', 'finished_bytes', 'feed', 'workers',
  'watched', 'waiting', 'awaited', 'priorities')
local ordinal = tonumber(CONTROL[1]) or 0
local attempts_total = tonumber(CONTROL[2]) or 0
local bytes_total = tonumber(CONTROL[3]) or 0
local finished_bytes = tonumber(CONTROL[4]) or 0
local feed = tonumber(CONTROL[5]) or 0
local workers_total = tonumber(CONTROL[6]) or 0
local is_watched = (tonumber(CONTROL[7]) or 0) > real_seconds
local is_waiting = (tonumber(CONTROL[8]) or 0) > real_seconds
local is_awaited = (tonumber(CONTROL[9]) or 0) > real_seconds
local priorities = CONTROL[10] or ',0,'
local control_set = {}
local status_moves = {}
local events = {}
local told = {}
local new_work = 0
local function send(command, key, list)
  for from = 1, #list, 4000 do
    redis.call(command, key, unpack(list, from, math.min(from + 3999, #list)))
  end
end
local workers = {}
local write_workers
local function note(field, before, value)
  if value ~= before then
    control_set[#control_set + 1] = field
    control_set[#control_set + 1] = value
  end
end
local function finish()
  if write_workers then
    write_workers()
  end
  note('ordinal', tonumber(CONTROL[1]) or 0, ordinal)
  note('attempts', tonumber(CONTROL[2]) or 0, attempts_total)
  note('bytes', tonumber(CONTROL[3]) or 0, bytes_total)
  note('finished_bytes', tonumber(CONTROL[4]) or 0, finished_bytes)
  note('workers', tonumber(CONTROL[6]) or 0, workers_total)
  note('priorities', CONTROL[10] or ',0,', priorities)
  if #events > 0 then
    feed = feed + #events
    control_set[#control_set + 1] = 'feed'
    control_set[#control_set + 1] = feed
    redis.call('XADD', P .. KEY_FEED, 'MAXLEN', '~', 100000, feed .. '-0', 'e', cjson.encode(events))
  end
  send('ZADD', P .. KEY_STATUSES, status_moves)
  send('HSET', P .. KEY_CONTROL, control_set)
  local message = {}
  if is_waiting and new_work > 0 then
    message[#message + 1] = 'w' .. new_work
  end
  if is_awaited then
    for _, id in ipairs(told) do
      message[#message + 1] = id
    end
  end
  if #events > 0 then
    message[#message + 1] = 'e'
  end
  if #message > 0 then
    redis.call('SPUBLISH', P .. KEY_WAKE, table.concat(message, '\n'))
  end
end
local function each_call(run)
  local replies = {}
  local at = 3
  while at <= #ARGV do
    local last = at + ARGV[at]
    tick()
    replies[#replies + 1] = run(at + 1, last)
    at = last + 1
  end
  finish()
  return replies
end
`
const versions = String.raw`local function read_history(id)
  local text = redis.call('HGET', P .. KEY_RESOURCES, id)
  if not text then
    return nil
  end
  local last, newest, created, place = string.match(text, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)$')
  return { last = tonumber(last), newest = newest, created = created, place = place }
end
local function write_history(id, history)
  if not history.place then
    ordinal = ordinal + 1
    history.place = ordinal
  end
  redis.call('HSET', P .. KEY_RESOURCES, id,
    table.concat({ history.last, history.newest, history.created, history.place }, '\31'))
end
local function store_version(id, history, version, created, updated, encoding, data)
  if history.newest == '' then
    redis.call('HINCRBY', P .. KEY_CONTROL, 'resources', 1)
    history.created = created
  end
  history.newest = version
  redis.call('HSET', P .. KEY_VERSIONS .. id, version, table.concat({ created, updated, encoding, data }, '\31'))
  redis.call('ZADD', P .. KEY_RESOURCES_ORDER, updated, version .. '\31' .. id)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'resources_bytes', #data)
  if is_watched then
    events[#events + 1] = { 'v', stamp, id, tostring(version), created, updated }
  end
end
local function drop_version(id, history, version)
  local key = P .. KEY_VERSIONS .. id
  local data = string.match(redis.call('HGET', key, version), '^[^\31]*\31[^\31]*\31[^\31]*\31(.*)$')
  redis.call('HDEL', key, version)
  redis.call('ZREM', P .. KEY_RESOURCES_ORDER, version .. '\31' .. id)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'resources_bytes', -#data)
  if is_watched then
    events[#events + 1] = { 'x', stamp, id, tostring(version) }
  end
  if tostring(history.newest) ~= tostring(version) then
    return
  end
  local newest = 0
  for _, left in ipairs(redis.call('HKEYS', key)) do
    newest = math.max(newest, tonumber(left))
  end
  history.newest = newest > 0 and newest or ''
  if newest == 0 then
    history.created = ''
    redis.call('HINCRBY', P .. KEY_CONTROL, 'resources', -1)
  end
end
`
const workers = String.raw`local WORKER = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'
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
local function worker_found_nothing(id)
  local w = change_worker(id)
  w.dequeue = stamp
  if w.count > 0 or w.status == 'idle' then
    return
  end
  w.status, w.idle, w.rollout, w.attempt = 'idle', stamp, '', ''
end
`

function script(flags: string, ...texts: readonly string[]): string {
  return `#!lua flags=${flags}\n${keys}${texts.join('')}`
}

export type ScriptName =
  | 'addSpans'
  | 'await'
  | 'cancel'
  | 'deleteResources'
  | 'delete'
  | 'dequeue'
  | 'enqueue'
  | 'forgetWorkers'
  | 'heartbeat'
  | 'nextSequenceIds'
  | 'release'
  | 'report'
  | 'restore'
  | 'retain'
  | 'setAlias'
  | 'startAttempt'
  | 'startRollout'
  | 'sweep'
  | 'updateResources'
  | 'updateRollout'
  | 'watch'

export const scripts: Readonly<Record<ScriptName, string>> = {
  addSpans: script('', state, rollouts, workers, attempts, moves, room, String.raw`local HIGHEST_SEQUENCE = 9007199253692415
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
`),
  await: script('allow-oom', state, String.raw`return each_call(function()
  control_set[#control_set + 1] = 'awaited'
  control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  return { '+' }
end)
`),
  cancel: script('allow-oom', state, rollouts, workers, attempts, moves, record, String.raw`return each_call(function(first, last)
  local reply = { '+' }
  for at = first, last do
    local r = read_rollout(ARGV[at])
    if r and not IS_FINISHED[r.status] then
      settle_cancelled(r)
      move(r, 'cancelled')
      save_rollout(r)
      reply[#reply + 1] = answer_of(r.id)
      tick()
    end
  end
  return reply
end)
`),
  deleteResources: script('allow-oom', state, rollouts, versions, String.raw`local function count_pins(id)
  local pins = {}
  local open = redis.call('ZRANGEBYSCORE', P .. KEY_STATUSES, '-inf', '(' .. exact(CODE.succeeded * STATUS_STEP))
  for _, rollout_id in ipairs(open) do
    local header = redis.call('HGET', P .. KEY_ROLLOUT .. rollout_id, 'h')
    local version, resources = string.match(header, '^[^\31]*\31[^\31]*\31[^\31]*\31[^\31]*\31([^\31]*)\31(.*)$')
    if resources == '=' .. id then
      pins[version] = (pins[version] or 0) + 1
    end
  end
  return pins
end
local function find_aliases(id)
  local aliases = {}
  local all = redis.call('HGETALL', P .. KEY_ALIASES)
  for at = 1, #all, 2 do
    local version, resources = string.match(all[at + 1], '^[^\31]*\31([^\31]*)\31[^\31]*\31(.*)$')
    if resources == id then
      aliases[version] = aliases[version] or {}
      table.insert(aliases[version], all[at])
    end
  end
  return aliases
end
return each_call(function(first, last)
  local id, leaves_used = ARGV[first], ARGV[first + 1] == '1'
  local history = read_history(id)
  if not history or history.newest == '' then
    return { '+' }
  end
  local versions = {}
  if last == first + 1 then
    versions = redis.call('HKEYS', P .. KEY_VERSIONS .. id)
    table.sort(versions, function(a, b) return tonumber(a) < tonumber(b) end)
  else
    for at = first + 2, last do
      if redis.call('HEXISTS', P .. KEY_VERSIONS .. id, ARGV[at]) == 1 then
        versions[#versions + 1] = ARGV[at]
      end
    end
  end
  local pins, aliases = count_pins(id), find_aliases(id)
  local latest = redis.call('ZREVRANGE', P .. KEY_RESOURCES_ORDER, 0, 0)[1]
  local pinned, pointing, free = 0, {}, {}
  for _, version in ipairs(versions) do
    pinned = pinned + (pins[version] or 0)
    for _, alias in ipairs(aliases[version] or {}) do
      pointing[#pointing + 1] = alias
    end
    if not pins[version] and not aliases[version] and latest ~= version .. '\31' .. id then
      free[#free + 1] = version
    end
  end
  if leaves_used then
    versions = free
  elseif pinned > 0 or #pointing > 0 then
    return { 'used', pinned, unpack(pointing) }
  end
  for _, version in ipairs(versions) do
    drop_version(id, history, version)
    tick()
  end
  write_history(id, history)
  return { '+', unpack(versions) }
end)
`),
  delete: script('allow-oom', state, rollouts, workers, attempts, remove, String.raw`return each_call(function(first, last)
  local deleted, trash = {}, {}
  for at = first, last do
    local r = read_rollout(ARGV[at])
    if r and IS_FINISHED[r.status] then
      remove_rollout(r, trash)
      deleted[#deleted + 1] = r.id
    end
  end
  return { '+', deleted, trash }
end)
`),
  dequeue: script('allow-oom', state, rollouts, workers, attempts, answers, claim, String.raw`local MOST_STALE = 1000
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
    control_set[#control_set + 1] = 'waiting'
    control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  elseif key ~= '' then
    keep_answer(verb, key, cjson.encode(reply))
  end
  w = worker_id ~= '' and find_worker(worker_id) or nil
  return { '-', w and w.capacity or '', w and w.count or 0, (has_more or slots < limit) and '1' or '' }
end)
`),
  enqueue: script('', state, rollouts, answers, room, insert, record, String.raw`return each_call(function(first, last)
  local max_bytes, verb = ARGV[first], ARGV[first + 1]
  local earlier, added = {}, 0
  for at = first + 2, last, INSERT_ARGUMENTS do
    local id, other_verb = find_earlier(at, verb)
    if other_verb then
      return { 'conflict', ARGV[at + 2], other_verb }
    end
    earlier[at] = id
    if not id then
      added = added + #ARGV[at + 8] + #ARGV[at + 7] + 100
    end
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end
  local reply = { '+' }
  for at = first + 2, last, INSERT_ARGUMENTS do
    local chosen, key = ARGV[at + 1], ARGV[at + 2]
    local id = earlier[at]
    if not id and (key ~= '' or chosen == '1') then
      id = find_earlier(at, verb)
    end
    if id then
      if key ~= '' and not find_answer(key) then
        keep_answer(verb, key, id)
      end
      reply[#reply + 1] = answer_of(id)
    else
      local r = insert(at, 'queuing', verb)
      reply[#reply + 1] = { r.start, r.resources, r.version }
      tick()
    end
  end
  return reply
end)
`),
  forgetWorkers: script('allow-oom', state, rollouts, workers, String.raw`return each_call(function(first)
  local w = find_worker(ARGV[first])
  if w and w.count == 0 and pack_worker(w) == ARGV[first + 1] then
    redis.call('HDEL', P .. KEY_CONTROL, 'w:' .. w.id)
    drop_list(w)
    workers[w.id] = false
    workers_total = workers_total - 1
  end
  return { '+' }
end)
`),
  heartbeat: script('allow-oom', state, rollouts, workers, attempts, moves, String.raw`local function stop_reason(r, a)
  if r.status == 'cancelled' or a.outcome == 'cancelled' then
    return 'cancelled'
  end
  if not a.is_latest then
    return 'superseded'
  end
  if IS_FINISHED[r.status] then
    return 'settled'
  end
  return (IS_LIVE[a.status] or a.status == 'unresponsive') and '' or 'settled'
end
local function beat(rollout_id, attempt_id, lease_ms)
  local r = read_rollout(rollout_id)
  local a = r and attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
  if not a then
    return 'not_found'
  end
  local reason = stop_reason(r, a)
  if reason ~= '' then
    return reason
  end
  local is_revived = a.status == 'unresponsive'
  if is_revived then
    count_again(r, a)
  end
  if lease_ms ~= '' then
    a.lease_ms = lease_ms
  end
  a.beat = stamp
  a.lease = a.lease_ms ~= '' and exact(now + a.lease_ms / 1000) or ''
  give(a, 'L')
  if is_revived then
    revive_attempt(r, a, 'running')
    move(r, 'running')
  else
    arm(r, a)
  end
  save_attempt(r, a)
  save_rollout(r)
  return ''
end
return each_call(function(first, last)
  local worker_id, capacity, stats, lease_ms = unpack(ARGV, first, first + 3)
  local reply = { '+', '' }
  for at = first + 4, last, 2 do
    reply[#reply + 1] = beat(ARGV[at], ARGV[at + 1], lease_ms)
    tick()
  end
  if capacity ~= '' then
    worker_capacity(worker_id, capacity)
  end
  local w = change_worker(worker_id)
  w.beat = stamp
  if stats ~= '' then
    w.stats = stats
  end
  reply[2] = pack_worker(w)
  return reply
end)
`),
  nextSequenceIds: script('', state, String.raw`local HIGHEST_SEQUENCE = 9007199253692415
return each_call(function(first, last)
  local present = {}
  for at = first, last do
    local id = ARGV[at]
    if not present[id] then
      local f = redis.call('HMGET', P .. KEY_ROLLOUT .. id, 's', 'x')
      if not f[1] then
        return { 'missing', id }
      end
      present[id] = tonumber(f[2]) or 0
    end
  end
  local reply = { '+' }
  for at = first, last do
    local id = ARGV[at]
    local sequence = present[id] + 1
    if sequence > HIGHEST_SEQUENCE then
      return { 'no-ids', exact(sequence) }
    end
    present[id] = sequence
    reply[#reply + 1] = exact(sequence)
  end
  for id, sequence in pairs(present) do
    redis.call('HSET', P .. KEY_ROLLOUT .. id, 'x', exact(sequence))
  end
  return reply
end)
`),
  release: script('allow-oom', state, rollouts, workers, attempts, moves, record, String.raw`return each_call(function(first)
  local id, attempt_id = ARGV[first], ARGV[first + 1]
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  local a = attempt_id ~= 'latest' and find_attempt(r, attempt_id) or nil
  if not a then
    return { 'no-attempt' }
  end
  if IS_LIVE[a.status] then
    give(a, 'U')
    end_attempt(r, a, 'failed', 'infra_error')
    set_uncounted(r, r.uncounted + 1, r.lost)
    save_attempt(r, a)
    if a.is_latest and not IS_FINISHED[r.status] then
      move(r, 'requeuing')
    end
    save_rollout(r)
  end
  return { '+', answer_of(id) }
end)
`),
  report: script('allow-oom', state, rollouts, workers, attempts, moves, room, String.raw`local function takes_status(r, a, status)
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
local function ends_rollout(r, a, status)
  if IS_FINISHED[r.status] then
    return true
  end
  if not a.is_latest or status == '' or not takes_status(r, a, status) or IS_LIVE[status] then
    return false
  end
  return true
end
return each_call(function(first)
  local max_bytes, id, attempt_id, status, outcome, worker, beat, metadata = unpack(ARGV, first, first + 7)
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  if r.attempts == 0 then
    return { 'no-attempts' }
  end
  local a = find_attempt(r, attempt_id)
  if not a then
    return { 'no-attempt' }
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
    put(r, 'h', header_of(r))
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
`),
  restore: script('', state, rollouts, workers, attempts, answers, versions, String.raw`local restore = {}
function restore.history(at)
  local history = read_history(ARGV[at]) or { newest = '', created = '' }
  history.last = tonumber(ARGV[at + 1])
  write_history(ARGV[at], history)
end
function restore.version(at)
  local id, version, created, updated, encoding, data = unpack(ARGV, at, at + 5)
  local history = read_history(id)
  local newest = history.newest
  store_version(id, history, tonumber(version), created, updated, encoding, data)
  if newest ~= '' and tonumber(newest) > tonumber(version) then
    history.newest = newest
  end
  write_history(id, history)
end
function restore.alias(at)
  local alias, id, version, updated = unpack(ARGV, at, at + 3)
  ordinal = ordinal + 1
  redis.call('HSET', P .. KEY_ALIASES, alias, table.concat({ ordinal, version, updated, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, updated, id }
  end
end
function restore.rollout(at)
  local id, status, ended, priority, start, resources, version, input, cold, limits, uncounted, lost, sequence =
    unpack(ARGV, at, at + 12)
  ordinal = ordinal + 1
  local r = { id = id, key = P .. KEY_ROLLOUT .. id, status = status, ended = ended, ordinal = ordinal, priority = priority,
    start = start, resources = resources, version = version, attempts = 0, span_bytes = 0,
    bytes = #id + #cold + #input + 100, limits = limits ~= '' and limits or false }
  redis.call('HSET', r.key, 's', status, 'h', header_of(r), 'i', input, 'u', uncounted, 'l', lost, 'x', sequence, 'e', ended)
  if cold ~= '' then
    redis.call('HSET', r.key, 'd', cold)
  end
  if limits ~= '' then
    redis.call('HSET', r.key, 'c', limits)
  end
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + r.bytes
  if IS_FINISHED[status] then
    finished_bytes = finished_bytes + r.bytes
  end
  if is_watched then
    tell_rollout(r)
  end
end
function restore.queue(at)
  local r = read_rollout(ARGV[at])
  put_into_queue(r)
  save_rollout(r)
end
function restore.ended(at)
  local r = read_rollout(ARGV[at])
  redis.call('RPUSH', P .. KEY_ENDED, r.ended .. '\31' .. r.id)
  if r.span_bytes > 0 then
    redis.call('RPUSH', P .. KEY_ENDED_WITH_SPANS, r.ended .. '\31' .. r.id)
  end
end
function restore.attempt(at)
  local id, number, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local r = read_rollout(id)
  if r.attempts > 0 then
    put(r, 'a' .. r.attempts, r.latest)
  end
  local bytes = (number - r.attempts) * ATTEMPT_BYTES
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  attempts_total = attempts_total + 1
  put(r, 'a', text)
  put(r, 'n', number)
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  local a = unpack_attempt(text)
  local deadline = next_deadline(r, a)
  if deadline then
    redis.call('ZADD', P .. KEY_DEADLINES, deadline, number .. '\31' .. id)
  end
end
function restore.span(at)
  local id, number, span_id, sequence, bytes = unpack(ARGV, at, at + 4)
  local r = read_rollout(id)
  local f = redis.call('HMGET', r.key, 'y', 'v')
  local arrived, stored = (tonumber(f[1]) or 0) + 1, tonumber(f[2])
  put(r, 'y', arrived)
  put(r, 'z', r.span_bytes + bytes)
  if stored and tonumber(sequence) <= stored then
    put(r, 'w', 1)
  else
    put(r, 'v', sequence)
  end
  redis.call('HSET', P .. KEY_SPAN_INDEX .. id, number .. ':' .. span_id, arrived .. ':' .. sequence)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'spans', 1)
  redis.call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', bytes)
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
  return { '+', r.ordinal, arrived }
end
function restore.worker(at, last)
  local id = ARGV[at]
  ordinal = ordinal + 1
  workers_total = workers_total + 1
  redis.call('HSET', P .. KEY_CONTROL, 'w:' .. id, ordinal .. '\31' .. ARGV[at + 1])
  local w = change_worker(id)
  for place = at + 2, last, 2 do
    redis.call('RPUSH', P .. KEY_RUNNING .. id, ARGV[place] .. '\31' .. ARGV[place + 1])
    w.count = w.count + 1
    w.length = w.length + 1
  end
end
function restore.key(at)
  local key, verb, time, answer = unpack(ARGV, at, at + 3)
  local left = math.floor((LIFETIME_SECONDS - (now - time)) * 1000)
  if left > 0 then
    redis.call('SET', P .. KEY_ANSWER .. key, verb .. '\31' .. time .. '\31' .. answer, 'PX', left)
  end
end
return each_call(function(first, last)
  return restore[ARGV[first]](first + 1, last) or { '+' }
end)
`),
  retain: script('allow-oom', state, rollouts, workers, attempts, remove, String.raw`local function head_of(list)
  while true do
    local entry = redis.call('LINDEX', list, 0)
    if not entry then
      return nil
    end
    local ended, id = string.match(entry, '^([^\31]*)\31(.*)$')
    local r = read_rollout(id)
    if r and IS_FINISHED[r.status] and r.ended == ended then
      return r
    end
    redis.call('LPOP', list)
  end
end
local function drop_spans(r, trash)
  local had = {}
  for _, field in ipairs(redis.call('HKEYS', P .. KEY_SPAN_INDEX .. r.id)) do
    had[string.match(field, '^[^:]*')] = true
  end
  for _, a in ipairs(attempts_of(r)) do
    if had[a.number] then
      give(a, 'G')
      save_attempt(r, a)
    end
  end
  throw_away_spans(r, trash)
  bytes_total = bytes_total - r.span_bytes
  finished_bytes = finished_bytes - r.span_bytes
  r.span_bytes = 0
  put(r, 'g', (r.generation or 0) + 1)
  put(r, 'y', 0)
  put(r, 'z', 0)
  save_rollout(r)
  redis.call('HDEL', r.key, 'v', 'w')
end
return each_call(function(first)
  local max_age, max_rollouts, max_bytes, added, most = tonumber(ARGV[first]), tonumber(ARGV[first + 1]),
    tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
  local trash, deleted, dropped = {}, 0, 0
  local ended, ended_with_spans = P .. KEY_ENDED, P .. KEY_ENDED_WITH_SPANS
  local finished = redis.call('ZCOUNT', P .. KEY_STATUSES, exact(CODE.succeeded * STATUS_STEP), '+inf')
  local resources = tonumber(redis.call('HGET', P .. KEY_CONTROL, 'resources_bytes') or 0)
  local function is_too_much()
    return max_bytes and bytes_total + resources + added > max_bytes
  end
  local function may_go_on()
    return deleted + dropped < most
  end
  while (max_age or max_rollouts) and may_go_on() do
    local r = head_of(ended)
    if not r or not ((max_age and now - r.ended > max_age) or (max_rollouts and finished > max_rollouts)) then
      break
    end
    redis.call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
    finished = finished - 1
  end
  while is_too_much() and may_go_on() do
    local r = head_of(ended_with_spans)
    if not r then
      break
    end
    redis.call('LPOP', ended_with_spans)
    if r.span_bytes > 0 then
      drop_spans(r, trash)
      dropped = dropped + 1
    end
  end
  while is_too_much() and may_go_on() do
    local r = head_of(ended)
    if not r then
      break
    end
    redis.call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
  end
  return { '+', may_go_on() and '' or '1', stamp, deleted, dropped, unpack(trash) }
end)
`),
  setAlias: script('allow-oom', state, String.raw`return each_call(function(first)
  local alias, version, id, expected, expected_version, expected_id = unpack(ARGV, first, first + 5)
  local present = redis.call('HGET', P .. KEY_ALIASES, alias)
  local place, old_version, updated, old_id = '', '', '', ''
  if present then
    place, old_version, updated, old_id = string.match(present, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$')
  end
  if version == '' then
    if present then
      redis.call('HDEL', P .. KEY_ALIASES, alias)
      if is_watched then
        events[#events + 1] = { 'l', stamp, alias, '', '', '' }
      end
    end
    return { '+', present and '1' or '' }
  end
  if redis.call('HEXISTS', P .. KEY_VERSIONS .. id, version) == 0 then
    return { 'missing' }
  end
  if old_id == id and old_version == version then
    return { '+', updated }
  end
  if (expected == 'new' and present) or (expected == 'at' and (old_version ~= expected_version or old_id ~= expected_id)) then
    return { 'elsewhere', old_version, updated, old_id }
  end
  if not present then
    ordinal = ordinal + 1
    place = ordinal
  end
  redis.call('HSET', P .. KEY_ALIASES, alias, table.concat({ place, version, stamp, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, stamp, id }
  end
  return { '+', stamp }
end)
`),
  startAttempt: script('allow-oom', state, rollouts, workers, attempts, answers, claim, record, String.raw`local VERB = 'startAttempt'
return each_call(function(first)
  local id, attempt_id, worker, lease_ms, key = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], ARGV[first + 4]
  if key ~= '' then
    local answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= VERB then
      return { 'conflict', key, earlier_verb }
    end
    if answer then
      return { '=', answer }
    end
  end
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  if not (is_again and find_attempt(r, attempt_id)) then
    claim(r, attempt_id, worker, lease_ms, false)
  end
  local reply = { '+', answer_of(id) }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
`),
  startRollout: script('', state, rollouts, workers, attempts, answers, room, insert, record, claim, String.raw`local VERB = 'startRollout'
return each_call(function(first)
  local max_bytes, attempt_id, worker, lease_ms, at = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], first + 4
  local key = ARGV[at + 2]
  local id, other_verb = find_earlier(at, VERB)
  if other_verb then
    return { 'conflict', key, other_verb }
  end
  if id then
    if key ~= '' and not find_answer(key) then
      keep_answer(VERB, key, id)
    end
    local r = read_rollout(id)
    if r.attempts == 0 then
      return { 'queued', id }
    end
    return { '=', answer_of(id), r.attempts == 1 and r.latest or redis.call('HGET', r.key, 'a1') }
  end
  local refusal = refuse_bytes(max_bytes, #ARGV[at + 8] + #ARGV[at + 7] + 100)
  if refusal then
    return refusal
  end
  local r = insert(at, 'preparing', VERB)
  return { '+', r.start, r.resources, r.version, claim(r, attempt_id, worker, lease_ms, false) }
end)
`),
  sweep: script('allow-oom', state, rollouts, workers, attempts, moves, String.raw`local MOST_LOST_CLAIMS = 5
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
  local number, id = string.match(member, '^([^\31]*)\31(.*)$')
  local r = read_rollout(id)
  local text = r and (tonumber(number) == r.attempts and r.latest or redis.call('HGET', r.key, 'a' .. number))
  local a = text and unpack_attempt(text)
  if a then
    a.is_latest = tonumber(number) == r.attempts
  end
  local deadline = a and next_deadline(r, a)
  if not deadline then
    redis.call('ZREM', P .. KEY_DEADLINES, member)
  elseif now <= deadline then
    redis.call('ZADD', P .. KEY_DEADLINES, deadline, member)
  else
    sweep(r, a)
    redis.call('ZREM', P .. KEY_DEADLINES, member)
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
  renew(letters, 'w', 'waiting', tonumber(CONTROL[8]) or 0)
  renew(letters, 'r', 'awaited', tonumber(CONTROL[9]) or 0)
  local reply = { '+', '', 0, stamp, redis.call('SCARD', P .. KEY_TRASH) }
  local due = redis.call('ZRANGEBYSCORE', P .. KEY_DEADLINES, '-inf', '(' .. exact(now), 'LIMIT', 0, most)
  for _, member in ipairs(due) do
    look(member, reply)
    tick()
  end
  local next_due = redis.call('ZRANGE', P .. KEY_DEADLINES, 0, 0, 'WITHSCORES')
  reply[2] = next_due[2] or ''
  send('ZADD', P .. KEY_STATUSES, status_moves)
  status_moves = {}
  reply[3] = redis.call('ZCOUNT', P .. KEY_STATUSES, '-inf', '(' .. exact(CODE.preparing * STATUS_STEP))
  return reply
end)
`),
  updateResources: script('', state, answers, room, versions, String.raw`local VERSION_ARGUMENTS = 4
return each_call(function(first, last)
  local max_bytes, verb, key, word = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
  if key ~= '' then
    local answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= verb then
      return { 'conflict', key, earlier_verb }
    end
    if answer then
      return { '=', answer }
    end
  end
  if is_again then
    local answer = redis.call('GET', P .. KEY_SENT .. word)
    if answer then
      return { '=', answer }
    end
  end
  local histories, newest, added = {}, {}, 0
  for at = first + 4, last, VERSION_ARGUMENTS do
    local id, expected = ARGV[at], ARGV[at + 1]
    local history = histories[id] or read_history(id) or { last = 0, newest = '', created = '' }
    histories[id] = history
    newest[id] = newest[id] or (history.newest == '' and 0 or tonumber(history.newest))
    if expected ~= '' and tonumber(expected) ~= newest[id] then
      return { 'other-version', (at - first) / VERSION_ARGUMENTS, newest[id] }
    end
    history.given = (history.given or history.last) + 1
    newest[id] = history.given
    added = added + #ARGV[at + 3]
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end
  local answer = {}
  for at = first + 4, last, VERSION_ARGUMENTS do
    local id = ARGV[at]
    local history = histories[id]
    history.last = history.last + 1
    local created = history.created == '' and stamp or history.created
    store_version(id, history, history.last, created, stamp, ARGV[at + 2], ARGV[at + 3])
    answer[#answer + 1] = { id, history.last, created, stamp }
    tick()
  end
  for id, history in pairs(histories) do
    write_history(id, history)
  end
  local text = #answer == 0 and '[]' or cjson.encode(answer)
  if key ~= '' then
    keep_answer(verb, key, text)
  end
  redis.call('SET', P .. KEY_SENT .. word, text, 'EX', WAIT_SECONDS)
  return { '+', text }
end)
`),
  updateRollout: script('allow-oom', state, rollouts, workers, attempts, answers, moves, room, record, String.raw`local VERB = 'updateRollout'
local function newest_version(resources)
  if resources == '' then
    return ''
  end
  local history = redis.call('HGET', P .. KEY_RESOURCES, string.sub(resources, 2))
  return history and string.match(history, '^[^\31]*\31([^\31]*)') or ''
end
local function grow(r, field, value)
  local before = redis.call('HGET', r.key, field) or ''
  if before ~= value then
    put(r, field, value)
    r.is_news = true
  end
  return #value - #before
end
return each_call(function(first)
  local max_bytes, key, id, status, new_resources, resources, new_limits, limits, new_cold, old_cold, cold, new_input, input =
    unpack(ARGV, first, first + 12)
  if key ~= '' then
    local answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= VERB then
      return { 'conflict', key, earlier_verb }
    end
    if answer then
      return { '=', answer }
    end
  end
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  if new_cold == '1' and (redis.call('HGET', r.key, 'd') or '') ~= old_cold then
    return { 'changed' }
  end
  local grown = 0
  if new_cold == '1' then
    grown = grown + grow(r, 'd', cold)
  end
  if new_input == '1' then
    grown = grown + grow(r, 'i', input)
  end
  local becomes = status ~= '' and status or r.status
  if grown > 0 and not IS_FINISHED[becomes] then
    local refusal = refuse_bytes(max_bytes, grown)
    if refusal then
      return refusal
    end
  end
  if new_resources == '1' then
    local version = newest_version(resources)
    r.is_news = r.is_news or r.resources ~= resources or r.version ~= version
    r.resources, r.version = resources, version
  end
  if grown ~= 0 then
    r.bytes = r.bytes + grown
    bytes_total = bytes_total + grown
    if IS_FINISHED[r.status] then
      finished_bytes = finished_bytes + grown
    end
  end
  if new_resources == '1' or grown ~= 0 then
    put(r, 'h', header_of(r))
  end
  if new_limits == '1' then
    put(r, 'c', limits)
    r.limits = limits
  end
  if status ~= '' and status ~= r.status then
    if status == 'cancelled' then
      settle_cancelled(r)
    end
    move(r, status)
  end
  save_rollout(r)
  if new_limits == '1' then
    for _, a in ipairs(attempts_of(r)) do
      local member = a.number .. '\31' .. r.id
      local deadline = next_deadline(r, a)
      if deadline then
        redis.call('ZADD', P .. KEY_DEADLINES, deadline, member)
      else
        redis.call('ZREM', P .. KEY_DEADLINES, member)
      end
    end
  end
  local reply = { '+', answer_of(id) }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
`),
  watch: script('', state, String.raw`local WATCH_SECONDS = 660
return each_call(function(first)
  local name = redis.call('HGET', P .. KEY_CONTROL, 'feed_name')
  if not is_watched or not name then
    name = ARGV[first]
    redis.call('UNLINK', P .. KEY_FEED)
    redis.call('HSET', P .. KEY_CONTROL, 'feed_name', name)
    is_watched = true
  end
  redis.call('HSET', P .. KEY_CONTROL, 'watched', real_seconds + WATCH_SECONDS)
  return { '+', name, feed, stamp }
end)
`),
}
