-- The bound on what is stored.

-- Whether so many more bytes may be stored: nil if so; otherwise what the caller is told. `retain` asks it to drop finished
-- rollouts first and to send the call again.
local function refuse_bytes(max_bytes, added)
  if max_bytes == '' or added <= 0 then
    return nil
  end
  local resources = tonumber(call('HGET', P .. KEY_CONTROL, 'resources_bytes') or 0)
  local kept = bytes_total - finished_bytes + resources
  if kept + added > tonumber(max_bytes) then
    return { 'full', tostring(kept), tostring(added) }
  end
  if bytes_total + resources + added > tonumber(max_bytes) then
    return { 'retain', tostring(added) }
  end
  return nil
end
