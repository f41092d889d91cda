-- Take delivered entries off the head of the outbox.
--
-- KEYS  1 meta  2 outbox
-- ARGV  1 owner token of the shard  2 number of entries  3 the last of them
--       4 … topic and offset after its last delivered record, in turn
-- Reply {'ok', number of trims so far, length of the outbox}, or {'owner', stored, its generation}, or {'outbox'} when
-- that entry is not at that place.

local meta, outbox = KEYS[1], KEYS[2]
local stored = redis.call('HMGET', meta, 'owner', 'generation', 'trims')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[2] or '-1'}
end
local count = tonumber(ARGV[2])
if redis.call('LINDEX', outbox, count - 1) ~= ARGV[3] then
  return {'outbox'}
end

local trims = string.format('%.0f', tonumber(stored[3] or '0') + 1)
local fields = {'trims', trims}
for i = 4, #ARGV, 2 do
  fields[#fields + 1] = 'sent:' .. ARGV[i]
  fields[#fields + 1] = ARGV[i + 1]
end
redis.call('HSET', meta, unpack(fields))
redis.call('LTRIM', outbox, count, -1)
return {'ok', trims, redis.call('LLEN', outbox)}
