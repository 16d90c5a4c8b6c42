/**
 * The changes that have to happen as one, as Lua. Each names every key that it touches, all of one
 * partition, so that it runs on a Cluster; each looks at its keys, their types and what is to be
 * counted on, before it writes, since Redis does not roll back; and each remembers for a while that
 * it was done, so that it may be repeated when its reply was lost. A repeat writes, if only that
 * minute: on a connection that has written nothing a newer Redis has WAIT wait for nothing.
 *
 * What stores begins with a SET, which Redis refuses where memory is at its limit; after a first
 * write it refuses nothing more. What delivers begins with a PEXPIRE, which it never refuses: a
 * delivery makes room.
 *
 * @module
 */
/** A script. */
export interface Script {
  readonly lua: string;
}

const REMEMBER_MS = 60_000;

// An import makes very many of these; a change is repeated within five seconds, or not at all.
const REMEMBER_RELATION_MS = 10_000;

/** What a key holds; `number` is a text that is a number, as `isNumber` has it. */
type Kind = "hash" | "list" | "zset" | "set" | "string" | "number";

// INCR and HINCRBY refuse "007", and Lua writes numbers of more than 14 digits in another way: with
// either a settlement would fail after the notice was sent.
const IS_NUMBER = `local function isNumber(text)
  return not text or text == '0' or (#text <= 13 and string.match(text, '^%-?[1-9]%d*$'))
end`;

/** Stops the script, after `otherwise`, unless every key is absent or of its kind. */
const expecting = (kinds: ReadonlyArray<Kind>, otherwise: string): string =>
  `${IS_NUMBER}
local function foreign(key)
  ${otherwise}
  return redis.error_reply('FOREIGN ' .. key)
end
${kinds
  .map((kind, index) => {
    const key = `KEYS[${index + 1}]`;
    const type = kind === "number" ? "string" : kind;
    return `do
  local found = redis.call('TYPE', ${key}).ok
  if found ~= 'none' and (found ~= '${type}'${kind === "number" ? ` or not isNumber(redis.call('GET', ${key}))` : ""}) then
    return foreign(${key})
  end
end`;
  })
  .join("\n")}`;

const script = (kinds: ReadonlyArray<Kind>, body: string, otherwise = ""): Script => ({
  lua: `${expecting(kinds, otherwise)}\n${body}`,
});

const TALLY = `local function tally(key, field, by)
  if redis.call('HINCRBY', key, field, by) <= 0 then
    redis.call('HDEL', key, field)
  end
end
`;

/** Appends ARGV[entry] of the conversation ARGV[conversation]; due now unless others wait. */
const APPEND = `local function append(queue, state, due, ages, sequence, conversation, entry, storedAt, now)
  local number = redis.call('INCR', sequence)
  redis.call('RPUSH', queue, number .. ' ' .. entry)
  redis.call('ZADD', ages, storedAt, number)
  if redis.call('EXISTS', state) == 0 then
    redis.call('HSET', state, 'token', '0', 'tries', '0')
  end
  redis.call('ZADD', due, 'NX', now, conversation)
end
`;

/**
 * Sets a status, unless it is empty, and appends a notice.
 *
 * KEYS: statuses, queue, state, due, ages, sequence, done.
 * ARGV: conversation, status, entry, now.
 */
export const STORE: Script = script(
  ["hash", "list", "hash", "zset", "zset", "number", "string"],
  `${APPEND}
if redis.call('EXISTS', KEYS[7]) == 1 then
  redis.call('PEXPIRE', KEYS[7], ${REMEMBER_MS})
  return 1
end
redis.call('SET', KEYS[7], '1', 'PX', ${REMEMBER_MS})
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
append(KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[1], ARGV[3], ARGV[4], ARGV[4])
return 1`,
);

/**
 * Whether an entry has a number, by which SETTLE finds its age, and a notice of this version and
 * type: SETTLE looks for the conversation among those of the notice's type.
 */
const IS_ENTRY = `local function isEntry(text, type)
  local json = string.match(text, '^%d+ (.*)$')
  local isJson, entry = pcall(cjson.decode, json or '')
  return isJson and pcall(function()
    assert(entry.v == 1 and entry.value.notice.conversationType == type)
  end)
end`;

/** What cannot be claimed, since a key is not ours, is not to keep the others from their turn. */
const SET_ASIDE = `if redis.call('TYPE', KEYS[3]).ok == 'zset' then
      redis.call('ZADD', KEYS[3], 'XX', 'GT', ARGV[3], ARGV[1])
    end`;

