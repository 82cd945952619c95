-- Rollouts: a text each, of parts joined by \31:
--   status, ordinal, end time, bytes of the record,
--   rare      attempts that do not count as a try, claims that were lost since it was opened, place in the queue ('' while it
--             is its ordinal); '' for 0, 0, ''
--   limits    timeout_seconds, unresponsive_seconds, max_attempts, letters of retry_condition, letters of retry_outcomes; ''
--             for none of them
--   spans     bytes, how many arrived, highest sequence id given or seen, highest one of a span that is stored, '1' when a span
--             arrived after one with the same or a higher sequence id (until then the order of arrival is that of the ids), how
--             often its spans were dropped ('' for never); '' before the first
--   fixed     start time, priority, version of the resources, their id ('=' before it; '' for none), joined by \30
--   the last attempt, as in include/attempts.lua; '' for none
-- Parts that are lists are joined by commas. Beside it lies its body: what only clients read, \31, the input. Attempts before the
-- last are in a hash by number.

local ROLLOUT = '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$'
local CODE = { queuing = 0, requeuing = 1, preparing = 2, running = 3, succeeded = 4, failed = 5, cancelled = 6 }
-- The index of statuses is sorted by status, then by ordinal.
local STATUS_STEP = 35184372088832
local IS_QUEUING = { queuing = true, requeuing = true }
local IS_FINISHED = { succeeded = true, failed = true, cancelled = true }
-- What an attempt is reckoned to take beside its metadata.
local ATTEMPT_BYTES = 200

-- Those that were read; false for an id that is not known.
local rollouts = {}
local changed_rollouts = {}

local function parse_rollout(id, text)
  local status, ordinal, ended, bytes, rare, limits, spans, fixed, latest = match(text, ROLLOUT)
  -- As many fields as such a table has room for before it must grow.
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

-- Nil for an unknown id.
local function read_rollout(id)
  local r = rollouts[id]
  if r == nil then
    local text = call('GET', P .. KEY_ROLLOUT .. id)
    r = text and parse_rollout(id, text) or false
    rollouts[id] = r
  end
  return r or nil
end

-- Reads many with one command.
local function read_rollouts(ids)
  for from = 1, #ids, 1000 do
    local keys = {}
    for at = from, math.min(from + 999, #ids) do
      keys[#keys + 1] = P .. KEY_ROLLOUT .. ids[at]
    end
    for place, text in ipairs(call('MGET', unpack(keys))) do
      local id = ids[from + place - 1]
      if rollouts[id] == nil then
        rollouts[id] = text and parse_rollout(id, text) or false
      end
    end
  end
end

local function text_of(r)
  if not r.text then
    local is_usual = r.uncounted == 0 and r.lost == 0 and r.place == ''
    local rare = is_usual and '' or (r.uncounted .. ',' .. r.lost .. ',' .. r.place)
    r.text = r.status .. '\31' .. r.ordinal .. '\31' .. r.ended .. '\31' .. r.bytes .. '\31' .. rare .. '\31' .. r.limits .. '\31'
      .. r.spans .. '\31' .. r.fixed .. '\31' .. r.latest
  end
  return r.text
end

write_rollouts = function()
  for _, r in ipairs(changed_rollouts) do
    if not r.is_removed then
      texts[#texts + 1] = P .. KEY_ROLLOUT .. r.id
      texts[#texts + 1] = text_of(r)
    end
  end
end

-- Start time, priority, version of the resources, their id.
local function fixed_of(r)
  return match(r.fixed, '^([^\30]*)\30([^\30]*)\30([^\30]*)\30(.*)$')
end

-- The number of the last attempt.
local function attempts_count(r)
  return r.latest == '' and 0 or tonumber(match(r.latest, '^[^\31]*\31([^\31]*)'))
end

-- How its spans stand.
local function spans_of(r)
  if r.spans == '' then
    return { bytes = 0, arrived = 0, highest = 0, generation = '' }
  end
  local bytes, arrived, highest, stored, is_unordered, generation =
    match(r.spans, '^([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),(.*)$')
  return { bytes = tonumber(bytes), arrived = tonumber(arrived), highest = tonumber(highest), stored = tonumber(stored),
    is_unordered = is_unordered == '1', generation = generation }
end

local function set_spans(r, s)
  r.span_bytes = s.bytes
  r.spans = s.bytes .. ',' .. s.arrived .. ',' .. whole(s.highest) .. ',' .. (s.stored and whole(s.stored) or '') .. ','
    .. (s.is_unordered and '1' or '') .. ',' .. s.generation
end

-- Where its spans lie.
local function place_of_spans(r, generation)
  return generation == '' and r.ordinal or r.ordinal .. '.' .. generation
end

-- All that it takes, with its attempts and spans.
local function weight_of(r)
  return r.bytes + attempts_count(r) * ATTEMPT_BYTES + r.span_bytes
end

-- The queue has a list for each priority that was ever asked for; new ones are sorted in once per script.
local new_priorities = {}
local function add_priority(priority)
  if not string.find(priorities, ',' .. priority .. ',', 1, true) then
    new_priorities[#new_priorities + 1] = priority
  end
end

write_priorities = function()
  if #new_priorities == 0 then
    return
  end
  for known in string.gmatch(priorities, '[^,]+') do
    new_priorities[#new_priorities + 1] = known
  end
  table.sort(new_priorities, function(a, b) return tonumber(a) > tonumber(b) end)
  priorities = ',' .. table.concat(new_priorities, ',') .. ','
end

-- At the tail of its priority. An entry names its place: one whose rollout has another place by now, or does not wait, is stale
-- and passed over when it comes to the head.
local function add_to_queue(priority, entry)
  local entries = queue_adds[priority]
  if not entries then
    entries = {}
    queue_adds[priority] = entries
    add_priority(priority)
  end
  entries[#entries + 1] = entry
  new_work = new_work + 1
end

local function put_into_queue(r)
  ordinal = ordinal + 1
  r.place = whole(ordinal)
  local _, priority = fixed_of(r)
  add_to_queue(priority, r.place .. '\31' .. r.id)
end

-- Puts a rollout into a status; nothing happens when it is there already.
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
    end
    r.ended = ''
  end
  r.status = status
end

-- What only clients read, of a body; bodies may be large.
local function cold_of(id)
  write_texts()
  local key = P .. KEY_BODY .. id
  return match(call('GETRANGE', key, 0, 1023), '^([^\31]*)\31') or match(call('GET', key) or '', '^[^\31]*')
end

-- Tells who watches; the reader of the feed adds the input.
local function tell_rollout(id, text, cold)
  events[#events + 1] = { 'r', stamp, id, text, cold }
end

-- To be written. A change beside status, end and place in the queue must have been made before.
local function save_rollout(r)
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
