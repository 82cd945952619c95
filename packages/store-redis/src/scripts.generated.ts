// Made from the .lua files by `pnpm run scripts`.
// oxfmt-ignore-file

const answers0 = String.raw`local LIFETIME_SECONDS = 600
`
const answers1 = String.raw`local function find_answer(key)
  local text = call('GET', P .. 'answer:' .. key)
  if not text then
    return nil
  end
  local verb, time, answer = match(text, '^([^\31]*)\31([^\31]*)\31(.*)$')
  if now - time > LIFETIME_SECONDS then
    return nil
  end
  return answer, verb
end
`
const answers2 = String.raw`local function keep_answer(verb, key, answer)
  call('SET', P .. 'answer:' .. key, verb .. '\31' .. stamp .. '\31' .. answer, 'PX', LIFETIME_SECONDS * 1000)
end
`
const attempts0 = String.raw`local ATTEMPT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)'
  .. '\31([^\31]*)\31([^\31]*)\31(.*)$'
`
const attempts1 = String.raw`local IS_LIVE = { preparing = true, running = true }
`
const attempts2 = String.raw`local function unpack_attempt(text)
  local id, number, status, start, ended, worker, beat, outcome, lease, lease_ms, letters, metadata = match(text, ATTEMPT)
  return { id = id, number = number, status = status, start = start, ended = ended, worker = worker, beat = beat,
    outcome = outcome, lease = lease, lease_ms = lease_ms, letters = letters, metadata = metadata, stored = text,
    before_status = status, is_latest = false,
    runs_on = IS_LIVE[status] and worker or nil }
end
`
const attempts3 = String.raw`local function pack_attempt(a)
  return a.id .. '\31' .. a.number .. '\31' .. a.status .. '\31' .. a.start .. '\31' .. a.ended .. '\31' .. a.worker .. '\31' .. a.beat
    .. '\31' .. a.outcome .. '\31' .. a.lease .. '\31' .. a.lease_ms .. '\31' .. a.letters .. '\31' .. a.metadata
end
`
const attempts4 = String.raw`local function has(a, letter)
  return string.find(a.letters, letter, 1, true) ~= nil
end
`
const attempts5 = String.raw`local function give(a, letter)
  if not has(a, letter) then
    a.letters = a.letters .. letter
  end
end
`
const attempts6 = String.raw`local function take(a, letter)
  a.letters = string.gsub(a.letters, letter, '')
end
`
const attempts7 = String.raw`local function attempts_of(r)
  local list = {}
  if r.latest == '' then
    return list
  end
  for number = 1, attempts_count(r) - 1 do
    local text = call('HGET', P .. 'attempts:' .. r.id, number)
    if text then
      list[#list + 1] = unpack_attempt(text)
    end
  end
  local last = unpack_attempt(r.latest)
  last.is_latest = true
  list[#list + 1] = last
  return list
end
`
const attempts8 = String.raw`local function find_attempt(r, id)
  if r.latest == '' then
    return nil
  end
  local a = unpack_attempt(r.latest)
  a.is_latest = true
  if id == 'latest' or a.id == id then
    return a
  end
  if a.number == '1' then
    return nil
  end
  if not r.older then
    r.older = {}
    local all = call('HGETALL', P .. 'attempts:' .. r.id)
    for at = 2, #all, 2 do
      r.older[match(all[at], '^[^\31]*')] = all[at]
    end
  end
  local text = r.older[id]
  return text and unpack_attempt(text) or nil
end
`
const attempts9 = String.raw`local function limits_of(r)
  if r.limits == '' then
    return nil, nil
  end
  local timeout, silence = match(r.limits, '^([^,]*),([^,]*)')
  return tonumber(timeout), tonumber(silence)
end
`
const attempts10 = String.raw`local function next_deadline(r, a)
  if not IS_LIVE[a.status] then
    return nil
  end
  local timeout, silence = limits_of(r)
  local deadline = a.lease ~= '' and tonumber(a.lease) or math.huge
  if timeout then
    deadline = math.min(deadline, a.start + timeout)
  end
  if silence then
    deadline = math.min(deadline, (a.beat ~= '' and a.beat or a.start) + silence)
  end
  return deadline < 9e9 and deadline or nil
end
`
const attempts11 = String.raw`local function arm(r, a)
  if r.limits == '' and a.lease == '' then
    return
  end
  local deadline = next_deadline(r, a)
  if deadline then
    arm_at(a.number .. '\31' .. r.id, deadline)
  end
end
`
const attempts12 = String.raw`local function tell_attempt(r, text)
  events[#events + 1] = { 'a', stamp, r.id, text }
end
`
const attempts13 = String.raw`local function save_attempt(r, a)
  local text = pack_attempt(a)
  if text == a.stored then
    return text
  end
  if a.is_latest then
    r.latest = text
  else
    call('HSET', P .. 'attempts:' .. r.id, a.number, text)
    r.older = nil
  end
  if IS_LIVE[a.before_status] and not IS_LIVE[a.status] then
    if r.limits ~= '' or a.lease_ms ~= '' then
      disarm(a.number .. '\31' .. r.id)
    end
  end
  if is_watched then
    local before = unpack_attempt(a.stored)
    if a.status ~= before.status or a.outcome ~= before.outcome or a.worker ~= before.worker or a.metadata ~= before.metadata then
      tell_attempt(r, text)
    end
  end
  a.stored, a.before_status = text, a.status
  return text
end
`
const claim0 = String.raw`local function claim(r, attempt_id, worker, lease_ms, is_from_queue)
  local number = attempts_count(r) + 1
  if number > 1 then
    call('HSET', P .. 'attempts:' .. r.id, number - 1, r.latest)
    r.older = nil
  end
  local lease = lease_ms == '' and '' or exact(now + lease_ms / 1000)
  local text = attempt_id .. '\31' .. number .. '\31preparing\31' .. stamp .. '\31\31' .. worker .. '\31\31\31' .. lease .. '\31'
    .. lease_ms .. '\31\31'
  r.latest = text
  attempts_total = attempts_total + 1
  bytes_total = bytes_total + ATTEMPT_BYTES
  if IS_FINISHED[r.stored_status] then
    finished_bytes = finished_bytes + ATTEMPT_BYTES
  end
  move(r, 'preparing')
  if r.limits ~= '' or lease ~= '' then
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
const insert0 = String.raw`local latest_resources, newest_versions
`
const insert1 = String.raw`local function pin(resources, version)
  if resources == '' then
    if not latest_resources then
      local newest = call('ZREVRANGE', P .. 'resources-order', 0, 0)[1]
      latest_resources = newest and { '=' .. match(newest, '^[^\31]*\31(.*)$'), match(newest, '^([^\31]*)') } or { '', '' }
    end
    return latest_resources[1], latest_resources[2]
  end
  if version == '' then
    newest_versions = newest_versions or {}
    if not newest_versions[resources] then
      local history = call('HGET', P .. 'resources', string.sub(resources, 2))
      newest_versions[resources] = history and match(history, '^[^\31]*\31([^\31]*)') or ''
    end
    version = newest_versions[resources]
  end
  return resources, version
end
`
const insert2 = String.raw`local function new_bytes(at)
  return #ARGV[at] + #ARGV[at + 7] + 100
