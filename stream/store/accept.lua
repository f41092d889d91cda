-- Put the position of one topic somewhere else, because a person has decided so.
--
-- KEYS  1 meta  2 counters
-- ARGV  1 a new owner token, which no worker has
--       2 topic  3 the position that was looked at, '-1' for none  4 the new position
--       5 id of the topic in Kafka, or '' where it is not known
--       6 offsets that are passed over unread
-- Reply {'ok'}, or why nothing was written: {'position', topic, stored}  {'torn', begun, landed}
--
-- The new token takes the shard away from whoever works on it: their commits began at the old position. The generation
-- stays, so the next assignment of the group claims the shard as ever.

local meta, counters = KEYS[1], KEYS[2]
local stored = redis.call('HMGET', meta, 'begun', 'landed', 'pos:' .. ARGV[2])
local begun, landed, at = stored[1] or '0', stored[2] or '0', stored[3] or '-1'
if begun ~= landed then
  return {'torn', begun, landed}
end
if at ~= ARGV[3] then
  return {'position', ARGV[2], at}
end

redis.call('HSET', meta, 'owner', ARGV[1], 'pos:' .. ARGV[2], ARGV[4])
if ARGV[5] ~= '' then
  redis.call('HSET', meta, 'topic:' .. ARGV[2], ARGV[5])
end
if ARGV[6] ~= '0' then
  redis.call('HINCRBY', counters, 'missing', ARGV[6])
end
return {'ok'}
