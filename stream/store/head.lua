-- Where delivery stands, for the owner of the shard.
--
-- KEYS  1 meta  2 outbox
-- ARGV  1 owner token of the shard
-- Reply {'ok', length of the outbox, all of meta}, or {'owner', stored, its generation}
--
-- The entries themselves are not read here. Lua keeps each of its strings once and finds it by a hash of every n-th
-- byte; thousands of long strings that differ in few bytes fall together there (2 000: 20 ms, 10 000: 300 ms).

local stored = redis.call('HMGET', KEYS[1], 'owner', 'generation')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[2] or '-1'}
end
return {'ok', redis.call('LLEN', KEYS[2]), redis.call('HGETALL', KEYS[1])}
