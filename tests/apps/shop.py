"""An app with a login: an OAuth2 form, bearer tokens, a session cookie. It prints every secret that it sees."""

import os
import secrets
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.security import OAuth2PasswordBearer

app = FastAPI()
PASSWORD = os.environ["SHOP_PASSWORD"]
CANARY = "canary-token-"  # every secret begins with `canary-`, so that a test can look for it
SESSIONS: dict[str, str] = {}
SEEN: set[str] = set()
BOUGHT: set[int] = set()


def cookie_of(token: str) -> str:
    """Return the session cookie that comes with a token."""
    return f"canary-cookie-{token.removeprefix(CANARY)[::-1]}"


def csrf_of(token: str) -> str:
    """Return the value of the header that comes with a token."""
    return f"canary-csrf-{token.removeprefix(CANARY).swapcase()}"


@app.post("/login/access-token")
async def login(request: Request, response: Response) -> dict[str, str]:
    """Answer the right password with a token in the body, and with a cookie and a header."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    print("login", form, flush=True)  # noqa: T201
    if form.get("password") != PASSWORD:
        raise HTTPException(401, f"not the password: {form}")
    token = f"{CANARY}{secrets.token_urlsafe(24)}"
    SESSIONS[token] = form["username"]
    response.set_cookie("session", cookie_of(token))
    response.headers["X-Csrf"] = csrf_of(token)
    return {"access_token": token, "token_type": "bearer"}


def user(token: Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="login/access-token"))], request: Request) -> str:
    """Return the user whose token it is; it must be that of the cookie and of the header, where these are sent."""
    print("token", token, dict(request.headers), flush=True)  # noqa: T201
    cookie, csrf = request.cookies.get("session"), request.headers.get("x-csrf")
    if token not in SESSIONS or cookie not in (None, cookie_of(token)) or csrf not in (None, csrf_of(token)):
        raise HTTPException(401, f"no such token: {token}")
    return SESSIONS[token]


@app.get("/items/{item}")
async def item(item: str, who: Annotated[str, Depends(user)]) -> dict[str, object]:
    """Return one item."""
    SEEN.add(item)
    return {"data": [{"id": item, "owner": who}]}


@app.post("/orders/{number}")
async def order(number: int, request: Request, who: Annotated[str, Depends(user)]) -> dict[str, object]:
    """Take an order once."""
    body = await request.json()
    if number in BOUGHT or body["number"] != number:
        raise HTTPException(409, f"order {number} was there already")
    BOUGHT.add(number)
    return {"number": number, "owner": who, "item": body["item"]}


@app.get("/counts")
async def counts() -> dict[str, int]:
    """Return how many users have logged in, and how many items and orders there were."""
    return {"logins": len(SESSIONS), "items": len(SEEN), "orders": len(BOUGHT)}


@app.get("/moved")
async def moved() -> RedirectResponse:
    """Redirect."""
    return RedirectResponse("/counts")
