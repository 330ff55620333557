"""The usual look-up service, as a peer: FastAPI on uvicorn, one GET from Redis a request."""

import os

import redis
import redis.asyncio
from fastapi import FastAPI, HTTPException, Response

PORT = "DAYBREAK_BENCH_REDIS_PORT"
"""The variable that names Redis' port to the application."""
_AT_ONCE = 1_000


def make_application() -> FastAPI:
    """Returns the application; uvicorn calls it."""
    store = redis.asyncio.Redis(port=int(os.environ[PORT]))
    application = FastAPI()

    @application.get("/v1/recommendations")
    async def recommendations(user_id: str) -> Response:
        body = await store.get(user_id)
        if body is None:
            raise HTTPException(404)
        return Response(body, media_type="application/json")

    return application


def fill(port: int, n_users: int, body: bytes) -> None:
    """Stores an answer under the id of every user."""
    with redis.Redis(port=port) as store:
        for start in range(0, n_users, _AT_ONCE):
            pipeline = store.pipeline(transaction=False)
            for user in range(start, min(start + _AT_ONCE, n_users)):
                pipeline.set(f"u{user:08d}", body)
            pipeline.execute()
