-- Some customers of the shard, about so many.
--
-- KEYS  1 timers
-- ARGV  1 run of the server that the cursor is of, '' to begin  2 cursor  3 about how many
-- Reply {run of the server, where to go on, '0' at the end, customer, …}
--
-- A cursor is of one run of one server: another run orders the same customers otherwise, and going on there would leave
-- some out. So it begins again.

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local from = '0'
if ARGV[1] == run then
  from = ARGV[2]
end
local found = redis.call('ZSCAN', KEYS[1], from, 'COUNT', ARGV[3])
local reply = {run, found[1]}
for i = 1, #found[2], 2 do
  reply[#reply + 1] = found[2][i]
end
return reply
