"""The cache, in the process and in Redis: it counts, it forgets, and its loss changes nothing."""

import time
from uuid import uuid4

import pytest

from shared.cache import Cache, RedisCache, open_cache


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    if request.param == "memory":
        return open_cache("memory://")
    return open_cache(request.getfixturevalue("redis_url"))


def test_it_counts_within_a_window_and_by_key(cache: Cache) -> None:
    key = uuid4().hex
    assert [cache.count(key, window_seconds=60) for _ in range(3)] == [1, 2, 3]
    assert cache.count(f"{key}-other", window_seconds=60) == 1
    assert cache.is_reachable()


def test_it_begins_again_when_the_window_has_passed(cache: Cache) -> None:
    key = uuid4().hex
    assert cache.count(key, window_seconds=1) == 1
    deadline = time.monotonic() + 10
    while cache.count(key, window_seconds=1) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_flushing_redis_only_forgets_counts(redis_url: str) -> None:
    cache = RedisCache(redis_url)
    key = uuid4().hex
    cache.count(key, window_seconds=60)
    cache.client.flushall()
    assert cache.count(key, window_seconds=60) == 1


def test_an_absent_redis_refuses_nobody() -> None:
    cache = open_cache("redis://127.0.0.1:1/0")
    assert [cache.count("key", window_seconds=60) for _ in range(3)] == [1, 1, 1]
    assert not cache.is_reachable()
