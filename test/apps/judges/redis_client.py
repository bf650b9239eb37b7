# SPDX-License-Identifier: MIT
"""What a user of redis-py does, to apps/redis on the port that is given."""

import sys
import unittest

import redis


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.client = redis.Redis(port=port)
        self.addCleanup(self.client.close)

    def test_values_of_all_types(self):
        self.client.set("k", b"\x00\xff\r\n", ex=100)
        self.assertEqual(self.client.get("k"), b"\x00\xff\r\n")
        self.assertIn(self.client.ttl("k"), range(1, 101))
        self.client.rpush("list", *range(5))
        self.assertEqual(self.client.lrange("list", 1, -2), [b"1", b"2", b"3"])
        self.client.zadd("z", {"one": 1, "two": 2.5, "all": float("inf")})
        self.assertEqual(self.client.zrange("z", 0, -1, withscores=True),
                         [(b"one", 1.0), (b"two", 2.5), (b"all", float("inf"))])
        self.client.sadd("s", "a", "b")
        self.assertEqual(self.client.smembers("s"), {b"a", b"b"})
        self.client.hset("h", mapping={"f": 1, "g": "two"})
        self.assertEqual(self.client.hgetall("h"), {b"f": b"1", b"g": b"two"})
        self.assertEqual(sorted(self.client.scan_iter(match="[kl]*")), [b"k", b"list"])

    def test_transactions(self):
        with self.client.pipeline() as pipe:
            pipe.watch("n")
            self.client.set("n", 1)
            pipe.multi()
            pipe.incr("n")
            self.assertRaises(redis.WatchError, pipe.execute)
            pipe.incr("n")
            pipe.incrbyfloat("n", 0.5)
            self.assertEqual(pipe.execute(), [2, 2.5])

    def test_messages(self):
        subscriber = self.client.pubsub(ignore_subscribe_messages=True)
        subscriber.psubscribe("n*")
        self.assertIsNone(subscriber.get_message(timeout=120))  # the confirmation
        self.client.publish("news", "hello")
        self.assertEqual(subscriber.get_message(timeout=120)["data"], b"hello")
        subscriber.close()

    def test_errors_and_information(self):
        self.client.set("string", 1)
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.client.lpush("string", 1)
        self.client.client_setname("judge")
        self.assertEqual(self.client.client_getname(), "judge")
        self.assertGreaterEqual(self.client.info()["connected_clients"], 1)


if __name__ == "__main__":
    port = int(sys.argv.pop())
    unittest.main()
