"""What must happen at once in the store: six Lua scripts, with all of their keys.

Why: a decision is worth nothing if another leader could have decided meanwhile. So the commit
checks, in one step nobody can come between, that its epoch is the newest and that the journal ends
where the leader thinks it does; only then the batch is appended and the cursor moves. Only
commands that Redis 6.2 has.

    commit   KEYS epoch head events center
             ARGV 1 epoch 2 seq 3 cursor 4 batch
                  5 version 6 file version 7 center (5 to 7 only when the center changed)
             returns seq, or the error FENCED
    acquire  KEYS lease epoch   ARGV owner, lease_ms, dead owner ("" for none)
             returns the new epoch, or 0 when somebody else leads
    renew    KEYS lease epoch   ARGV owner, epoch, lease_ms   returns 1, or the error FENCED
    release  KEYS lease         ARGV owner                    returns 1 or 0
    claim    KEYS cmds pending sequences parties claim…
             ARGV 1 source:epoch 2 and 3 envelope before and after its `first` 4 contact 5 note
                  6 seconds the claims are kept 7 party 8 its value
             returns {1, contact}, or {0, the contact that has one of these claims already}
             (the sequence is counted here, so that a claim that is refused leaves no hole)
    say      KEYS said names
             ARGV 1 name of the message 2 message 3 most messages 4 seconds it is kept
                  5 channel that is told 6 contact
             returns {1, place}, {0, the place that this name has already}, {-1, 0} when the chat is
             over, or {-2, 0} when it is full
"""

from __future__ import annotations

import hashlib

COMMIT = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED another leader has taken over')
end
local last = redis.call('HGET', KEYS[2], 'seq') or '0'
if tonumber(last) + 1 ~= tonumber(ARGV[2]) then
  return redis.error_reply('FENCED the journal ends at ' .. last)
end
redis.call('XADD', KEYS[3], ARGV[2] .. '-0', 'b', ARGV[4])
redis.call('HSET', KEYS[2], 'seq', ARGV[2], 'cursor', ARGV[3])
if ARGV[7] then
  redis.call('HSET', KEYS[4], 'version', ARGV[5], 'file', ARGV[6], 'data', ARGV[7],
             'seq', ARGV[2])
end
return tonumber(ARGV[2])
"""

ACQUIRE = b"""
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('INCR', KEYS[2])
"""

RENEW = b"""
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return redis.error_reply('FENCED another leader has taken over')
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
"""

RELEASE = b"""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

CLAIM = b"""
local found = false
for i = 5, #KEYS do found = found or redis.call('GET', KEYS[i]) end
for i = 5, #KEYS do redis.call('SET', KEYS[i], found or ARGV[4], 'EX', ARGV[6]) end
if found then return {0, found} end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
if ARGV[7] ~= '' then redis.call('HSET', KEYS[4], ARGV[7], ARGV[8]) end
local n = redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
redis.call('XADD', KEYS[1], '*', 'e', ARGV[2] .. '\\207' .. struct.pack('>I8', n) .. ARGV[3])
return {1, ARGV[4]}
"""

SAY = b"""
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return {0, tonumber(known)} end
if redis.call('HEXISTS', KEYS[2], '.over') == 1 then return {-1, 0} end
if ARGV[7] == '0' and redis.call('EXISTS', KEYS[2]) == 0 then return {-1, 0} end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[3]) then return {-2, 0} end
local n = redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], n)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[5], 'said ' .. ARGV[6] .. ' ' .. n)
return {1, n}
"""

ALL = (COMMIT, ACQUIRE, RENEW, RELEASE, CLAIM, SAY)


def sha(script: bytes) -> bytes:
    """The name the store knows a loaded script by."""
    return hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()


COMMIT_SHA, ACQUIRE_SHA, RENEW_SHA, RELEASE_SHA, CLAIM_SHA, SAY_SHA = (
    sha(script) for script in ALL
)
