-- Deletes versions of an id of resources; their numbers are not given again.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: a word that no other call has, id, '1' to leave what is used instead of refusing the call, versions (none for all)
-- Returns per call: '+', the versions that it deleted
-- Errors  used <number of rollouts that are pinned to them> <aliases that point to them>…

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include versions
-- @include sent

-- How many rollouts that are not finished are pinned to each version. Linear in these rollouts, which a deletion can afford.
local function count_pins(id)
  local pins = {}
  local open = call('ZRANGEBYSCORE', P .. KEY_STATUSES, '-inf', '(' .. exact(CODE.succeeded * STATUS_STEP))
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
  local all = call('HGETALL', P .. KEY_ALIASES)
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
    versions = call('HKEYS', P .. KEY_VERSIONS .. id)
    table.sort(versions, function(a, b) return tonumber(a) < tonumber(b) end)
  else
    for at = first + 3, last do
      if call('HEXISTS', P .. KEY_VERSIONS .. id, ARGV[at]) == 1 then
        versions[#versions + 1] = ARGV[at]
      end
    end
  end
  local pins, aliases = count_pins(id), find_aliases(id)
  local latest = call('ZREVRANGE', P .. KEY_RESOURCES_ORDER, 0, 0)[1]
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
