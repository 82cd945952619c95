-- A rollout as clients decode it: id, text, body.
local function answer_of(id)
  write_texts()
  local r = read_rollout(id)
  return { id, text_of(r), call('GET', P .. KEY_BODY .. id) }
end
