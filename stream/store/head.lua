-- Where delivery stands, for the owner of the shard.
--
-- KEYS  1 meta  2 outbox  3 heads of the outbox
-- ARGV  1 owner token of the shard
-- Reply {'ok', all of meta}, or {'owner', stored, its generation}, or {'foreign'} when somebody else has changed the
-- outbox
--
-- The entries themselves are not read here: passing through Lua would copy each twice more.

local stored = redis.call('HMGET', KEYS[1], 'owner', 'generation')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[2] or '-1'}
end
if redis.call('LLEN', KEYS[2]) ~= redis.call('LLEN', KEYS[3]) then
  return {'foreign'}
end
return {'ok', redis.call('HGETALL', KEYS[1])}
