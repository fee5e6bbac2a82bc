"""Everything that runs inside Locust (and so under gevent): users, load phases, the recorder."""
