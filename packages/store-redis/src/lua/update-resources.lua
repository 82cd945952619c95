-- Stores new versions of resources: of each call all or none.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: bound on bytes ('' for none), verb, idempotency key ('' for none), a word that no other call has; then per
--         version: id, the version it must follow ('' for any, 0 for none), encoding, data
-- Returns per call: '+' or, for what was done before, '=', and a JSON list of id, version, create time and update time each
-- Errors  conflict <key> <earlier verb>, other-version <place from 1> <newest>, full <kept> <added>, retain <added>

-- @include state
-- @include answers
-- @include room
-- @include versions
-- @include sent

local VERSION_ARGUMENTS = 4

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
