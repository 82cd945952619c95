-- A rollout as clients decode it: id, status, end time, header, input, cold fields, last attempt ('' for none).
local function answer_of(id)
  local f = redis.call('HMGET', P .. KEY_ROLLOUT .. id, 's', 'e', 'h', 'i', 'd', 'a')
  return { id, f[1], f[2] or '', f[3], f[4], f[5] or '', f[6] or '' }
end
