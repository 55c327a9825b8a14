"""The one script that looks at the log in Redis and writes to it: a server runs it whole or not at all.

The stream ``log`` is the truth: entry ``<rev>-0`` has one field ``a``, the stored bytes. The hash ``ids``
maps an action's id to its rev; the hash ``heads`` maps an item to ``<rev> <id>`` of its last action, and its
field ``""`` holds ``<rev> <number of items> <greatest form>``. Both can be made anew from the stream, and are
compared with it every time, by counting: whoever trims the stream, adds to it or deletes a key is noticed.

Every answer begins with a word:
``fine rev`` · ``added rev`` · ``had rev bytes`` · ``moved [rev bytes]`` · ``missing`` · ``next rev``; or,
when something is wrong: ``type 0 key type`` (a key is of another type) · ``gap rev length first`` (entries
are missing) · ``odd rev id`` (an entry something else added) · ``lost rev known`` (entries at the end are
missing) · ``newer rev form`` · ``stale rev`` (ids or heads do not fit: make them anew).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1

from controlroom.domain.actions import FORMAT
from controlroom.stores.port import ReadOnly

Arguments = tuple[str | bytes | int, ...]
"""What the script is given: a mode, the form we know, and what belongs to the mode."""

Answer = Sequence[bytes]
"""What the script says: a word, and what belongs to it."""

LAST_REV = 999_999_999
"""A greater number is the time of day: an entry that something else added."""

RESTORE = "restore it from a backup, or copy what is left into another log: controlroom store copy"

COMMON = r"""
local function number(value) return string.format('%.0f', value) end

-- A command that the user may not use is named; every other error is the server's own.
local function call(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) ~= 'table' or not reply['err'] then return reply end
  local words = string.lower(reply['err'])
  if string.find(words, "can't run this command") or string.find(words, 'no permission') then
    error("NOPERM: no permissions to run the '" .. string.lower(name) .. "' command")
  end
  return redis.call(name, ...)
end
"""
"""How every script of ours begins: ``number``, a whole number as text; ``call``, a command."""

SOURCE = (
    COMMON
    + r"""
local log, heads, ids = KEYS[1], KEYS[2], KEYS[3]
local mode, form = ARGV[1], tonumber(ARGV[2])

for i, wanted in ipairs({'stream', 'hash', 'hash'}) do
  local kind = call('TYPE', KEYS[i])['ok']
  if kind ~= 'none' and kind ~= wanted then return {'type', '0', KEYS[i], kind} end
end

local function stored(rev)
  local found = call('XRANGE', log, rev .. '-0', rev .. '-0')
  return found[1] and found[1][2][1] == 'a' and found[1][2][2] or false
end

-- What is wrong with the log, or nothing; and its last rev.
local function state()
  local last = call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  local rev = 0
  if last[1] then
    local whole, part = string.match(last[1][1], '^(%d+)-(%d+)$')
    if part ~= '0' then return {'odd', whole, last[1][1]}, 0 end
    rev = tonumber(whole)
    local length = call('XLEN', log)
    local first = call('XRANGE', log, '-', '+', 'COUNT', 1)
    if length ~= rev or first[1][1] ~= '1-0' then
      return {'gap', number(rev), number(length), first[1][1]}, rev
    end
  end
  local known = call('HLEN', ids)
  local meta = call('HGET', heads, '') or '0 0 1'
  local to, items, greatest = string.match(meta, '^(%d+) (%d+) (%d+)$')
  if not to then return {'stale', number(rev)}, rev end
  if known > rev or tonumber(to) > rev then
    return {'lost', number(rev), number(math.max(known, tonumber(to)))}, rev
  end
  local entries = call('HLEN', heads)
  if known < rev or tonumber(to) < rev or (rev > 0 and entries ~= tonumber(items) + 1) then
    return {'stale', number(rev)}, rev
  end
  if tonumber(greatest) > form then return {'newer', number(rev), greatest}, rev end
  return nil, rev, tonumber(items)
end

local wrong, rev, items = state()

if mode == 'look' then return wrong or {'fine', number(rev)} end

