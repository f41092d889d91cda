-- Records of many customers in one reply. A plain MGET does the same; this one saves the client from packing
-- thousands of keys, which costs it about 0.6 µs each. Not for a cluster: see ShardStore.load.
--
-- KEYS  1 what record keys start with
-- ARGV  1 customer ids, a msgpack array of at most 7 000
-- Reply the records in the same order, nil where there is none.

local ids = cmsgpack.unpack(ARGV[1])
for i = 1, #ids do
  ids[i] = KEYS[1] .. ids[i]
end
return redis.call('MGET', unpack(ids))
