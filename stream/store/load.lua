-- Records of many customers, and whose shard they were read from in which state.
--
-- KEYS  1 meta  2 what record keys start with; in a cluster 2 … the record keys themselves
-- ARGV  1 customer ids, a msgpack array of at most 7 000; none in a cluster
-- Reply {{owner, its generation, the commit that landed last}, the records in the same order, nil where there is none}
--
-- The client saves itself the packing of thousands of keys, which costs it about 0.6 µs each. But while a slot of a
-- cluster is moving, Redis must see every key to tell "moved" from "never was".

local meta, records = KEYS[1], KEYS[2]
local keys
if ARGV[1] then
  keys = cmsgpack.unpack(ARGV[1])
  for i = 1, #keys do
    keys[i] = records .. keys[i]
  end
else
  keys = {unpack(KEYS, 2)}
end
return {redis.call('HMGET', meta, 'owner', 'generation', 'landed'), redis.call('MGET', unpack(keys))}
