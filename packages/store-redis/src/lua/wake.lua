-- Tells the next handle that waits of the work that is there: the one that was told could not take it.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: nothing
-- Returns per call: '+'

-- @flags allow-oom
-- @include state

return each_call(function()
  for priority in string.gmatch(priorities, '[^,]+') do
    if call('LLEN', P .. KEY_QUEUE .. priority) > 0 then
      new_work = new_work + 1
      break
    end
  end
  return { '+' }
end)
