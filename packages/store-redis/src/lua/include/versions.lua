-- Resources: a field per id of a hash, with the last version ever given, the newest that is there, when version 1 was stored (both
-- '' when none is left), and the ordinal of the id. Their versions: a field each of a hash per id, with create time, update time,
-- encoding ('j' for JSON, 'd' for deflated JSON), and the data. All versions are also in one sorted set, '<version>\31<id>', by
-- the time at which they were stored.

local function read_history(id)
  local text = call('HGET', P .. KEY_RESOURCES, id)
  if not text then
    return nil
  end
  local last, newest, created, place = match(text, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)$')
  return { last = tonumber(last), newest = newest, created = created, place = place }
end

local function write_history(id, history)
  if not history.place then
    ordinal = ordinal + 1
    history.place = ordinal
  end
  call('HSET', P .. KEY_RESOURCES, id,
    table.concat({ history.last, history.newest, history.created, history.place }, '\31'))
end

local function store_version(id, history, version, created, updated, encoding, data)
  if history.newest == '' then
    call('HINCRBY', P .. KEY_CONTROL, 'resources', 1)
    history.created = created
  end
  history.newest = version
  call('HSET', P .. KEY_VERSIONS .. id, version, table.concat({ created, updated, encoding, data }, '\31'))
  call('ZADD', P .. KEY_RESOURCES_ORDER, updated, version .. '\31' .. id)
  call('HINCRBY', P .. KEY_CONTROL, 'resources_bytes', #data)
  if is_watched then
    events[#events + 1] = { 'v', stamp, id, tostring(version), created, updated }
  end
end

local function drop_version(id, history, version)
  local key = P .. KEY_VERSIONS .. id
  local data = match(call('HGET', key, version), '^[^\31]*\31[^\31]*\31[^\31]*\31(.*)$')
  call('HDEL', key, version)
  call('ZREM', P .. KEY_RESOURCES_ORDER, version .. '\31' .. id)
  call('HINCRBY', P .. KEY_CONTROL, 'resources_bytes', -#data)
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
    call('HINCRBY', P .. KEY_CONTROL, 'resources', -1)
  end
end
