-- What every script that writes begins with: the time, and the control hash.
--
-- A script does many calls of one verb. ARGV[1] is the time where a test sets it (microseconds), else ''; ARGV[2] is '1' when the
-- calls are sent again after a connection was lost; then each call, led by the number of its arguments. A call that is refused
-- has changed nothing: its checks come before its first write. What all calls write is gathered here and sent by `finish` with few
-- commands, because each command costs as much as a call needs otherwise: rollouts, workers, the control hash, the index of
-- statuses, the queue, deadlines, the feed, wake-ups.

-- A name of its own is found faster than a field of a global.
local call, match = redis.call, string.match

local P = KEYS[1]
-- How long a handle that waits is told of what happens, unless it says again that it waits.
local WAIT_SECONDS = 60
-- How many events the feed keeps at least, and how long after the last one; nobody who watches lives on an older one.
local FEED_EVENTS, FEED_SECONDS = 100000, 1320
local is_again = ARGV[2] == '1'
local clock = call('TIME')
-- The real time: what says that somebody waits must not lapse when a test moves the clock.
local real_seconds = tonumber(clock[1])
local micros = ARGV[1] ~= '' and tonumber(ARGV[1]) or clock[1] * 1000000 + clock[2]
-- The present time in epoch seconds, and as it is stored.
local now, stamp

local first_micros = micros

local function set_time(value)
  micros = value
  now = value / 1000000
  stamp = string.format('%.6f', now)
end
set_time(micros)

-- The next moment, for what is told apart by its time.
local function tick()
  set_time(micros + 1)
end

-- Every call begins when the script does, whatever those before it took.
local function restart_time()
  if micros ~= first_micros then
    set_time(first_micros)
  end
end

-- A number as text from which the very same one is read again.
local function exact(number)
  return string.format('%.17g', number)
end

-- The same of a whole number; most are written faster.
local function whole(number)
  return number < 1e14 and number .. '' or string.format('%.0f', number)
end

local CONTROL = call('HMGET', P .. KEY_CONTROL, 'ordinal', 'attempts', 'bytes', 'finished_bytes', 'feed', 'watched',
  'waiting', 'awaited', 'priorities')
-- The last place given in the order of insertion and in the queue.
local ordinal = tonumber(CONTROL[1]) or 0
local attempts_total = tonumber(CONTROL[2]) or 0
-- Of all records and spans of rollouts, and of those that are finished.
local bytes_total = tonumber(CONTROL[3]) or 0
local finished_bytes = tonumber(CONTROL[4]) or 0
local feed = tonumber(CONTROL[5]) or 0
-- Whether somebody watches, waits for work, waits for rollouts: without them nothing is told.
local is_watched = (tonumber(CONTROL[6]) or 0) > real_seconds
local is_waiting = (tonumber(CONTROL[7]) or 0) > real_seconds
local is_awaited = (tonumber(CONTROL[8]) or 0) > real_seconds
-- Priorities with a list in the queue, highest first, as text between commas; absent while there is only 0.
local priorities = CONTROL[9] or ',0,'

-- Further fields of the control hash to be written.
local control_set = {}
-- Pairs of score and id for the index of statuses.
local status_moves = {}
-- Keys and texts in turns.
local texts = {}
-- Entries for the queue by priority.
local queue_adds = {}
-- Entries for the lists of what is finished.
local ended_adds, ended_with_spans_adds = {}, {}
-- Deadlines by member that come nearer, and members that have none any more.
local deadline_adds, deadline_drops = {}, {}
-- Events, each a list of texts.
local events = {}
-- Ids of rollouts that are finished or open again, each with a letter before it.
local told = {}
-- How much there is more to be claimed.
local new_work = 0
-- Workers that have a slot again, as told to handles.
local freed = {}
-- How many spans there are more, and their bytes.
local spans_added, span_bytes_added = 0, 0

