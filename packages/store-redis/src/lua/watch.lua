-- Says that somebody watches: from now on events are kept and told. Where nobody has for longer than a cursor lives, events were
-- left out meanwhile, so that the feed gets another name and no cursor from before leads on.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: a new name for the feed
-- Returns per call: '+', name of the feed, place of its last event, the present time

-- @include state

-- As long as a cursor lives, and a little longer.
local WATCH_SECONDS = 660

return each_call(function(first)
  local name = call('HGET', P .. KEY_CONTROL, 'feed_name')
  if not is_watched or not name then
    name = ARGV[first]
    call('UNLINK', P .. KEY_FEED)
    call('HSET', P .. KEY_CONTROL, 'feed_name', name)
    is_watched = true
  end
  call('HSET', P .. KEY_CONTROL, 'watched', real_seconds + WATCH_SECONDS)
  return { '+', name, feed, stamp }
end)
