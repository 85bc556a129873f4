-- Forgets the entries of a tenant that a purge is about, some at a time, those that are over next first.
-- KEYS: index
-- ARGV: tier, from which score, to which, how many to look at, what a member must contain …
-- The score to go on behind (empty: that was all), then the ids of those that were forgotten.
local index, tier, most = KEYS[1], ARGV[1], tonumber(ARGV[4])
local found = redis.call('ZRANGE', index, ARGV[2], ARGV[3], 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
local members, last = {}, ''
if #found == 2 * most then last = found[#found] end
for at = 1, #found, 2 do
  if found[at + 1] ~= last then table.insert(members, found[at]) end
end
-- However many have the last score: the next turn begins behind all of them.
if last ~= '' then
  for _, member in ipairs(redis.call('ZRANGE', index, last, last, 'BYSCORE')) do table.insert(members, member) end
end
local reply = { last }
for _, member in ipairs(members) do
  if has_all(member, 5) then
    local id = forget_entry(tier, member)
    table.insert(reply, id)
  end
end
return reply
