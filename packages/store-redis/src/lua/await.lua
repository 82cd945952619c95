-- Says that somebody waits for rollouts: from now on their ends are told.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: nothing
-- Returns per call: '+'

-- @flags allow-oom
-- @include state

return each_call(function()
  control_set[#control_set + 1] = 'awaited'
  control_set[#control_set + 1] = real_seconds + WAIT_SECONDS
  return { '+' }
end)
