-- What calls answered whose second run would find another state: a call that is sent again does nothing and answers the same.
-- Longer than a handle sends it again by default.
local SENT_SECONDS = 60

-- What the call with this word answered; nil when it was not carried out, or is not sent again.
local function find_sent(word)
  local text = is_again and call('GET', P .. KEY_SENT .. word)
  return text and cjson.decode(text) or nil
end

local function keep_sent(word, reply)
  call('SET', P .. KEY_SENT .. word, cjson.encode(reply), 'EX', SENT_SECONDS)
end
