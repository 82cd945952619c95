-- Drops what is too old, one too many, or in the way: finished rollouts only, the one that ended first before all others. As
-- `planRetention` of the kit.
--
-- KEYS    1 prefix of the control keys
-- ARGV    per call: greatest age in seconds, greatest number of finished rollouts, bound on bytes ('' for none of these), bytes that
--         are about to be added, how many rollouts one call may drop
-- Returns per call: '+', '1' if there is more to be dropped, the present time, how many rollouts were deleted, of how many only the
--         spans went, the places of spans that are now to be deleted

-- @flags allow-oom
-- @include state
-- @include rollouts
-- @include workers
-- @include attempts
-- @include remove

-- The first of a list that is still what its entry says; nil for none.
local MOST_STALE = 1000
local stale = 0
local function head_of(list)
  while stale < MOST_STALE do
    local entry = call('LINDEX', list, 0)
    if not entry then
      return nil
    end
    local ended, id = match(entry, '^([^\31]*)\31(.*)$')
    local r = read_rollout(id)
    if r and IS_FINISHED[r.status] and r.ended == ended then
      return r
    end
    call('LPOP', list)
    stale = stale + 1
  end
  return nil
end

-- The records stay; `querySpans` answers that they are gone. An attempt that had no spans has lost none.
local function drop_spans(r, trash)
  local had = {}
  for _, field in ipairs(call('HKEYS', P .. KEY_SPAN_INDEX .. r.id)) do
    had[match(field, '^[^:]*')] = true
  end
  for _, a in ipairs(attempts_of(r)) do
    if had[a.number] then
      give(a, 'G')
      save_attempt(r, a)
    end
  end
  throw_away_spans(r, trash)
  bytes_total = bytes_total - r.span_bytes
  finished_bytes = finished_bytes - r.span_bytes
  local s = spans_of(r)
  -- What comes late lies elsewhere: the old place may be deleted at any time.
  set_spans(r, { bytes = 0, arrived = 0, highest = s.highest, generation = (tonumber(s.generation) or 0) + 1 })
  save_rollout(r)
end

return each_call(function(first)
  local max_age, max_rollouts, max_bytes, added, most = tonumber(ARGV[first]), tonumber(ARGV[first + 1]),
    tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
  local trash, deleted, dropped = {}, 0, 0
  local ended, ended_with_spans = P .. KEY_ENDED, P .. KEY_ENDED_WITH_SPANS
  local finished = call('ZCOUNT', P .. KEY_STATUSES, exact(CODE.succeeded * STATUS_STEP), '+inf')
  local resources = tonumber(call('HGET', P .. KEY_CONTROL, 'resources_bytes') or 0)
  local function is_too_much()
    return max_bytes and bytes_total + resources + added > max_bytes
  end
  local function may_go_on()
    return deleted + dropped < most
  end
  while (max_age or max_rollouts) and may_go_on() do
    local r = head_of(ended)
    if not r or not ((max_age and now - r.ended > max_age) or (max_rollouts and finished > max_rollouts)) then
      break
    end
    call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
    finished = finished - 1
  end
  while is_too_much() and may_go_on() do
    local r = head_of(ended_with_spans)
    if not r then
      break
    end
    call('LPOP', ended_with_spans)
    if r.span_bytes > 0 then
      drop_spans(r, trash)
      dropped = dropped + 1
    end
  end
  while is_too_much() and may_go_on() do
    local r = head_of(ended)
    if not r then
      break
    end
    call('LPOP', ended)
    remove_rollout(r, trash)
    deleted = deleted + 1
  end
  trim_ended(2 * deleted + 10)
  return { '+', may_go_on() and stale < MOST_STALE and '' or '1', stamp, deleted, dropped, unpack(trash) }
end)