-- A command with any number of arguments: no more than 4,000 fit on the stack at a time.
local function send(command, key, list)
  for from = 1, #list, 4000 do
    call(command, key, unpack(list, from, math.min(from + 3999, #list)))
  end
end

local workers = {}
local write_workers, write_rollouts, write_priorities

-- What was gathered of texts, for whoever reads them in the same script.
local function write_texts()
  for from = 1, #texts, 4000 do
    call('MSET', unpack(texts, from, math.min(from + 3999, #texts)))
  end
  texts = {}
end

-- Deadlines are sorted by their microseconds: whole numbers are written and read faster.
local function score_of(deadline)
  return math.ceil(math.max(0, deadline) * 1e6)
end

local function arm_at(member, deadline)
  deadline_adds[member] = score_of(deadline)
end

local function disarm(member)
  deadline_adds[member] = nil
  deadline_drops[#deadline_drops + 1] = member
end

local function write_deadlines()
  send('ZREM', P .. KEY_DEADLINES, deadline_drops)
  deadline_drops = {}
  local list = {}
  for member, deadline in pairs(deadline_adds) do
    list[#list + 1] = deadline
    list[#list + 1] = member
  end
  for from = 1, #list, 4000 do
    call('ZADD', P .. KEY_DEADLINES, 'LT', unpack(list, from, math.min(from + 3999, #list)))
  end
  deadline_adds = {}
end

local function note(field, before, value)
  if value ~= before then
    control_set[#control_set + 1] = field
    control_set[#control_set + 1] = value
  end
end

-- Tells as many handles that there is work, who has waited longest first. One that is gone hears nothing, and is passed over.
local function wake(count)
  while count > 0 do
    local popped = call('ZPOPMIN', P .. KEY_WAITERS, math.min(count, 1000))
    if #popped == 0 then
      return
    end
    for at = 1, #popped, 2 do
      if call('SPUBLISH', P .. KEY_WAKE .. ':' .. popped[at], 'w') > 0 then
        count = count - 1
      end
    end
  end
end

local function finish()
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
    send('RPUSH', P .. KEY_QUEUE .. priority, entries)
  end
  send('RPUSH', P .. KEY_ENDED, ended_adds)
  send('RPUSH', P .. KEY_ENDED_WITH_SPANS, ended_with_spans_adds)
  note('ordinal', tonumber(CONTROL[1]) or 0, ordinal)
  note('attempts', tonumber(CONTROL[2]) or 0, attempts_total)
  note('bytes', tonumber(CONTROL[3]) or 0, bytes_total)
  note('finished_bytes', tonumber(CONTROL[4]) or 0, finished_bytes)
  note('priorities', CONTROL[9] or ',0,', priorities)
  if #events > 0 then
    feed = feed + #events
    control_set[#control_set + 1] = 'feed'
    control_set[#control_set + 1] = feed
    call('XADD', P .. KEY_FEED, 'MINID', '~', math.max(0, feed - FEED_EVENTS) .. '-0', feed .. '-0',
      'e', cjson.encode(events))
    call('EXPIRE', P .. KEY_FEED, FEED_SECONDS)
  end
  send('ZADD', P .. KEY_STATUSES, status_moves)
  send('HSET', P .. KEY_CONTROL, control_set)
  if spans_added ~= 0 then
    call('HINCRBY', P .. KEY_CONTROL, 'spans', spans_added)
    call('HINCRBY', P .. KEY_CONTROL, 'span_bytes', span_bytes_added)
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
    call('SPUBLISH', P .. KEY_WAKE, table.concat(message, '\n'))
  end
end

-- Does the calls one after the other; `run` gets the places of the first and the last argument of each in ARGV.
local function each_call(run)
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

-- The argument of each call that comes so far after its first.
local function argument_of_calls(place)
  local values = {}
  local at = 3
  while at <= #ARGV do
    values[#values + 1] = ARGV[at + 1 + place]
    at = at + ARGV[at] + 1
  end
  return values
end
