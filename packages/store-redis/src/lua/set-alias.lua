-- Points an alias to a version of resources, or deletes it.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: alias, version ('' to delete it), id of the resources, what is expected ('' anything, 'new' no alias, 'at' a
--         place), expected version, expected id, a word that no other call has
-- Returns per call: '+', when it was set; for a deletion '1' if there was one
-- Errors  missing, elsewhere <version> <update time> <id> (all '' when there is no such alias)

-- @flags allow-oom
-- @include state
-- @include sent

return each_call(function(first)
  local alias, version, id, expected, expected_version, expected_id, word = unpack(ARGV, first, first + 6)
  local sent = find_sent(word)
  if sent then
    return sent
  end
  local present = call('HGET', P .. KEY_ALIASES, alias)
  local place, old_version, updated, old_id = '', '', '', ''
  if present then
    place, old_version, updated, old_id = match(present, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$')
  end
  if version == '' then
    if present then
      call('HDEL', P .. KEY_ALIASES, alias)
      if is_watched then
        events[#events + 1] = { 'l', stamp, alias, '', '', '' }
      end
    end
    local reply = { '+', present and '1' or '' }
    keep_sent(word, reply)
    return reply
  end
  if call('HEXISTS', P .. KEY_VERSIONS .. id, version) == 0 then
    return { 'missing' }
  end
  -- Whoever sets it twice finds it done.
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
  call('HSET', P .. KEY_ALIASES, alias, table.concat({ place, version, stamp, id }, '\31'))
  if is_watched then
    events[#events + 1] = { 'l', stamp, alias, version, stamp, id }
  end
  local reply = { '+', stamp }
  keep_sent(word, reply)
  return reply
end)
