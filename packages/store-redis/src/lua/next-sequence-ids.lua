-- The next span sequence ids of rollouts; all are known before the first is given.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: ids of rollouts
-- Returns per call: '+', an id each
-- Errors  missing <rollout id>, no-ids <sequence id>

-- @include state
-- @include rollouts

local HIGHEST_SEQUENCE = 9007199253692415

return each_call(function(first, last)
  local highest = {}
  for at = first, last do
    local id = ARGV[at]
    local r = read_rollout(id)
    if not r then
      return { 'missing', id }
    end
    highest[id] = spans_of(r).highest
  end
  local reply = { '+' }
  for at = first, last do
    local id = ARGV[at]
    local sequence = highest[id] + 1
    if sequence > HIGHEST_SEQUENCE then
      return { 'no-ids', whole(sequence) }
    end
    highest[id] = sequence
    reply[#reply + 1] = whole(sequence)
  end
  for id, sequence in pairs(highest) do
    local r = read_rollout(id)
    local s = spans_of(r)
    s.highest = sequence
    set_spans(r, s)
    save_rollout(r)
  end
  return reply
end)
