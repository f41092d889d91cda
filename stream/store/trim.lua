-- Take delivered entries off the head of the outbox.
--
-- KEYS  1 meta  2 outbox  3 heads of the outbox
-- ARGV  1 owner token of the shard  2 number of entries  3 the head of the last of them
--       4 … topic and offset after its last delivered record, in turn
-- Reply {'ok', number of trims so far, messages in the outbox}, or {'owner', stored, its generation}, or {'outbox'}
-- when that entry is not at that place, or {'foreign'} when somebody else has changed the outbox.
--
-- An entry may have a megabyte. Its head, which commit.lua keeps, stands for it: size, number of messages, the first
-- message, whose id no other entry of its commit has, and the name of the commit, which no other commit has.

local meta, outbox, heads = KEYS[1], KEYS[2], KEYS[3]
local stored = redis.call('HMGET', meta, 'owner', 'generation', 'trims', 'waiting')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[2] or '-1'}
end
if redis.call('LLEN', outbox) ~= redis.call('LLEN', heads) then
  return {'foreign'}
end
local count = tonumber(ARGV[2])
local taken = redis.call('LRANGE', heads, 0, count - 1)
if taken[count] ~= ARGV[3] then
  return {'outbox'}
end

local waiting = tonumber(stored[4] or '0')
for i = 1, count do
  waiting = waiting - struct.unpack('<I4', taken[i], 9) -- behind the size and the magic
end
local trims = string.format('%.0f', tonumber(stored[3] or '0') + 1)
local fields = {'trims', trims, 'waiting', string.format('%.0f', waiting)}
for i = 4, #ARGV, 2 do
  fields[#fields + 1] = 'sent:' .. ARGV[i]
  fields[#fields + 1] = ARGV[i + 1]
end
redis.call('HSET', meta, unpack(fields))
redis.call('LTRIM', outbox, count, -1)
redis.call('LTRIM', heads, count, -1)
return {'ok', trims, waiting}
