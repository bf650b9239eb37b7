# SPDX-License-Identifier: MIT
"""Random commands, right and wrong ones, get the same replies from apps/redis and from redis-server."""

import os
import random
import types

import daemons
import program
import resp
from scale import ENDURANCE

SANITIZED = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ

KEYS = ["a", "b", "c", "", b"\x00\xff\r\n"]
FIELDS = ["f", "g", "h", b"\x01", ""]
INTEGERS = [0, 1, -1, 2, 3, -3, 10, 2**63 - 1, -2**63, 2**63, "x", "", "1.5", "01", " 1", "+1"]
REALS = INTEGERS + ["3.25", "-0.5", "inf", "-inf", "nan", "1e3", "(1", "(2", "0.1"]
FAR = [10**6, 10**9, 2**62, -1, 0, "x"]  # times to live that are over at once, or not soon

# Each word: a literal, or what is drawn from. What ends in "*" may come several times, or not at all.
COMMANDS = """
get K|set K V|set K V nx|set K V xx|set K V ex T|set K V px T|set K V exat T|set K V keepttl
set K V nx xx|set K V ex T keepttl|set K V O|getdel K|mget K K*
mset K V K* V*|append K V|strlen K|getrange K 0 -1|getrange K -3 -1|getrange K 1 I|getrange K 0 -3|getrange K I I|incr K|decr K
incrby K I|decrby K I|incrbyfloat K R|lpush K V V*|rpush K V V*|lpop K|rpop K|lpop K I|rpop K I
llen K|lrange K I I|lindex K I|lset K I V|lrem K I V|ltrim K I I|lmove K K left right
lmove K K right left|lmove K K O left|blpop K K 0.001|brpop K 0.001|blpop K -1|blpop K O
blmove K K left left 0.001|hset K F V F* V*|hget K F|hmget K F F*|hdel K F F*|hlen K|hexists K F
hincrby K F I|sadd K V V*|srem K V V*|sismember K V|scard K|spop K 0|spop K O|zadd K R V
zadd K R V R* V*|zadd K nx R V|zadd K xx R V|zadd K nx xx R V|zrem K V V*|zscore K V|zincrby K R V
zcard K|zcount K R R|zrank K V|zrevrank K V|zrange K I I|zrange K I I withscores|zrange K I I rev
zrange K R R byscore|zrange K R R byscore rev withscores
zrevrange K I I withscores|zrangebyscore K R R
zrevrangebyscore K R R withscores|zremrangebyscore K R R|zpopmin K|zpopmax K I|del K K*|unlink K
exists K K*|type K|expire K T|pexpire K T|expireat K T|pexpireat K T|persist K|flushall O
select 0|select x|echo V|ping|ping V|multi|exec|discard|watch K|unwatch|client setname f
client getname|hello O|hello 9|publish K V|nothing V V|scan x|scan 0 O|scan 0 count O|scan 0 match
quit2|flushdb a b
"""

# With other arguments these do, or say, what only the original does.
TOLD = ("client", "hello", "scan", "exec", "expire", "pexpire", "expireat", "pexpireat")

# Their order is nobody's business.
UNORDERED = "smembers K|sinter K K|sunion K K|sdiff K K|hkeys K|hvals K|keys P|" \
            "hgetall K|scan 0 count 100 match P"


def commands(text):
    return [line.split() for lines in text.split("\n") for line in lines.split("|") if line]


class Writer:
    """Makes up commands."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ordered = commands(COMMANDS)
        self.unordered = commands(UNORDERED)

    def word(self, kind):
        values = {"K": KEYS, "V": FIELDS + [1, 2, "3.5", "x" * 100], "F": FIELDS, "I": INTEGERS,
                  "R": REALS, "T": FAR, "S": [0, 1, 5, -1, "x", 2**62], "O": ["foo", "", "nx"],
                  "P": ["*", "?", "[ab]", "[^a]", "a*", "\\a", "x"]}.get(kind)
        return kind if values is None else self.random.choice(values)

    def command(self):
        unordered = self.random.random() < 0.1
        words = []
        for kind in self.random.choice(self.unordered if unordered else self.ordered):
            for _ in range(self.random.randrange(3) if kind.endswith("*") else 1):
                words.append(self.word(kind.rstrip("*")))
        if words[0] not in TOLD and self.random.random() < 0.03:  # one too few, or too many
            words = words[:-1] or words if self.random.random() < 0.5 else words + ["extra"]
        words[0] = self.random.choice([words[0], words[0].upper()])
        return words, unordered


def flat(reply):
    """All that is in a reply, in an order of its own."""
    if isinstance(reply, (list, set)):
        return sorted((flat(item) for item in reply), key=repr)
    return sorted(reply.items()) if isinstance(reply, dict) else reply


def same(ours, theirs):
    if isinstance(ours, list) and type(ours) is type(theirs):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, resp.Failure) and isinstance(theirs, resp.Failure):
        if ours.startswith("WRONGTYPE") or theirs.startswith("WRONGTYPE"):
            return True  # of two mistakes either may be told
    return repr(ours) == repr(theirs)


class RedisDifferentialTest(program.Judgement):
    def compare(self, protocol, seed, count):
        ours = self.serve("redis")
        theirs = types.SimpleNamespace(host="127.0.0.1", port=daemons.start_redis(self))
        writer = Writer(seed)
        with resp.Connection(ours) as our, resp.Connection(theirs) as their:
            if protocol == 3:
                our.call("HELLO", 3)
                their.call("HELLO", 3)
            in_multi = False
            for i in range(count):
                words, unordered = writer.command()
                if in_multi and unordered:
                    continue
                replies = our.call(*words), their.call(*words)
                if unordered:
                    replies = tuple(map(flat, replies))
                self.assertTrue(same(*replies), f"seed {seed}, command {i}: {words}: {replies}")
                name = str(words[0]).lower()
                in_multi = (in_multi or (name == "multi" and replies[0] == "OK")) and not (
                    name in ("exec", "discard") and replies[0] != "QUEUED"
                    and "wrong number" not in str(replies[0]))
        self.assertEqual(ours.end(), 0)

    def test_resp2_replies_are_those_of_redis_server(self):
        for seed in self.seeds():
            self.compare(2, seed, 500 if SANITIZED else 3000 if ENDURANCE else 1000)

    def test_resp3_replies_are_those_of_redis_server(self):
        for seed in self.seeds():
            self.compare(3, seed, 500 if SANITIZED else 3000 if ENDURANCE else 1000)

    def seeds(self):
        return [int(seed) for seed in os.environ.get("COLOOP_SEEDS", "1 2").split()]


if __name__ == "__main__":
    program.main()
