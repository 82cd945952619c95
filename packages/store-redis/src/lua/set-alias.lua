-- Points an alias to a version of resources, or deletes it.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: alias, version ('' to delete it), id of the resources, what is expected ('' anything, 'new' no alias, 'at' a
--         place), expected version, expected id
-- Returns per call: '+', when it was set; for a deletion '1' if there was one
-- Errors  missing, elsewhere <version> <update time> <id> (all '' when there is no such alias)

-- @flags allow-oom
-- @include state

return each_call(function(first)
  local alias, version, id, expected, expected_version, expected_id = unpack(ARGV, first, first + 5)
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
    return { '+', present and '1' or '' }
  end
  if call('HEXISTS', P .. KEY_VERSIONS .. id, version) == 0 then
    return { 'missing' }
  end
  -- A call that is sent twice finds its work done.
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
  return { '+', stamp }
end)
