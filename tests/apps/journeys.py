# mypy: ignore-errors
"""A user's own Locust file: a login, a sequence of tasks, weights, wait times, a listener, and data from a CSV file."""

import csv
import itertools
import os
from typing import Any

from locust import FastHttpUser, HttpUser, SequentialTaskSet, User, between, events, tag, task

from loopbench import LlhttpUser

with open("people.csv", encoding="utf-8") as file:  # noqa: PTH123  relative, as in many locustfiles
    PEOPLE = itertools.cycle(list(csv.DictReader(file)))
ITEMS = itertools.cycle("abc")
NUMBERS = itertools.count(1)
HEARD: list[str] = []


@events.request.add_listener
def hear(name: str, **_: Any) -> None:
    """Keep the names of requests, as a listener that counts does."""
    HEARD.append(name)


@events.quitting.add_listener
def report(**_: Any) -> None:
    """Print how many requests the listener has heard."""
    print(f"heard {len(HEARD)} requests", flush=True)  # noqa: T201


class Buying(SequentialTaskSet):
    """Look at an item, order it, leave."""

    @task
    def look(self) -> None:
        self.client.get(f"/items/{next(ITEMS)}", name="/items/[item]", headers=self.user.auth)

    @task
    def order(self) -> None:
        number = next(NUMBERS)
        body, options = {"number": number, "item": "a"}, {"headers": self.user.auth, "catch_response": True}
        with self.client.post(f"/orders/{number}", json=body, name="/orders/[number]", **options) as response:
            if response.json().get("number") != number:
                response.failure("not this order")

    @task
    def leave(self) -> None:
        self.interrupt(reschedule=False)


class Journey(User):
    """What every kind of user does."""

    abstract = True

    wait_time = between(0.005, 0.02)

    def on_start(self) -> None:
        person = next(PEOPLE)
        form = {"username": person["name"], "password": os.environ["SHOP_PASSWORD"]}
        answer = self.client.post("/login/access-token", data=form, name="login")
        self.auth = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    @task(3)
    class Shop(Buying):
        """The sequence, three times as often as the rest."""

    @tag("cheap")
    @task(1)
    def counts(self) -> None:
        self.client.get("/counts")

    @task(1)
    def moved(self) -> None:
        self.client.get("/moved", name="moved")


class Requests(Journey, HttpUser):
    """On `requests`."""

    weight = 2


class Fast(Journey, FastHttpUser):
    """On Locust's faster client."""


class Llhttp(Journey, LlhttpUser):
    """On loopbench's own client."""
