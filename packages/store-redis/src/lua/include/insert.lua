-- What a new rollout needs of the resources: `resources` as asked ('=' before the id; '' for the latest), `version` as asked
-- ('' for the newest). Answers both as they are stored.
local latest_resources, newest_versions
local function pin(resources, version)
  if resources == '' then
    if not latest_resources then
      local newest = call('ZREVRANGE', P .. KEY_RESOURCES_ORDER, 0, 0)[1]
      latest_resources = newest and { '=' .. match(newest, '^[^\31]*\31(.*)$'), match(newest, '^([^\31]*)') } or { '', '' }
    end
    return latest_resources[1], latest_resources[2]
  end
  if version == '' then
    newest_versions = newest_versions or {}
    if not newest_versions[resources] then
      local history = call('HGET', P .. KEY_RESOURCES, string.sub(resources, 2))
      newest_versions[resources] = history and match(history, '^[^\31]*\31([^\31]*)') or ''
    end
    version = newest_versions[resources]
  end
  return resources, version
end

-- What a new rollout is reckoned to take.
local function new_bytes(at)
  return #ARGV[at] + #ARGV[at + 7] + 100
end

-- A new rollout, stored and, when it is queuing, in the queue; answers its text, resources and version. `at` is the place of its
-- arguments in ARGV:
--   id, '1' if the id was chosen, idempotency key ('' for none), priority, resources, version, limits, body
local INSERT_ARGUMENTS = 8
local function insert(at, status, verb)
  local id, key, priority, limits, body = ARGV[at], ARGV[at + 2], ARGV[at + 3], ARGV[at + 6], ARGV[at + 7]
  local resources, version = pin(ARGV[at + 4], ARGV[at + 5])
  ordinal = ordinal + 1
  local place = whole(ordinal)
  local bytes = new_bytes(at)
  local text = status .. '\31' .. place .. '\31\31' .. bytes .. '\31\31' .. limits .. '\31\31' .. stamp .. '\30' .. priority .. '\30'
    .. version .. '\30' .. resources .. '\31'
  local stored = #texts
  texts[stored + 1], texts[stored + 2] = P .. KEY_ROLLOUT .. id, text
  texts[stored + 3], texts[stored + 4] = P .. KEY_BODY .. id, body
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

-- The id of the rollout that an earlier call made with the same id or key; nil for none. The second value is the verb, where
-- the key was used with another one.
local function find_earlier(at, verb)
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
  if (is_again or ARGV[at + 1] == '1') and call('EXISTS', P .. KEY_ROLLOUT .. id) == 1 then
    return id
  end
  if answer and call('EXISTS', P .. KEY_ROLLOUT .. answer) == 1 then
    return answer
  end
  return nil
end