end
`
const insert3 = String.raw`local INSERT_ARGUMENTS = 8
`
const insert4 = String.raw`local function insert(at, status, verb)
  local id, key, priority, limits, body = ARGV[at], ARGV[at + 2], ARGV[at + 3], ARGV[at + 6], ARGV[at + 7]
  local resources, version = pin(ARGV[at + 4], ARGV[at + 5])
  ordinal = ordinal + 1
  local place = whole(ordinal)
  local bytes = new_bytes(at)
  local text = status .. '\31' .. place .. '\31\31' .. bytes .. '\31\31' .. limits .. '\31\31' .. stamp .. '\30' .. priority .. '\30'
    .. version .. '\30' .. resources .. '\31'
  local stored = #texts
  texts[stored + 1], texts[stored + 2] = P .. 'rollout:' .. id, text
  texts[stored + 3], texts[stored + 4] = P .. 'body:' .. id, body
  rollouts[id] = nil
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + bytes
  if status == 'queuing' then
    add_to_queue(priority, place .. '\31' .. id)
  end
  if key ~= '' then
    keep_answer(verb, key, id)
  end
  if is_watched then
    tell_rollout(id, text, match(body, '^[^\31]*'))
  end
  return text, resources, version
end
`
const insert5 = String.raw`local function find_earlier(at, verb)
  local id, key = ARGV[at], ARGV[at + 2]
  if key == '' and ARGV[at + 1] == '' and not is_again then
    return nil
  end
  write_texts()
  local answer, earlier_verb
  if key ~= '' then
    answer, earlier_verb = find_answer(key)
    if answer and earlier_verb ~= verb then
      return nil, earlier_verb
    end
  end
  if (is_again or ARGV[at + 1] == '1') and call('EXISTS', P .. 'rollout:' .. id) == 1 then
    return id
  end
  if answer and call('EXISTS', P .. 'rollout:' .. answer) == 1 then
    return answer
  end
  return nil
end
`
const moves0 = String.raw`local function tell_worker(r, a)
  if IS_LIVE[a.status] then
    worker_busy(a, r.id, false)
  else
    worker_left(a, r.id, a.status == 'timeout' or a.status == 'unresponsive')
  end
end
`
const moves1 = String.raw`local function end_attempt(r, a, status, outcome)
  a.status, a.outcome, a.lease = status, outcome, ''
  a.ended = (status == 'succeeded' or status == 'failed') and stamp or ''
  tell_worker(r, a)
end
`
const moves2 = String.raw`local function revive_attempt(r, a, status)
  if not IS_LIVE[a.status] then
    a.lease = a.lease_ms == '' and '' or exact(now + a.lease_ms / 1000)
  end
  a.status, a.outcome, a.ended = status, '', ''
  tell_worker(r, a)
  arm(r, a)
end
`
const moves3 = String.raw`local STATUS_LETTER = { failed = 'f', timeout = 't', unresponsive = 'u', succeeded = 's', preparing = 'p', running = 'r' }
`
const moves4 = String.raw`local OUTCOME_LETTER = { scored = 's', completed = 'c', agent_error = 'a', infra_error = 'i', invalid = 'v', cancelled = 'x',
  timeout = 't', unresponsive = 'u' }
`
const moves5 = String.raw`local function may_retry(r, a)
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
`
const moves6 = String.raw`local function follow_attempt(r, a)
  local status = a.status
  if status == 'preparing' or status == 'running' or status == 'succeeded' then
    move(r, status)
  else
    move(r, may_retry(r, a) and 'requeuing' or 'failed')
  end
end
`
const moves7 = String.raw`local function set_uncounted(r, uncounted, lost)
  r.uncounted, r.lost = uncounted, lost
end
`
const moves8 = String.raw`local function count_again(r, a)
  if not has(a, 'U') then
    return
  end
  local lost = has(a, 'C') and a.is_latest and r.lost > 0 and 1 or 0
  set_uncounted(r, r.uncounted - 1, r.lost - lost)
  take(a, '[UC]')
end
`
const moves9 = String.raw`local function settle_cancelled(r)
  for _, a in ipairs(attempts_of(r)) do
    if IS_LIVE[a.status] or a.status == 'unresponsive' then
      end_attempt(r, a, 'failed', 'cancelled')
      save_attempt(r, a)
    end
  end
end
`
const record0 = String.raw`local function answer_of(id)
  write_texts()
  local r = read_rollout(id)
  return { id, text_of(r), call('GET', P .. 'body:' .. id) }
