-- The next span sequence ids of rollouts; all are known before the first is given.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: ids of rollouts
-- Returns per call: '+', an id each
-- Errors  missing <rollout id>, no-ids <sequence id>

-- @include state

local HIGHEST_SEQUENCE = 9007199253692415

return each_call(function(first, last)
  local present = {}
  for at = first, last do
    local id = ARGV[at]
    if not present[id] then
      local f = redis.call('HMGET', P .. KEY_ROLLOUT .. id, 's', 'x')
      if not f[1] then
        return { 'missing', id }
      end
      present[id] = tonumber(f[2]) or 0
    end
  end
  local reply = { '+' }
  for at = first, last do
    local id = ARGV[at]
    local sequence = present[id] + 1
    if sequence > HIGHEST_SEQUENCE then
      return { 'no-ids', exact(sequence) }
    end
    present[id] = sequence
    reply[#reply + 1] = exact(sequence)
  end
  for id, sequence in pairs(present) do
    redis.call('HSET', P .. KEY_ROLLOUT .. id, 'x', exact(sequence))
  end
  return reply
end)
