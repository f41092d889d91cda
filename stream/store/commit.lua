-- Everything one batch changed, or nothing.
--
-- KEYS  1 meta  2 timers  3 outbox  4 heads of the outbox  5 histograms  6 counters  7 records
--       8 …     cells that are added to, then cells that are dropped
-- ARGV  1 owner token of the shard
--       2 the plan, a msgpack array (commit.py packs it)
--       3 records, one after the other; the plan holds their lengths
--       4 … entries of the outbox
-- Reply {'ok' | 'again', messages in the outbox}, or why nothing was written:
--       {'owner', stored, its generation}  {'position', topic, stored}  {'sequence', stored}  {'torn', begun, landed}
--       {'type', key, type}  {'plan', what}
--
-- Redis does not roll a script back. So all that can be known to fail is checked before the first write. What is
-- left (a disk error that a background thread notices in these few milliseconds, a foreign value in one of our
-- hashes) is made visible instead: 'begun' is the first write, 'landed' belongs to the last, and a shard where
-- they differ is refused from then on.
--
-- The name of a commit is its number and the owner it is of, so no two commits ever have the same: what landed last says
-- which history the shard has, also where Redis came back from an older file and another one was written since.
--
-- All that is read or written is in KEYS. So while the slot of a shard is moving within a cluster, Redis itself sees
-- whether every key is still here, and lets the script begin only then.
--
-- How many messages an entry holds is read from its own first bytes (stream/contracts/bundle.py), so that 'waiting' in
-- meta counts what is in the outbox whatever the caller believes. The first 64 bytes and the size of each entry are
-- kept in a list of their own, with the name of the commit: whoever has to count or to compare later need not touch
-- megabytes for it.

local CHUNK = 6000 -- arguments of one command; Lua's unpack takes about 8 000
local FIRST_CELL = 8 -- of KEYS
local FIRST_ENTRY = 4 -- of ARGV
local MAGIC, HEAD_BYTES = 'SCB1', 64 -- what a bundle begins with, and how much of it is kept beside it

local meta, timers, outbox, heads, histograms, counters, records =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local plan, blob = cmsgpack.unpack(ARGV[2]), ARGV[3]
local name, expected, positions, blobs, due, forgotten, bins, counts, cells, dropped, fields, quarter =
  plan[1], plan[2], plan[3], plan[4], plan[5], plan[6], plan[7], plan[8], plan[9], plan[10], plan[11], plan[12]

local function by_chunk(items, call, from)
  for first = from or 1, #items, CHUNK do
    call(unpack(items, first, math.min(first + CHUNK - 1, #items)))
  end
end

-- Checks ------------------------------------------------------------------------------------------------------

local function mistyped(key, wanted)
  local found = redis.call('TYPE', key)['ok']
  if found ~= 'none' and found ~= wanted then
    return {'type', key, found}
  end
end

local wrong = mistyped(meta, 'hash') or mistyped(timers, 'zset') or mistyped(outbox, 'list')
  or mistyped(heads, 'list') or mistyped(histograms, 'hash') or mistyped(counters, 'hash')
  or mistyped(records, 'hash')
if wrong then
  return wrong
end
for i = FIRST_CELL, FIRST_CELL + #cells - 1 do
  wrong = mistyped(KEYS[i], 'hash')
  if wrong then
    return wrong
  end
end

local stored = redis.call('HMGET', meta, 'owner', 'begun', 'landed', 'generation', 'waiting')
if stored[1] ~= ARGV[1] then
  return {'owner', stored[1] or '', stored[4] or '-1'}
end
local begun, landed, waiting = stored[2] or '0', stored[3] or '0', tonumber(stored[5] or '0')
if begun ~= landed then
  return {'torn', begun, landed}
end
if landed == name then
  return {'again', waiting}
end
for i = 1, #positions, 3 do
  local at = redis.call('HGET', meta, 'pos:' .. positions[i]) or '-1'
  if at ~= positions[i + 1] then
    return {'position', positions[i], at}
  end
end
if landed ~= expected then
  return {'sequence', landed}
end

local at = 1
for i = 1, #blobs, 2 do
  local after = at + blobs[i + 1]
  blobs[i + 1] = string.sub(blob, at, after - 1)
  at = after
end
if at ~= #blob + 1 then
  return {'plan', 'the lengths do not add up'}
end
local tops = {}
for i = FIRST_ENTRY, #ARGV do
  local entry = ARGV[i]
  if #entry < 8 or string.sub(entry, 1, 4) ~= MAGIC then
    return {'plan', 'an entry of the outbox is no bundle'}
  end
  waiting = waiting + struct.unpack('<I4', entry, 5)
  tops[#tops + 1] = struct.pack('<I4', #entry) .. string.sub(entry, 1, HEAD_BYTES) .. name
end
for i = 1, #due, 2 do
  if due[i] ~= due[i] then
    return {'plan', 'a timer is no number'}
  end
end

-- Writes ------------------------------------------------------------------------------------------------------

redis.call('HSET', meta, 'begun', name)
by_chunk(forgotten, function(...) redis.call('HDEL', records, ...) end)
by_chunk(forgotten, function(...) redis.call('ZREM', timers, ...) end)
by_chunk(blobs, function(...) redis.call('HSET', records, ...) end)
by_chunk(due, function(...) redis.call('ZADD', timers, ...) end)

-- A sum that comes to nothing is taken away: absent and 0 mean the same, and bins of passed times do not pile up.
local function add(key, deltas)
  for i = 1, #deltas, 2 do
    if redis.call('HINCRBY', key, deltas[i], deltas[i + 1]) == 0 then
      redis.call('HDEL', key, deltas[i])
    end
  end
end

add(histograms, bins)
add(counters, counts)
for i = 1, #cells do
  add(KEYS[FIRST_CELL - 1 + i], cells[i])
end
for i = 1, dropped do
  redis.call('DEL', KEYS[FIRST_CELL - 1 + #cells + i])
end
-- Once in thirteen weeks. The fields are those of stream/scoring/churn_samples.py; each sample is counted under its
-- evidence (y) and once more under what was said (v).
if quarter >= 0 then
  local all, gone, samples = redis.call('HGETALL', histograms), {}, 0
  for i = 1, #all, 2 do
    local figure, when = string.match(all[i], '^([yv]):(%d+):')
    if figure and tonumber(when) <= quarter then
      gone[#gone + 1] = all[i]
      if figure == 'y' then
        samples = samples + tonumber(all[i + 1])
      end
    end
  end
  by_chunk(gone, function(...) redis.call('HDEL', histograms, ...) end)
  if samples > 0 then
    redis.call('HINCRBY', counters, 'samples_outdated', string.format('%.0f', samples))
  end
end
by_chunk(ARGV, function(...) redis.call('RPUSH', outbox, ...) end, FIRST_ENTRY)
by_chunk(tops, function(...) redis.call('RPUSH', heads, ...) end)

local last = {'landed', name, 'waiting', string.format('%.0f', waiting)}
for i = 1, #positions, 3 do
  last[#last + 1] = 'pos:' .. positions[i]
  last[#last + 1] = positions[i + 2]
end
for i = 1, #fields do
  last[#last + 1] = fields[i]
end
redis.call('HSET', meta, unpack(last))

return {'ok', waiting}