end
`
const remove0 = String.raw`local function throw_away_spans(r, trash)
  if r.span_bytes == 0 then
    return
  end
  local s = spans_of(r)
  local place = place_of_spans(r, s.generation) .. '\31' .. r.id
  call('SADD', P .. 'trash', place)
  call('UNLINK', P .. 'span-index:' .. r.id)
  trash[#trash + 1] = place
  spans_added = spans_added - s.arrived
  span_bytes_added = span_bytes_added - s.bytes
end
`
const remove1 = String.raw`local function remove_rollout(r, trash)
  local attempts = attempts_of(r)
  removing = r.id
  for _, a in ipairs(attempts) do
    if IS_LIVE[a.status] then
      worker_left(a, r.id, false)
      disarm(a.number .. '\31' .. r.id)
    end
  end
  removing = nil
  throw_away_spans(r, trash)
  call('UNLINK', P .. 'rollout:' .. r.id, P .. 'body:' .. r.id, P .. 'attempts:' .. r.id)
  r.is_removed = true
  rollouts[r.id] = false
  call('ZREM', P .. 'statuses', r.id)
  attempts_total = attempts_total - #attempts
  bytes_total = bytes_total - weight_of(r)
  finished_bytes = finished_bytes - weight_of(r)
  if is_watched then
    events[#events + 1] = { 'd', stamp, r.id }
  end
end
`
const remove2 = String.raw`local function trim_ended(count)
  for _, list in ipairs({ P .. 'ended', P .. 'ended-with-spans' }) do
    for _ = 1, count do
      local entry = call('LINDEX', list, 0)
      if not entry or read_rollout(match(entry, '\31(.*)$')) then
        break
      end
      call('LPOP', list)
    end
  end
end
`
const rollouts0 = String.raw`local ROLLOUT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$'
`
const rollouts1 = String.raw`local CODE = { queuing = 0, requeuing = 1, preparing = 2, running = 3, succeeded = 4, failed = 5, cancelled = 6 }
`
const rollouts2 = String.raw`local STATUS_STEP = 35184372088832
`
const rollouts3 = String.raw`local IS_QUEUING = { queuing = true, requeuing = true }
`
const rollouts4 = String.raw`local IS_FINISHED = { succeeded = true, failed = true, cancelled = true }
`
const rollouts5 = String.raw`local ATTEMPT_BYTES = 200
`
const rollouts6 = String.raw`local rollouts = {}
`
const rollouts7 = String.raw`local changed_rollouts = {}
`
const rollouts8 = String.raw`local function parse_rollout(id, text)
  local status, ordinal, ended, bytes, rare, limits, spans, fixed, latest = match(text, ROLLOUT)
  local r = { id = id, status = status, stored_status = status, ordinal = ordinal, ended = ended, bytes = bytes, limits = limits,
    spans = spans, fixed = fixed, latest = latest, uncounted = 0, lost = 0, place = '', span_bytes = 0, text = false,
    is_changed = false }
  if rare ~= '' then
    local uncounted, lost, place = match(rare, '^([^,]*),([^,]*),(.*)$')
    r.uncounted, r.lost, r.place = tonumber(uncounted), tonumber(lost), place
  end
  if spans ~= '' then
    r.span_bytes = tonumber(match(spans, '^[^,]*'))
  end
  return r
end
`
const rollouts9 = String.raw`local function read_rollout(id)
  local r = rollouts[id]
  if r == nil then
    local text = call('GET', P .. 'rollout:' .. id)
    r = text and parse_rollout(id, text) or false
    rollouts[id] = r
  end
  return r or nil
end
`
const rollouts10 = String.raw`local function read_rollouts(ids)
  for from = 1, #ids, 1000 do
    local keys = {}
    for at = from, math.min(from + 999, #ids) do
      keys[#keys + 1] = P .. 'rollout:' .. ids[at]
    end
    for place, text in ipairs(call('MGET', unpack(keys))) do
      local id = ids[from + place - 1]
      if rollouts[id] == nil then
        rollouts[id] = text and parse_rollout(id, text) or false
      end
    end
  end
end
`
const rollouts11 = String.raw`local function text_of(r)
  if not r.text then
    local is_usual = r.uncounted == 0 and r.lost == 0 and r.place == ''
    local rare = is_usual and '' or (r.uncounted .. ',' .. r.lost .. ',' .. r.place)
    r.text = r.status .. '\31' .. r.ordinal .. '\31' .. r.ended .. '\31' .. r.bytes .. '\31' .. rare .. '\31' .. r.limits .. '\31'
      .. r.spans .. '\31' .. r.fixed .. '\31' .. r.latest
  end
  return r.text
end
`
const rollouts12 = String.raw`write_rollouts = function()
  for _, r in ipairs(changed_rollouts) do
    if not r.is_removed then
      texts[#texts + 1] = P .. 'rollout:' .. r.id
      texts[#texts + 1] = text_of(r)
    end
  end
end
`
const rollouts13 = String.raw`local function fixed_of(r)
  return match(r.fixed, '^([^\30]*)\30([^\30]*)\30([^\30]*)\30(.*)$')
end
`
const rollouts14 = String.raw`local function attempts_count(r)
  return r.latest == '' and 0 or tonumber(match(r.latest, '^[^\31]*\31([^\31]*)'))
end
`
const rollouts15 = String.raw`local function spans_of(r)
  if r.spans == '' then
    return { bytes = 0, arrived = 0, highest = 0, generation = '' }
  end
  local bytes, arrived, highest, stored, is_unordered, generation =
    match(r.spans, '^([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),(.*)$')
  return { bytes = tonumber(bytes), arrived = tonumber(arrived), highest = tonumber(highest), stored = tonumber(stored),
    is_unordered = is_unordered == '1', generation = generation }
end
`
const rollouts16 = String.raw`local function set_spans(r, s)
  r.span_bytes = s.bytes
  r.spans = s.bytes .. ',' .. s.arrived .. ',' .. whole(s.highest) .. ',' .. (s.stored and whole(s.stored) or '') .. ','
    .. (s.is_unordered and '1' or '') .. ',' .. s.generation
end
`
const rollouts17 = String.raw`local function place_of_spans(r, generation)
  return generation == '' and r.ordinal or r.ordinal .. '.' .. generation
end
`
const rollouts18 = String.raw`local function weight_of(r)
  return r.bytes + attempts_count(r) * ATTEMPT_BYTES + r.span_bytes
end
`
const rollouts19 = String.raw`local new_priorities = {}
`
const rollouts20 = String.raw`local function add_priority(priority)
  if not string.find(priorities, ',' .. priority .. ',', 1, true) then
    new_priorities[#new_priorities + 1] = priority
  end
end
`
const rollouts21 = String.raw`write_priorities = function()
  if #new_priorities == 0 then
    return
  end
  for known in string.gmatch(priorities, '[^,]+') do
    new_priorities[#new_priorities + 1] = known
  end
  table.sort(new_priorities, function(a, b) return tonumber(a) > tonumber(b) end)
  priorities = ',' .. table.concat(new_priorities, ',') .. ','
end
`
const rollouts22 = String.raw`local function add_to_queue(priority, entry)
  local entries = queue_adds[priority]
  if not entries then
    entries = {}
    queue_adds[priority] = entries
    add_priority(priority)
  end
  entries[#entries + 1] = entry
  new_work = new_work + 1
end
`
const rollouts23 = String.raw`local function put_into_queue(r)
  ordinal = ordinal + 1
  r.place = whole(ordinal)
  local _, priority = fixed_of(r)
  add_to_queue(priority, r.place .. '\31' .. r.id)
end
`
const rollouts24 = String.raw`local function move(r, status)
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
    end
    r.ended = ''
  end
  r.status = status
end
`
const rollouts25 = String.raw`local function cold_of(id)
  write_texts()
  local key = P .. 'body:' .. id
  return match(call('GETRANGE', key, 0, 1023), '^([^\31]*)\31') or match(call('GET', key) or '', '^[^\31]*')
end
`
const rollouts26 = String.raw`local function tell_rollout(id, text, cold)
  events[#events + 1] = { 'r', stamp, id, text, cold }
end
`
const rollouts27 = String.raw`local function save_rollout(r)
  local status = r.status
  if status ~= r.stored_status then
    status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + r.ordinal
    status_moves[#status_moves + 1] = r.id
    if IS_FINISHED[status] then
      local entry = r.ended .. '\31' .. r.id
      ended_adds[#ended_adds + 1] = entry
      if r.span_bytes > 0 then
        ended_with_spans_adds[#ended_with_spans_adds + 1] = entry
      end
    end
    if IS_FINISHED[status] ~= IS_FINISHED[r.stored_status] then
      finished_bytes = finished_bytes + (IS_FINISHED[status] and weight_of(r) or -weight_of(r))
    end
  end
  r.text = false
  if not r.is_changed then
    r.is_changed = true
    changed_rollouts[#changed_rollouts + 1] = r
  end
  if is_watched and (status ~= r.stored_status or r.is_news) then
    tell_rollout(r.id, text_of(r), cold_of(r.id))
  end
  if r.is_news then
    r.is_news = nil
  end
  r.stored_status = status
end
`
const room0 = String.raw`local function refuse_bytes(max_bytes, added)
  if max_bytes == '' or added <= 0 then
    return nil
  end
  local resources = tonumber(call('HGET', P .. 'control', 'resources_bytes') or 0)
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
const sent0 = String.raw`local SENT_SECONDS = 60
`
const sent1 = String.raw`local function find_sent(word)
  local text = is_again and call('GET', P .. 'sent:' .. word)
  return text and cjson.decode(text) or nil
end
`
const sent2 = String.raw`local function keep_sent(word, reply)
  call('SET', P .. 'sent:' .. word, cjson.encode(reply), 'EX', SENT_SECONDS)
end
`
const state0 = String.raw`local call, match = redis.call, string.match
`
const state1 = String.raw`local P = KEYS[1]
`
const state2 = String.raw`local WAIT_SECONDS = 60
`
const state3 = String.raw`local FEED_EVENTS, FEED_SECONDS = 100000, 1320
`
const state4 = String.raw`local is_again = ARGV[2] == '1'
`
const state5 = String.raw`local clock = call('TIME')
`
const state6 = String.raw`local real_seconds = tonumber(clock[1])
`
const state7 = String.raw`local micros = ARGV[1] ~= '' and tonumber(ARGV[1]) or clock[1] * 1000000 + clock[2]
`
const state8 = String.raw`local now, stamp
`
const state9 = String.raw`local first_micros = micros
`
const state10 = String.raw`local function set_time(value)
  micros = value
  now = value / 1000000
  stamp = string.format('%.6f', now)
end
`
const state11 = String.raw`set_time(micros)
`
const state12 = String.raw`local function tick()
  set_time(micros + 1)
end
`
const state13 = String.raw`local function restart_time()
  if micros ~= first_micros then
    set_time(first_micros)
  end
end
`
const state14 = String.raw`local function exact(number)
  return string.format('%.17g', number)
end
`
const state15 = String.raw`local function whole(number)
  return number < 1e14 and number .. '' or string.format('%.0f', number)
end
`
const state16 = String.raw`local CONTROL = call('HMGET', P .. 'control', 'ordinal', 'attempts', 'bytes', 'finished_bytes', 'feed', 'watched',
  'waiting', 'awaited', 'priorities')
`
const state17 = String.raw`local ordinal = tonumber(CONTROL[1]) or 0
`
const state18 = String.raw`local attempts_total = tonumber(CONTROL[2]) or 0
`
const state19 = String.raw`local bytes_total = tonumber(CONTROL[3]) or 0
`
const state20 = String.raw`local finished_bytes = tonumber(CONTROL[4]) or 0
`
const state21 = String.raw`local feed = tonumber(CONTROL[5]) or 0
`
const state22 = String.raw`local is_watched = (tonumber(CONTROL[6]) or 0) > real_seconds
`
const state23 = String.raw`local is_waiting = (tonumber(CONTROL[7]) or 0) > real_seconds
`
const state24 = String.raw`local is_awaited = (tonumber(CONTROL[8]) or 0) > real_seconds
`
const state25 = String.raw`local priorities = CONTROL[9] or ',0,'
`
const state26 = String.raw`local control_set = {}
`
const state27 = String.raw`local status_moves = {}
`
const state28 = String.raw`local texts = {}
`
const state29 = String.raw`local queue_adds = {}
`
const state30 = String.raw`local ended_adds, ended_with_spans_adds = {}, {}
`
const state31 = String.raw`local deadline_adds, deadline_drops = {}, {}
`
const state32 = String.raw`local events = {}
`
const state33 = String.raw`local told = {}
`
const state34 = String.raw`local new_work = 0
`
const state35 = String.raw`local freed = {}
`
const state36 = String.raw`local spans_added, span_bytes_added = 0, 0
`
const state37 = String.raw`local function send(command, key, list)
  for from = 1, #list, 4000 do
    call(command, key, unpack(list, from, math.min(from + 3999, #list)))
  end
end
`
const state38 = String.raw`local workers = {}
`
const state39 = String.raw`local write_workers, write_rollouts, write_priorities
`
const state40 = String.raw`local function write_texts()
  for from = 1, #texts, 4000 do
    call('MSET', unpack(texts, from, math.min(from + 3999, #texts)))
  end
  texts = {}
end
`
const state41 = String.raw`local function score_of(deadline)
  return math.ceil(math.max(0, deadline) * 1e6)
end
`
const state42 = String.raw`local function arm_at(member, deadline)
  deadline_adds[member] = score_of(deadline)
end
`
const state43 = String.raw`local function disarm(member)
  deadline_adds[member] = nil
  deadline_drops[#deadline_drops + 1] = member
end
`
const state44 = String.raw`local function write_deadlines()
  send('ZREM', P .. 'deadlines', deadline_drops)
  deadline_drops = {}
  local list = {}
  for member, deadline in pairs(deadline_adds) do
    list[#list + 1] = deadline
    list[#list + 1] = member
  end
  for from = 1, #list, 4000 do
    call('ZADD', P .. 'deadlines', 'LT', unpack(list, from, math.min(from + 3999, #list)))
  end
  deadline_adds = {}
end
`
const state45 = String.raw`local function note(field, before, value)
  if value ~= before then
    control_set[#control_set + 1] = field
    control_set[#control_set + 1] = value
  end
end
`
const state46 = String.raw`local function wake(count)
  while count > 0 do
    local popped = call('ZPOPMIN', P .. 'waiters', math.min(count, 1000))
    if #popped == 0 then
      return
    end
    for at = 1, #popped, 2 do
      if call('SPUBLISH', P .. 'wake' .. ':' .. popped[at], 'w') > 0 then
        count = count - 1
      end
    end
  end
end
`
const state47 = String.raw`local function finish()
  if write_workers then
    write_workers()
  end
  if write_rollouts then
    write_rollouts()
  end
  if write_priorities then
    write_priorities()
  end
  write_texts()
  write_deadlines()
  for priority, entries in pairs(queue_adds) do
    send('RPUSH', P .. 'queue:' .. priority, entries)
  end
  send('RPUSH', P .. 'ended', ended_adds)
  send('RPUSH', P .. 'ended-with-spans', ended_with_spans_adds)
  note('ordinal', tonumber(CONTROL[1]) or 0, ordinal)
  note('attempts', tonumber(CONTROL[2]) or 0, attempts_total)
  note('bytes', tonumber(CONTROL[3]) or 0, bytes_total)
  note('finished_bytes', tonumber(CONTROL[4]) or 0, finished_bytes)
  note('priorities', CONTROL[9] or ',0,', priorities)
  if #events > 0 then
    feed = feed + #events
    control_set[#control_set + 1] = 'feed'
    control_set[#control_set + 1] = feed
    call('XADD', P .. 'feed', 'MINID', '~', math.max(0, feed - FEED_EVENTS) .. '-0', feed .. '-0',
      'e', cjson.encode(events))
    call('EXPIRE', P .. 'feed', FEED_SECONDS)
  end
  send('ZADD', P .. 'statuses', status_moves)
  send('HSET', P .. 'control', control_set)
  if spans_added ~= 0 then
    call('HINCRBY', P .. 'control', 'spans', spans_added)
    call('HINCRBY', P .. 'control', 'span_bytes', span_bytes_added)
  end
  local message = {}
  if is_waiting then
    wake(new_work)
    for _, id in ipairs(freed) do
      message[#message + 1] = 'c' .. id
    end
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
    call('SPUBLISH', P .. 'wake', table.concat(message, '\n'))
  end
end
`
const state48 = String.raw`local function each_call(run)
  local replies = {}
  local at = 3
  while at <= #ARGV do
    local last = at + ARGV[at]
    replies[#replies + 1] = run(at + 1, last)
    at = last + 1
  end
  finish()
  return replies
end
`
const state49 = String.raw`local function argument_of_calls(place)
  local values = {}
  local at = 3
  while at <= #ARGV do
    values[#values + 1] = ARGV[at + 1 + place]
    at = at + ARGV[at] + 1
  end
  return values
end
`
const versions0 = String.raw`local function read_history(id)
  local text = call('HGET', P .. 'resources', id)
  if not text then
    return nil
  end
  local last, newest, created, place = match(text, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)$')
  return { last = tonumber(last), newest = newest, created = created, place = place }
end
`
const versions1 = String.raw`local function write_history(id, history)
  if not history.place then
    ordinal = ordinal + 1
    history.place = ordinal
  end
  call('HSET', P .. 'resources', id,
    table.concat({ history.last, history.newest, history.created, history.place }, '\31'))
end
`
const versions2 = String.raw`local function store_version(id, history, version, created, updated, encoding, data)
  if history.newest == '' then
    call('HINCRBY', P .. 'control', 'resources', 1)
    history.created = created
  end
  history.newest = version
  call('HSET', P .. 'versions:' .. id, version, table.concat({ created, updated, encoding, data }, '\31'))
  call('ZADD', P .. 'resources-order', updated, version .. '\31' .. id)
  call('HINCRBY', P .. 'control', 'resources_bytes', #data)
  if is_watched then
    events[#events + 1] = { 'v', stamp, id, tostring(version), created, updated }
  end
end
`
const versions3 = String.raw`local function drop_version(id, history, version)
  local key = P .. 'versions:' .. id
  local data = match(call('HGET', key, version), '^[^\31]*\31[^\31]*\31[^\31]*\31(.*)$')
  call('HDEL', key, version)
  call('ZREM', P .. 'resources-order', version .. '\31' .. id)
  call('HINCRBY', P .. 'control', 'resources_bytes', -#data)
  if is_watched then
    events[#events + 1] = { 'x', stamp, id, tostring(version) }
  end
  if tostring(history.newest) ~= tostring(version) then
    return
  end
  local newest = 0
  for _, left in ipairs(call('HKEYS', key)) do
    newest = math.max(newest, tonumber(left))
  end
  history.newest = newest > 0 and newest or ''
  if newest == 0 then
    history.created = ''
    call('HINCRBY', P .. 'control', 'resources', -1)
  end
end
`
const workers0 = String.raw`local changed_workers = {}
`
const workers1 = String.raw`local function change(w)
  if not w.is_changed then
    w.is_changed = true
    changed_workers[#changed_workers + 1] = w
  end
end
`
const workers2 = String.raw`local function find_worker(id)
  local w = workers[id]
  if w == nil then
    local key = P .. 'worker:' .. id
    local f = call('HMGET', key, 's', 'c', 'n', 'l', 'r', 'a')
    local length = tonumber(f[4]) or 0
    w = f[1] and { id = id, key = key, status = f[1], capacity = f[2] or '', count = tonumber(f[3]) or 0, length = length,
      stored_length = length, has_list = length > 0, rollout = f[5] or '', attempt = f[6] or '', is_changed = false, adds = false }
    workers[id] = w
  end
  return w or nil
end
`
const workers3 = String.raw`local function need_worker(id)
  local w = find_worker(id)
  if not w then
    ordinal = ordinal + 1
    call('ZADD', P .. 'workers', ordinal, id)
    w = { id = id, key = P .. 'worker:' .. id, status = 'unknown', capacity = '', count = 0, length = 0, stored_length = 0,
      rollout = '', attempt = '' }
    workers[id] = w
    change(w)
  end
  return w
end
`
const workers4 = String.raw`local function write_list(w)
  if w.adds then
    send('RPUSH', P .. 'running:' .. w.id, w.adds)
    w.adds, w.has_list = false, true
  end
end
`
const workers5 = String.raw`local function write_worker(w)
  write_list(w)
  if w.length ~= w.stored_length then
    call('HSET', w.key, 'l', w.length)
  end
  if w.new_capacity then
    call('HSET', w.key, 'c', w.new_capacity)
  end
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
`
const workers6 = String.raw`write_workers = function()
  for _, w in ipairs(changed_workers) do
    if w.is_changed then
      write_worker(w)
    end
  end
end
`
const workers7 = String.raw`local removing
`
const workers8 = String.raw`local function is_running(w, entry, changing)
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
    text = number > 0 and call('HGET', P .. 'attempts:' .. rollout_id, number)
  end
  return false
end
`
const workers9 = String.raw`local function drop_list(w)
  if w.has_list then
    call('UNLINK', P .. 'running:' .. w.id)
  end
  w.length, w.adds, w.has_list = 0, false, false
end
`
const workers10 = String.raw`local function step_back(w, changing)
  local list = P .. 'running:' .. w.id
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
`
const workers11 = String.raw`local function shorten_list(w, changing)
  local list = P .. 'running:' .. w.id
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
`
const workers12 = String.raw`local function add_to_list(w, rollout_id, attempt_id)
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
`
const workers13 = String.raw`local function worker_busy(a, rollout_id, is_claim)
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
`
const workers14 = String.raw`local function worker_left(a, rollout_id, is_lost)
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
`
const workers15 = String.raw`local function worker_capacity(id, capacity)
  local w = find_worker(id)
  if w and w.capacity == capacity then
    return
  end
  w = need_worker(id)
  w.capacity, w.new_capacity = capacity, capacity
  change(w)
  freed[#freed + 1] = id
end
`
const workers16 = String.raw`local function worker_found_nothing(id)
  local w = need_worker(id)
  w.dequeue = stamp
  if w.count == 0 and w.status ~= 'idle' then
    w.status, w.idle, w.rollout, w.attempt = 'idle', stamp, '', ''
  end
  change(w)
end
`

function script(flags: string, ...texts: readonly string[]): string {
  return `#!lua flags=${flags}\n${texts.join('')}`
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
  | 'wake'
  | 'watch'

export const scripts: Readonly<Record<ScriptName, string>> = {
  addSpans: script('', state0, state1, state3, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state43, state44, state45, state46, state47, state48, state49, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts10, rollouts11, rollouts12, rollouts13, rollouts14, rollouts15, rollouts16, rollouts17, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts6, attempts8, attempts9, attempts10, attempts11, attempts12, attempts13, moves0, moves2, moves7, moves8, room0, String.raw`local HIGHEST_SEQUENCE = 9007199253692415
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
local function open_part(r)
  local s = spans_of(r)
  return { rollout = r, spans = s, arrived = s.arrived, highest = s.highest, stored = s.stored or 0,
    is_unordered = s.is_unordered, bytes = 0, fields = {}, seen = {} }
end
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
  send('HSET', P .. 'span-index:' .. r.id, part.fields)
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
  local start = first + 2 + 2 * count
  local known
  if count == 1 and attempts[1].part.arrived > 0 then
    local number, fields = attempts[1].attempt.number, {}
    for at = start + 1, last, SPAN_ARGUMENTS do
      fields[#fields + 1] = number .. ':' .. ARGV[at]
    end
    known = {}
    for from = 1, #fields, 4000 do
      local values = call('HMGET', P .. 'span-index:' .. attempts[1].part.rollout.id,
        unpack(fields, from, math.min(from + 3999, #fields)))
      for at, value in ipairs(values) do
        known[fields[from + at - 1]] = value
      end
    end
  end
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
        value = call('HGET', P .. 'span-index:' .. part.rollout.id, field)
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
`),
  await: script('allow-oom', state0, state1, state2, state3, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, String.raw`return each_call(function()
  control_set[#control_set + 1] = 'awaited'
  control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  return { '+' }
end)
`),
  cancel: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts7, attempts12, attempts13, moves0, moves1, moves9, sent0, sent1, sent2, record0, String.raw`return each_call(function(first, last)
  local reply, cancelled = { '+' }, {}
  local sent = find_sent(ARGV[first])
  for _, id in ipairs(sent or {}) do
    if call('EXISTS', P .. 'rollout:' .. id) == 1 then
      reply[#reply + 1] = answer_of(id)
    end
  end
  if sent then
    return reply
  end
  for at = first + 1, last do
    local r = read_rollout(ARGV[at])
    if r and not IS_FINISHED[r.status] then
      settle_cancelled(r)
      move(r, 'cancelled')
      save_rollout(r)
      reply[#reply + 1] = answer_of(r.id)
      cancelled[#cancelled + 1] = r.id
    end
  end
  keep_sent(ARGV[first], cancelled)
  return reply
end)
`),
  deleteResources: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state14, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts19, rollouts21, versions0, versions1, versions3, sent0, sent1, sent2, String.raw`local function count_pins(id)
  local pins = {}
  local open = call('ZRANGEBYSCORE', P .. 'statuses', '-inf', '(' .. exact(CODE.succeeded * STATUS_STEP))
  for _, rollout_id in ipairs(open) do
    local _, _, version, resources = fixed_of(read_rollout(rollout_id))
    if resources == '=' .. id then
      pins[version] = (pins[version] or 0) + 1
    end
  end
  return pins
end
local function find_aliases(id)
  local aliases = {}
  local all = call('HGETALL', P .. 'aliases')
  for at = 1, #all, 2 do
    local version, resources = match(all[at + 1], '^[^\31]*\31([^\31]*)\31[^\31]*\31(.*)$')
    if resources == id then
      aliases[version] = aliases[version] or {}
      table.insert(aliases[version], all[at])
    end
  end
  return aliases
end
return each_call(function(first, last)
  local word, id, leaves_used = ARGV[first], ARGV[first + 1], ARGV[first + 2] == '1'
  local sent = find_sent(word)
  if sent then
    return sent
  end
  local history = read_history(id)
  if not history or history.newest == '' then
    return { '+' }
  end
  local versions = {}
  if last == first + 2 then
    versions = call('HKEYS', P .. 'versions:' .. id)
    table.sort(versions, function(a, b) return tonumber(a) < tonumber(b) end)
  else
    for at = first + 3, last do
      if call('HEXISTS', P .. 'versions:' .. id, ARGV[at]) == 1 then
        versions[#versions + 1] = ARGV[at]
      end
    end
  end
  local pins, aliases = count_pins(id), find_aliases(id)
  local latest = call('ZREVRANGE', P .. 'resources-order', 0, 0)[1]
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
    table.insert(pointing, 1, pinned)
    table.insert(pointing, 1, 'used')
    return pointing
  end
  for _, version in ipairs(versions) do
    drop_version(id, history, version)
  end
  write_history(id, history)
  local reply = versions
  table.insert(reply, 1, '+')
  keep_sent(word, reply)
  return reply
end)
`),
  delete: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state43, state44, state45, state46, state47, state48, rollouts0, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts14, rollouts15, rollouts17, rollouts18, rollouts19, rollouts21, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers14, attempts0, attempts1, attempts2, attempts7, remove0, remove1, remove2, sent0, sent1, sent2, String.raw`return each_call(function(first, last)
  local sent = find_sent(ARGV[first])
  if sent then
    return sent
  end
  local deleted, trash = {}, {}
  for at = first + 1, last do
    local r = read_rollout(ARGV[at])
    if r and IS_FINISHED[r.status] then
      remove_rollout(r, trash)
      deleted[#deleted + 1] = r.id
    end
  end
  trim_ended(2 * #deleted + 10)
  local reply = { '+', deleted, trash }
  keep_sent(ARGV[first], reply)
  return reply
end)
`),
  dequeue: script('allow-oom', state0, state1, state2, state3, state4, state5, state6, state7, state8, state9, state10, state11, state12, state13, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts10, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers11, workers12, workers13, workers15, workers16, attempts1, attempts9, attempts10, attempts11, attempts12, answers0, answers1, answers2, record0, claim0, String.raw`local MOST_STALE = 1000
local wanted = 0
local taken, bodies = {}, {}
local function next_entry(priority)
  local t = taken[priority]
  if not t or t.at == #t.entries then
    local entries = call('LPOP', P .. 'queue:' .. priority, math.max(1, math.min(wanted, 500)))
    if not entries then
      return nil
    end
    t = { entries = entries, at = 0 }
    taken[priority] = t
    local ids, keys = {}, {}
    for _, entry in ipairs(entries) do
      local id = match(entry, '\31(.*)$')
      ids[#ids + 1] = id
      keys[#keys + 1] = P .. 'body:' .. id
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
    if (t and t.at < #t.entries) or call('LLEN', P .. 'queue:' .. priority) > 0 then
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
    send('LPUSH', P .. 'queue:' .. priority, left)
  end
end
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
local begun
local function rollout_of(attempt_id)
  if not begun then
    begun = {}
    local ids = call('ZRANGEBYSCORE', P .. 'statuses', CODE.preparing * STATUS_STEP, '(' .. exact(CODE.running * STATUS_STEP))
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
      tick()
    end
  end
  if #reply > 1 then
    if key ~= '' then
      keep_answer(verb, key, cjson.encode(reply))
    end
    if others == '1' then
      call('ZADD', P .. 'waiters', 'NX', now, handle)
      if has_work() then
        new_work = new_work + 1
      end
    end
    return reply
  end
  if worker_id ~= '' then
    worker_found_nothing(worker_id)
  end
  if others == '1' or (waits == '1' and slots > 0) then
    call('ZADD', P .. 'waiters', 'NX', now, handle)
  end
  if waits == '1' then
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
`),
  enqueue: script('', state0, state1, state3, state4, state5, state6, state7, state8, state9, state10, state11, state12, state13, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts19, rollouts20, rollouts21, rollouts22, rollouts26, answers0, answers1, answers2, room0, insert0, insert1, insert2, insert3, insert4, insert5, record0, String.raw`return each_call(function(first, last)
  local max_bytes, verb = ARGV[first], ARGV[first + 1]
  restart_time()
  local earlier, added = {}, 0
  for at = first + 2, last, INSERT_ARGUMENTS do
    local id, other_verb = find_earlier(at, verb)
    if other_verb then
      return { 'conflict', ARGV[at + 2], other_verb }
    end
    if id then
      earlier[at] = id
    elseif max_bytes ~= '' then
      added = added + new_bytes(at)
    end
  end
  local refusal = refuse_bytes(max_bytes, added)
  if refusal then
    return refusal
  end
  local reply = { '+' }
  for at = first + 2, last, INSERT_ARGUMENTS do
    local key = ARGV[at + 2]
    local id = earlier[at] or find_earlier(at, verb)
    if id then
      if key ~= '' and not find_answer(key) then
        keep_answer(verb, key, id)
      end
      reply[#reply + 1] = { '=', answer_of(id) }
    else
      local _, resources, version = insert(at, 'queuing', verb)
      reply[#reply + 1] = { stamp, resources, version }
      if at + INSERT_ARGUMENTS <= last then
        tick()
      end
    end
  end
  return reply
end)
`),
  forgetWorkers: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state44, state45, state46, state47, state48, rollouts7, rollouts11, rollouts12, rollouts19, rollouts21, workers0, workers2, workers4, workers5, workers6, workers9, String.raw`return each_call(function(first)
  local w = find_worker(ARGV[first])
  if not w or w.count > 0 then
    return { '+' }
  end
  local f = call('HMGET', w.key, 's', 'h', 'd', 'b', 'i')
  for place = 1, 5 do
    f[place] = f[place] or ''
  end
  if table.concat(f, '\31') == ARGV[first + 1] then
    drop_list(w)
    call('UNLINK', w.key)
    w.is_changed = false
    call('ZREM', P .. 'workers', w.id)
    workers[w.id] = false
  end
  return { '+' }
end)
`),
  heartbeat: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, workers15, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts6, attempts8, attempts9, attempts10, attempts11, attempts12, attempts13, moves0, moves2, moves7, moves8, String.raw`local function stop_reason(r, a)
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
  end
  if capacity ~= '' then
    worker_capacity(worker_id, capacity)
  end
  local w = need_worker(worker_id)
  if w.is_changed then
    write_worker(w)
  end
  call('HSET', w.key, 'h', stamp)
  if stats ~= '' then
    call('HSET', w.key, 'x', stats)
  end
  reply[2] = call('HGETALL', w.key)
  return reply
end)
`),
  nextSequenceIds: script('', state0, state1, state3, state5, state6, state7, state8, state10, state11, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts14, rollouts15, rollouts16, rollouts18, rollouts19, rollouts21, rollouts25, rollouts26, rollouts27, String.raw`local HIGHEST_SEQUENCE = 9007199253692415
return each_call(function(first, last)
  local highest = {}
  for at = first, last do
    local id = ARGV[at]
    local r = read_rollout(id)
    if not r then
      return { 'missing', id }
    end
    highest[id] = spans_of(r).highest
  end
  local reply = { '+' }
  for at = first, last do
    local id = ARGV[at]
    local sequence = highest[id] + 1
    if sequence > HIGHEST_SEQUENCE then
      return { 'no-ids', whole(sequence) }
    end
    highest[id] = sequence
    reply[#reply + 1] = whole(sequence)
  end
  for id, sequence in pairs(highest) do
    local r = read_rollout(id)
    local s = spans_of(r)
    s.highest = sequence
    set_spans(r, s)
    save_rollout(r)
  end
  return reply
end)
`),
  release: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts8, attempts12, attempts13, moves0, moves1, moves7, record0, String.raw`return each_call(function(first)
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
  report: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state43, state44, state45, state46, state47, state48, state49, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts10, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts6, attempts8, attempts9, attempts10, attempts11, attempts12, attempts13, moves0, moves1, moves2, moves3, moves4, moves5, moves6, moves7, moves8, room0, String.raw`local function takes_status(r, a, status)
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
read_rollouts(argument_of_calls(1))
return each_call(function(first)
  local max_bytes, id, attempt_id, status, outcome, worker, beat, metadata = unpack(ARGV, first, first + 7)
  local r = read_rollout(id)
  if not r then
    return { 'missing' }
  end
  local a = find_attempt(r, attempt_id)
  if not a then
    return { r.latest == '' and 'no-attempts' or 'no-attempt' }
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
    arm(r, a)
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
  restore: script('', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts15, rollouts16, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, attempts0, attempts1, attempts2, attempts9, attempts10, attempts12, answers0, versions0, versions1, versions2, String.raw`local restore = {}
function restore.history(at)
  local history = read_history(ARGV[at]) or { newest = '', created = '' }
  history.last = tonumber(ARGV[at + 1])
  write_history(ARGV[at], history)
end
function restore.version(at)
  local id, version, created, updated, encoding, data = unpack(ARGV, at, at + 5)
  if is_again and call('HEXISTS', P .. 'versions:' .. id, version) == 1 then
    return
  end
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
  call('HSET', P .. 'aliases', alias, table.concat({ ordinal, version, updated, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, updated, id }
  end
end
function restore.rollout(at)
  local id, status, ended, priority, start, resources, version, body, limits, uncounted, lost, sequence = unpack(ARGV, at, at + 11)
  if is_again and read_rollout(id) then
    return
  end
  ordinal = ordinal + 1
  local bytes = #id + #body + 100
  local r = { id = id, status = status, stored_status = status, ordinal = whole(ordinal), ended = ended, bytes = bytes,
    limits = limits, spans = '', fixed = start .. '\30' .. priority .. '\30' .. version .. '\30' .. resources, latest = '',
    uncounted = tonumber(uncounted), lost = tonumber(lost), place = '', span_bytes = 0, is_news = true }
  if sequence ~= '0' then
    set_spans(r, { bytes = 0, arrived = 0, highest = tonumber(sequence), generation = '' })
  end
  rollouts[id] = r
  texts[#texts + 1] = P .. 'body:' .. id
  texts[#texts + 1] = body
  status_moves[#status_moves + 1] = CODE[status] * STATUS_STEP + ordinal
  status_moves[#status_moves + 1] = id
  bytes_total = bytes_total + bytes
  if IS_FINISHED[status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
end
function restore.queue(at)
  local r = read_rollout(ARGV[at])
  put_into_queue(r)
  save_rollout(r)
end
function restore.ended(at)
  local r = read_rollout(ARGV[at])
  call('RPUSH', P .. 'ended', r.ended .. '\31' .. r.id)
  if r.span_bytes > 0 then
    call('RPUSH', P .. 'ended-with-spans', r.ended .. '\31' .. r.id)
  end
end
function restore.attempt(at)
  local id, number, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local r = read_rollout(id)
  local before = attempts_count(r)
  if is_again and before >= number then
    return
  end
  if before > 0 then
    call('HSET', P .. 'attempts:' .. id, before, r.latest)
  end
  local a = unpack_attempt(text)
  local bytes = (number - before) * ATTEMPT_BYTES + #a.metadata
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  attempts_total = attempts_total + 1
  r.latest = text
  r.bytes = r.bytes + #a.metadata
  if is_watched then
    tell_attempt(r, text)
  end
  save_rollout(r)
  local deadline = next_deadline(r, a)
  if deadline then
    arm_at(number .. '\31' .. id, deadline)
  end
end
function restore.span(at)
  local id, number, span_id, sequence, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local r = read_rollout(id)
  local known = is_again and call('HGET', P .. 'span-index:' .. id, number .. ':' .. span_id)
  if known then
    return { '+', r.ordinal, match(known, '^[^:]*') }
  end
  local s = spans_of(r)
  s.arrived = s.arrived + 1
  s.bytes = s.bytes + bytes
  if s.stored and sequence <= s.stored then
    s.is_unordered = true
  else
    s.stored = sequence
  end
  set_spans(r, s)
  call('HSET', P .. 'span-index:' .. id, number .. ':' .. span_id, s.arrived .. ':' .. whole(sequence))
  spans_added = spans_added + 1
  span_bytes_added = span_bytes_added + bytes
  bytes_total = bytes_total + bytes
  if IS_FINISHED[r.status] then
    finished_bytes = finished_bytes + bytes
  end
  save_rollout(r)
  return { '+', r.ordinal, whole(s.arrived) }
end
function restore.worker(at, last)
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  if is_again and find_worker(id) then
    return
  end
  local w = need_worker(id)
  local running = {}
  for place = at + 2 + 2 * count, last, 2 do
    running[#running + 1] = ARGV[place] .. '\31' .. ARGV[place + 1]
  end
  send('RPUSH', P .. 'running:' .. id, running)
  call('HSET', w.key, 'n', #running, 'l', #running, unpack(ARGV, at + 2, at + 1 + 2 * count))
  w.is_changed = false
  workers[id] = nil
end
function restore.key(at)
  local key, verb, time, answer = unpack(ARGV, at, at + 3)
  local left = math.floor((LIFETIME_SECONDS - (now - time)) * 1000)
  if left > 0 then
    call('SET', P .. 'answer:' .. key, verb .. '\31' .. time .. '\31' .. answer, 'PX', left)
  end
end
return each_call(function(first, last)
  return restore[ARGV[first]](first + 1, last) or { '+' }
end)
`),
  retain: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts14, rollouts15, rollouts16, rollouts17, rollouts18, rollouts19, rollouts21, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers14, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts7, attempts12, attempts13, remove0, remove1, remove2, String.raw`local MOST_STALE = 1000
local stale = 0
local function head_of(list)
  while stale < MOST_STALE do
    local entry = call('LINDEX', list, 0)
    if not entry then
      return nil
    end
    local ended, id = match(entry, '^([^\31]*)\31(.*)$')
    local r = read_rollout(id)
    if r and IS_FINISHED[r.status] and r.ended == ended then
      return r
    end
    call('LPOP', list)
    stale = stale + 1
  end
  return nil
end
local function drop_spans(r, trash)
  local had = {}
  for _, field in ipairs(call('HKEYS', P .. 'span-index:' .. r.id)) do
    had[match(field, '^[^:]*')] = true
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
  local s = spans_of(r)
  set_spans(r, { bytes = 0, arrived = 0, highest = s.highest, generation = (tonumber(s.generation) or 0) + 1 })
  save_rollout(r)
end
return each_call(function(first)
  local max_age, max_rollouts, max_bytes, added, most = tonumber(ARGV[first]), tonumber(ARGV[first + 1]),
    tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
  local trash, deleted, dropped = {}, 0, 0
  local ended, ended_with_spans = P .. 'ended', P .. 'ended-with-spans'
  local finished = call('ZCOUNT', P .. 'statuses', exact(CODE.succeeded * STATUS_STEP), '+inf')
  local resources = tonumber(call('HGET', P .. 'control', 'resources_bytes') or 0)
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
    call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
    finished = finished - 1
  end
  while is_too_much() and may_go_on() do
    local r = head_of(ended_with_spans)
    if not r then
      break
    end
    call('LPOP', ended_with_spans)
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
    call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
  end
  trim_ended(2 * deleted + 10)
  return { '+', may_go_on() and stale < MOST_STALE and '' or '1', stamp, deleted, dropped, unpack(trash) }
end)
`),
  setAlias: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, sent0, sent1, sent2, String.raw`return each_call(function(first)
  local alias, version, id, expected, expected_version, expected_id, word = unpack(ARGV, first, first + 6)
  local sent = find_sent(word)
  if sent then
    return sent
  end
  local present = call('HGET', P .. 'aliases', alias)
  local place, old_version, updated, old_id = '', '', '', ''
  if present then
    place, old_version, updated, old_id = match(present, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$')
  end
  if version == '' then
    if present then
      call('HDEL', P .. 'aliases', alias)
      if is_watched then
        events[#events + 1] = { 'l', stamp, alias, '', '', '' }
      end
    end
    local reply = { '+', present and '1' or '' }
    keep_sent(word, reply)
    return reply
  end
  if call('HEXISTS', P .. 'versions:' .. id, version) == 0 then
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
  call('HSET', P .. 'aliases', alias, table.concat({ place, version, stamp, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, stamp, id }
  end
  local reply = { '+', stamp }
  keep_sent(word, reply)
  return reply
end)
`),
  startAttempt: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers11, workers12, workers13, attempts0, attempts1, attempts2, attempts8, attempts9, attempts10, attempts11, attempts12, answers0, answers1, answers2, claim0, record0, String.raw`local VERB = 'startAttempt'
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
  local a = is_again and find_attempt(r, attempt_id)
  if not a then
    claim(r, attempt_id, worker, lease_ms, false)
  end
  local answer = answer_of(id)
  if a then
    answer[2] = string.sub(answer[2], 1, #answer[2] - #r.latest) .. a.stored
  end
  local reply = { '+', answer }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
`),
  startRollout: script('', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state42, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers11, workers12, workers13, attempts1, attempts9, attempts10, attempts11, attempts12, answers0, answers1, answers2, room0, insert0, insert1, insert2, insert4, insert5, record0, claim0, String.raw`local VERB = 'startRollout'
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
    local attempts = attempts_count(r)
    if attempts == 0 then
      return { 'queued', id }
    end
    return { '=', answer_of(id), attempts == 1 and r.latest or call('HGET', P .. 'attempts:' .. id, 1) }
  end
  local refusal = refuse_bytes(max_bytes, new_bytes(at))
  if refusal then
    return refusal
  end
  id = ARGV[at]
  local text, resources, version = insert(at, 'preparing', VERB)
  local r = parse_rollout(id, text)
  rollouts[id] = r
  return { '+', stamp, resources, version, claim(r, attempt_id, worker, lease_ms, false) }
end)
`),
  sweep: script('allow-oom', state0, state1, state2, state3, state5, state6, state7, state8, state10, state11, state14, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts4, attempts5, attempts9, attempts10, attempts12, attempts13, moves0, moves1, moves3, moves4, moves5, moves6, moves7, String.raw`local MOST_LOST_CLAIMS = 5
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
  local text = r and (is_latest and r.latest or call('HGET', P .. 'attempts:' .. id, number))
  local a = text and unpack_attempt(text)
  if a then
    a.is_latest = is_latest
  end
  local deadline = a and next_deadline(r, a)
  if not deadline then
    call('ZREM', P .. 'deadlines', member)
  elseif now <= deadline then
    call('ZADD', P .. 'deadlines', score_of(deadline), member)
  else
    sweep(r, a)
    call('ZREM', P .. 'deadlines', member)
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
  local reply = { '+', '', 0, stamp, call('SCARD', P .. 'trash') }
  local due = call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', '(' .. exact(now * 1e6), 'LIMIT', 0, most)
  for _, member in ipairs(due) do
    look(member, reply)
  end
  write_deadlines()
  local next_due = call('ZRANGE', P .. 'deadlines', 0, 0, 'WITHSCORES')
  reply[2] = next_due[2] or ''
  send('ZADD', P .. 'statuses', status_moves)
  status_moves = {}
  reply[3] = call('ZCOUNT', P .. 'statuses', '-inf', '(' .. exact(CODE.preparing * STATUS_STEP))
  return reply
end)
`),
  updateResources: script('', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state12, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, answers0, answers1, answers2, room0, versions0, versions1, versions2, sent0, sent1, sent2, String.raw`local VERSION_ARGUMENTS = 4
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
  local sent = find_sent(word)
  if sent then
    return sent
  end
  local histories, newest, ids, added = {}, {}, {}, 0
  for at = first + 4, last, VERSION_ARGUMENTS do
    local id, expected = ARGV[at], ARGV[at + 1]
    local history = histories[id]
    if not history then
      history = read_history(id) or { last = 0, newest = '', created = '' }
      histories[id] = history
      ids[#ids + 1] = id
    end
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
  for _, id in ipairs(ids) do
    write_history(id, histories[id])
  end
  local text = #answer == 0 and '[]' or cjson.encode(answer)
  if key ~= '' then
    keep_answer(verb, key, text)
  end
  keep_sent(word, { '=', text })
  return { '+', text }
end)
`),
  updateRollout: script('allow-oom', state0, state1, state3, state4, state5, state6, state7, state8, state10, state11, state15, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state38, state39, state40, state41, state43, state44, state45, state46, state47, state48, rollouts0, rollouts1, rollouts2, rollouts3, rollouts4, rollouts5, rollouts6, rollouts7, rollouts8, rollouts9, rollouts11, rollouts12, rollouts13, rollouts14, rollouts18, rollouts19, rollouts20, rollouts21, rollouts22, rollouts23, rollouts24, rollouts25, rollouts26, rollouts27, workers0, workers1, workers2, workers3, workers4, workers5, workers6, workers7, workers8, workers9, workers10, workers11, workers12, workers13, workers14, attempts0, attempts1, attempts2, attempts3, attempts7, attempts9, attempts10, attempts12, attempts13, answers0, answers1, answers2, sent0, sent1, sent2, moves0, moves1, moves9, room0, record0, String.raw`local VERB = 'updateRollout'
local function newest_version(resources)
  if resources == '' then
    return ''
  end
  local history = call('HGET', P .. 'resources', string.sub(resources, 2))
  return history and match(history, '^[^\31]*\31([^\31]*)') or ''
end
return each_call(function(first)
  local max_bytes, key, id, status, new_resources, resources, new_limits, limits, sha1, body, word =
    unpack(ARGV, first, first + 10)
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
  if find_sent(word) then
    return { '+', answer_of(id) }
  end
  local before = sha1 ~= '' and call('GET', P .. 'body:' .. id)
  if before and redis.sha1hex(before) ~= sha1 then
    return { 'changed' }
  end
  local grown = before and #body - #before or 0
  local becomes = status ~= '' and status or r.status
  if grown > 0 and not IS_FINISHED[becomes] then
    local refusal = refuse_bytes(max_bytes, grown)
    if refusal then
      return refusal
    end
  end
  if before and before ~= body then
    call('SET', P .. 'body:' .. id, body)
    r.is_news = true
  end
  if new_resources == '1' then
    local start, priority = fixed_of(r)
    local fixed = start .. '\30' .. priority .. '\30' .. newest_version(resources) .. '\30' .. resources
    r.is_news = r.is_news or r.fixed ~= fixed
    r.fixed = fixed
  end
  if grown ~= 0 then
    r.bytes = r.bytes + grown
    bytes_total = bytes_total + grown
    if IS_FINISHED[r.status] then
      finished_bytes = finished_bytes + grown
    end
  end
  if new_limits == '1' then
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
        call('ZADD', P .. 'deadlines', score_of(deadline), member)
      else
        call('ZREM', P .. 'deadlines', member)
      end
    end
  end
  keep_sent(word, true)
  local reply = { '+', answer_of(id) }
  if key ~= '' then
    keep_answer(VERB, key, cjson.encode(reply))
  end
  return reply
end)
`),
  wake: script('allow-oom', state0, state1, state3, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, String.raw`return each_call(function()
  for priority in string.gmatch(priorities, '[^,]+') do
    if call('LLEN', P .. 'queue:' .. priority) > 0 then
      new_work = new_work + 1
      break
    end
  end
  return { '+' }
end)
`),
  watch: script('', state0, state1, state3, state5, state6, state7, state8, state10, state11, state16, state17, state18, state19, state20, state21, state22, state23, state24, state25, state26, state27, state28, state29, state30, state31, state32, state33, state34, state35, state36, state37, state39, state40, state44, state45, state46, state47, state48, String.raw`local WATCH_SECONDS = 660
return each_call(function(first)
  local name = call('HGET', P .. 'control', 'feed_name')
  if not is_watched or not name then
    name = ARGV[first]
    call('UNLINK', P .. 'feed')
    call('HSET', P .. 'control', 'feed_name', name)
    is_watched = true
  end
  call('HSET', P .. 'control', 'watched', real_seconds + WATCH_SECONDS)
  return { '+', name, feed, stamp }
end)
`),
}
