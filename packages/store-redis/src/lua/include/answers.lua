-- Idempotency keys: verb, time of the first call, and what it answered, for 10 minutes.
local LIFETIME_SECONDS = 600

-- What the first call with this key answered; nil when there was none. The second value is the verb of that call.
local function find_answer(key)
  local text = call('GET', P .. KEY_ANSWER .. key)
  if not text then
    return nil
  end
  local verb, time, answer = match(text, '^([^\31]*)\31([^\31]*)\31(.*)$')
  if now - time > LIFETIME_SECONDS then
    return nil
  end
  return answer, verb
end

local function keep_answer(verb, key, answer)
  call('SET', P .. KEY_ANSWER .. key, verb .. '\31' .. stamp .. '\31' .. answer, 'PX', LIFETIME_SECONDS * 1000)
end
