-- What a new rollout needs of the resources: `resources` as asked ('=' before the id; '' for the latest), `version` as asked
-- ('' for the newest). Answers both as they are stored.
local latest_resources, newest_versions
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

-- A new rollout: stored and, when it is queuing, in the queue. `at` is the place of its arguments in ARGV:
--   id, '1' if the id was chosen, idempotency key ('' for none), priority, resources, version, limits, cold fields, input
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

-- The id of the rollout that an earlier call made with the same id or key; nil for none. The second value is the verb, where
-- the key was used with another one.
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