if mode == 'mend' then
  if wrong and wrong[1] ~= 'stale' then return wrong end
  if number(rev) ~= ARGV[3] then return {'stale', number(rev)} end
  call('DEL', heads, ids)
  local different = 0
  for i = 4, #ARGV, 2 do
    local at = number((i - 2) / 2)
    call('HSET', ids, ARGV[i], at)
    different = different + call('HSET', heads, ARGV[i + 1], at .. ' ' .. ARGV[i])
  end
  call('HSET', heads, '', number(rev) .. ' ' .. number(different) .. ' ' .. ARGV[2])
  return {'fine', number(rev)}
end

if mode == 'touch' then
  if wrong then return wrong end
  call('HSET', heads, '', number(rev) .. ' ' .. number(items) .. ' ' .. ARGV[2])
  return {'fine', number(rev)}
end

local id, item, raw = ARGV[3], ARGV[4], ARGV[5]

local had = call('HGET', ids, id)
if had then
  local bytes = stored(had)
  if bytes then
    -- Written again as it is: WAIT and WAITAOF only answer for what their own connection wrote.
    if not wrong then call('HSET', ids, id, had) end
    return {'had', had, bytes}
  end
end
if wrong then return wrong end

local head = call('HGET', heads, item)
if mode == 'put' then
  if ARGV[6] ~= number(rev + 1) then return {'next', number(rev + 1)} end
elseif ARGV[6] == 'is' then
  local at, last = '0', ''
  if head then at, last = string.match(head, '^(%d+) (.*)$') end
  if last ~= ARGV[7] then
    if ARGV[8] == 'again' and ARGV[7] ~= '' and call('HEXISTS', ids, ARGV[7]) == 0 then
      return {'missing'}
    end
    local bytes = head and stored(at)
    if not head then return {'moved'} end
    return {'moved', at, bytes or ''}
  end
end

local at = number(rev + 1)
call('XADD', log, at .. '-0', 'a', raw)
call('HSET', ids, id, at)
call('HSET', heads, item, at .. ' ' .. id)
if not head then items = items + 1 end
call('HSET', heads, '', at .. ' ' .. number(items) .. ' ' .. ARGV[2])
return {'added', at}
"""
)

SHA = sha1(SOURCE.encode(), usedforsecurity=False).hexdigest()
"""What Redis calls the script."""

_WORDS: Mapping[bytes, tuple[int, ...]] = {
    b"fine": (2,),
    b"added": (2,),
    b"had": (3,),
    b"moved": (1, 3),
    b"missing": (1,),
    b"next": (2,),
    b"type": (4,),
    b"gap": (4,),
    b"odd": (3,),
    b"lost": (3,),
    b"newer": (3,),
    b"stale": (2,),
}
"""The first word of an answer, and how many there may be."""


def is_answer(reply: object) -> bool:
    """Whether the script can have said `reply`."""
    if not (isinstance(reply, list) and reply and all(isinstance(word, bytes) for word in reply)):
        return False
    words: Answer = reply
    return len(words) in _WORDS.get(words[0], ()) and all(word.isdigit() for word in words[1:2])


def wrong(answer: Answer, keys: tuple[str, str, str]) -> ReadOnly:
    """Why the log must not be written, from the script's answer."""
    word, rev, *more = (part.decode("utf-8", "replace") for part in answer)
    log, _, ids = keys
    if word == "type":
        return ReadOnly(f"the key {more[0]} is a {more[1]}, not a log", "name the log with another ?prefix=")
    if word == "gap" and int(rev) > LAST_REV:
        return ReadOnly(f"{log} has an entry that something else added: {rev}-0", RESTORE)
    if word == "gap":
        missing = int(rev) - int(more[0])
        return ReadOnly(
            f"{log} has holes: {missing} of {rev} actions are gone, it begins at {more[1]}", RESTORE
        )
    if word == "odd":
        return ReadOnly(f"{log} has an entry that something else added: {more[0]}", RESTORE)
    if word == "lost":
        return ReadOnly(f"{log} has lost its end: it holds {rev} actions, {ids} knows {more[0]}", RESTORE)
    if word == "newer":
        return ReadOnly(
            f"written by a newer controlroom (form {more[0]}, this one knows {FORMAT})",
            "update controlroom",
        )
    return ReadOnly(f"the log is not as it should be: {word}", RESTORE)
