-- What the relay has to deliver next, and where it stands.
--
-- KEYS  1 meta  2 outbox
-- ARGV  1 owner token of the shard  2 number of entries at most
-- Reply {'ok', number of trims so far, length of the outbox, entries, all of meta}, or {'owner', stored, its generation}
--
-- The number of trims tells the relay that Redis came back with an older outbox than the one it left behind.

local stored = redis.call('HMGET', KEYS[1], 'owner', 'generation', 'trims')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[2] or '-1'}
end
return {
  'ok',
  stored[3] or '0',
  redis.call('LLEN', KEYS[2]),
  redis.call('LRANGE', KEYS[2], 0, ARGV[2] - 1),
  redis.call('HGETALL', KEYS[1]),
}