/**
 * Claims the head of a conversation if it is due: its token, the entry, and how often it was
 * postponed as head. First it checks every record that SETTLE reads or changes: a notice that cannot
 * be settled would be sent again after each lease.
 *
 * KEYS: queue, state, due, leases, token, done, ages, tallies, dead.
 * ARGV: conversation, now, lease's end, type.
 */
export const CLAIM: Script = script(
  ["list", "hash", "zset", "zset", "number", "number", "zset", "hash", "list"],
  `${IS_ENTRY}
local head = redis.call('LINDEX', KEYS[1], 0)
if head and not isEntry(head, ARGV[4]) then
  return foreign(KEYS[1])
end
if not isNumber(redis.call('HGET', KEYS[2], 'tries')) then
  return foreign(KEYS[2])
end
for _, value in ipairs(redis.call('HVALS', KEYS[8])) do
  if not isNumber(value) then
    return foreign(KEYS[8])
  end
end
local token = redis.call('GET', KEYS[6])
redis.call('PEXPIRE', KEYS[6], ${REMEMBER_MS})
if not token then
  local due = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if not due or tonumber(due) > tonumber(ARGV[2]) then
    return false
  end
  if not head then
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('DEL', KEYS[2])
    return false
  end
  token = redis.call('INCR', KEYS[5])
  redis.call('HSET', KEYS[2], 'token', token)
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
  redis.call('SET', KEYS[6], token, 'PX', ${REMEMBER_MS})
elseif redis.call('HGET', KEYS[2], 'token') ~= token then
  return false
end
return {tostring(token), head, redis.call('HGET', KEYS[2], 'tries') or '0'}`,
  SET_ASIDE,
);

/**
 * Ends a claim: 1, or 0 if it is lost.
 *
 * KEYS: queue, state, due, leases, ages, tallies, dead, done.
 * ARGV: conversation, token, outcome, due again at, reason, dead letter.
 */
export const SETTLE: Script = script(
  ["list", "hash", "zset", "zset", "zset", "hash", "list", "string"],
  `${TALLY}
if redis.call('PEXPIRE', KEYS[8], ${REMEMBER_MS}) == 1 then
  return 1
end
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] or redis.call('LLEN', KEYS[1]) == 0 then
  return 0
end
if not string.match(redis.call('LINDEX', KEYS[1], 0), '^%d+ ') then
  return foreign(KEYS[1])
end
local before = redis.call('HGET', KEYS[2], 'reason')
if not isNumber(redis.call('HGET', KEYS[2], 'tries')) then
  return foreign(KEYS[2])
end
for _, field in ipairs({'postponed ' .. (before or ''), 'postponed ' .. ARGV[5], 'dead ' .. ARGV[5]}) do
  if not isNumber(redis.call('HGET', KEYS[6], field)) then
    return foreign(KEYS[6])
  end
end
if before then
  tally(KEYS[6], 'postponed ' .. before, -1)
end
redis.call('ZREM', KEYS[4], ARGV[1])
if ARGV[3] == 'POSTPONED' then
  tally(KEYS[6], 'postponed ' .. ARGV[5], 1)
  redis.call('HSET', KEYS[2], 'token', '0', 'reason', ARGV[5])
  redis.call('HINCRBY', KEYS[2], 'tries', 1)
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
else
  local head = redis.call('LPOP', KEYS[1])
  redis.call('ZREM', KEYS[5], string.match(head, '^%d+'))
  if ARGV[3] == 'DEAD' then
    tally(KEYS[6], 'dead ' .. ARGV[5], 1)
    redis.call('RPUSH', KEYS[7], ARGV[6])
  end
  redis.call('DEL', KEYS[2])
  if redis.call('LLEN', KEYS[1]) > 0 then
    redis.call('HSET', KEYS[2], 'token', '0', 'tries', '0')
    redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
  else
    redis.call('ZREM', KEYS[3], ARGV[1])
  end
end
redis.call('SET', KEYS[8], '1', 'PX', ${REMEMBER_MS})
return 1`,
);

/**
 * Makes those due that are postponed beyond a time: how many.
 *
 * KEYS: due, leases, done. ARGV: now.
 */
export const RETRY: Script = script(
  ["zset", "zset", "number"],
  `local again = redis.call('GET', KEYS[3])
if again then
  redis.call('PEXPIRE', KEYS[3], ${REMEMBER_MS})
  return tonumber(again)
end
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')
local count = 0
for _, conversation in ipairs(found) do
  if not redis.call('ZSCORE', KEYS[2], conversation) then
    redis.call('ZADD', KEYS[1], ARGV[1], conversation)
    count = count + 1
  end
end
redis.call('SET', KEYS[3], count, 'PX', ${REMEMBER_MS})
return count`,
);

