-- Records of many customers, and whose shard they were read from in which state.
--
-- KEYS  1 meta  2 records
-- ARGV  1 customer ids, a msgpack array of at most 7 000
-- Reply {{owner, its generation, the commit that landed last}, the records in the same order, nil where there is none}
--
-- As one argument, ids save the client the packing of thousands, which costs it about 0.6 µs each.

local meta, records = KEYS[1], KEYS[2]
local customers = cmsgpack.unpack(ARGV[1])
return {redis.call('HMGET', meta, 'owner', 'generation', 'landed'), redis.call('HMGET', records, unpack(customers))}
