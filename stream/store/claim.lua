-- Make a shard mine: from here on only commits with this owner token are taken.
--
-- KEYS  1 meta  2 timers  3 records
-- ARGV  1 new owner token
--       2 my group generation
--       3 the stored generation that may be replaced whatever it is, or '' for the usual rule
--       4 … input topic, its id in Kafka, and so on: noted where none is known yet, else left for the caller to compare
-- Reply {'ok', field, value, …}, all of meta; or {'generation', stored}, or {'torn', begun, landed}, or {'records'}
-- when there are none of customers who are known.
--
-- The usual rule: an assignment of an older generation must not win over a newer one. A group that was deleted
-- counts from 1 again; then the caller, having asked the broker, names the stored generation that it replaces.
-- A claim that is sent twice, because its reply was lost, finds itself and is answered the same.

local meta = KEYS[1]
local stored = redis.call('HMGET', meta, 'generation', 'begun', 'landed', 'owner')
local generation, begun, landed = stored[1] or '-1', stored[2] or '0', stored[3] or '0'

if stored[4] == ARGV[1] and generation == ARGV[2] then
  -- mine already
elseif ARGV[3] ~= '' then
  if generation ~= ARGV[3] then
    return {'generation', generation}
  end
elseif tonumber(generation) > tonumber(ARGV[2]) then
  return {'generation', generation}
end
if begun ~= landed then
  return {'torn', begun, landed}
end
-- Every customer has a timer and a record. Without this, those of a lost hash, or of an older version that kept each
-- record in a key of its own, would quietly be taken for new.
if redis.call('EXISTS', KEYS[2]) > redis.call('EXISTS', KEYS[3]) then
  return {'records'}
end

redis.call('HSET', meta, 'owner', ARGV[1], 'generation', ARGV[2])
for i = 4, #ARGV, 2 do
  redis.call('HSETNX', meta, 'topic:' .. ARGV[i], ARGV[i + 1])
end
local all = redis.call('HGETALL', meta)
table.insert(all, 1, 'ok')
return all