/**
 * Puts a dead letter back into its conversation's queue: 1, or 0 if it is no longer among the dead.
 *
 * KEYS: dead, queue, state, due, ages, sequence, tallies, done.
 * ARGV: dead letter, conversation, entry, stored at, now, reason.
 */
export const REVIVE: Script = script(
  ["list", "list", "hash", "zset", "zset", "number", "hash", "string"],
  `${APPEND}${TALLY}
if redis.call('EXISTS', KEYS[8]) == 1 then
  redis.call('PEXPIRE', KEYS[8], ${REMEMBER_MS})
  return 1
end
if not isNumber(redis.call('HGET', KEYS[7], 'dead ' .. ARGV[6])) then
  return foreign(KEYS[7])
end
redis.call('SET', KEYS[8], '1', 'PX', ${REMEMBER_MS})
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then
  redis.call('DEL', KEYS[8])
  return 0
end
tally(KEYS[7], 'dead ' .. ARGV[6], -1)
append(KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
return 1`,
);

/**
 * Puts ids into a set, or takes them out of it.
 *
 * KEYS: set, done. ARGV: SADD or SREM, ids.
 */
export const RELATE: Script = script(
  ["set", "string"],
  `if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('PEXPIRE', KEYS[2], ${REMEMBER_RELATION_MS})
  return 1
end
redis.call('SET', KEYS[2], '1', 'PX', ${REMEMBER_RELATION_MS})
redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
return 1`,
);

/**
 * Stores the records of an export that one partition keeps: those from the number on that it stored
 * the last time. The number is stored with them, so that each record is stored once.
 *
 * KEYS: received, statuses, due PRIVATE, due GROUP, ages, sequence, tallies, dead; then of each queue
 * that is appended to: queue, state.
 * ARGV: id of the export, number behind the last record; then of each record its number and
 * STATUS, field, value; or NOTICE, conversation, place of its queue's keys, type, entry, stored at,
 * due at, tally; or DEAD_LETTER, tally, dead letter.
 */
export const RECEIVE: Script = script(
  ["hash", "hash", "zset", "zset", "zset", "number", "hash", "list"],
  `${TALLY}
for index = 9, #KEYS do
  local found = redis.call('TYPE', KEYS[index]).ok
  if found ~= 'none' and found ~= (index % 2 == 1 and 'list' or 'hash') then
    return foreign(KEYS[index])
  end
end
local received = redis.call('HGET', KEYS[1], ARGV[1])
if not isNumber(received) then
  return foreign(KEYS[1])
end
for _, value in ipairs(redis.call('HVALS', KEYS[7])) do
  if not isNumber(value) then
    return foreign(KEYS[7])
  end
end
received = tonumber(received or '0')
redis.call('HSET', KEYS[1], ARGV[1], math.max(received, tonumber(ARGV[2])))
local due = {PRIVATE = KEYS[3], GROUP = KEYS[4]}
local store = {}
function store.STATUS(at)
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
end
function store.NOTICE(at)
  local conversation, place, type, entry, storedAt, dueAt, field = unpack(ARGV, at, at + 6)
  local queue, state = KEYS[9 + 2 * place], KEYS[10 + 2 * place]
  local number = redis.call('INCR', KEYS[6])
  if redis.call('RPUSH', queue, number .. ' ' .. entry) == 1 then
    redis.call('DEL', state)
    redis.call('HSET', state, 'token', '0', 'tries', '0')
    if field ~= '' then
      redis.call('HSET', state, 'reason', string.sub(field, #'postponed ' + 1))
      tally(KEYS[7], field, 1)
    end
    redis.call('ZADD', due[type], dueAt, conversation)
  else
    redis.call('ZADD', due[type], 'NX', dueAt, conversation)
  end
  redis.call('ZADD', KEYS[5], storedAt, number)
end
function store.DEAD_LETTER(at)
  tally(KEYS[7], ARGV[at], 1)
  redis.call('RPUSH', KEYS[8], ARGV[at + 1])
end
local arguments = {STATUS = 2, NOTICE = 7, DEAD_LETTER = 2}
local at = 3
while at <= #ARGV do
  local kind = ARGV[at + 1]
  if tonumber(ARGV[at]) >= received then
    store[kind](at + 2)
  end
  at = at + 2 + arguments[kind]
end
return 1`,
);

/**
 * Stores how many records of an export are stored, unless that is known to be more.
 *
 * KEYS: received. ARGV: id of the export, how many.
 */
export const RECEIVED: Script = script(
  ["hash"],
  `local received = redis.call('HGET', KEYS[1], ARGV[1])
if not isNumber(received) then
  return foreign(KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], math.max(tonumber(received or '0'), tonumber(ARGV[2])))
return 1`,
);
