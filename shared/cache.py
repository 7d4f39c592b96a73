"""What may be lost: rate limits and caches, in Redis or in the process. Losing all of it changes no figure."""

import threading
import time
from typing import Protocol

import redis
import structlog

log = structlog.get_logger()


class Cache(Protocol):
    def count(self, key: str, *, window_seconds: int) -> int:
        """How often `key` was counted in the running window, this time included."""

    def is_reachable(self) -> bool: ...


class MemoryCache:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.windows: dict[str, tuple[float, int]] = {}

    def count(self, key: str, *, window_seconds: int) -> int:
        now = time.monotonic()
        with self.lock:
            ends, seen = self.windows.get(key, (0.0, 0))
            if now >= ends:
                self._forget_past_windows(now)
                ends, seen = now + window_seconds, 0
            self.windows[key] = (ends, seen + 1)
            return seen + 1

    def _forget_past_windows(self, now: float) -> None:
        self.windows = {key: window for key, window in self.windows.items() if window[0] > now}

    def is_reachable(self) -> bool:
        return True


class RedisCache:
    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)

    def count(self, key: str, *, window_seconds: int) -> int:
        """Counts as the first time when Redis is away: a lost rate limit must not stop relief work."""
        name = f"dure:count:{key}"
        try:
            pipeline = self.client.pipeline()
            pipeline.set(name, 0, ex=window_seconds, nx=True)
            pipeline.incr(name)
            return int(pipeline.execute()[1])
        except redis.RedisError as error:
            log.warning("redis is away", error=str(error))
            return 1

    def is_reachable(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def open_cache(url: str) -> Cache:
    return MemoryCache() if url.startswith("memory://") else RedisCache(url)
