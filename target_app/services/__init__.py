"""One launcher per service: `python -m target_app.services.<name> FOLDER` serves on loopback until it is told to end.

The folder is the service's own and private: its data lie there, and, when it answers, a file `ready` with its URL and
version. The URL may hold a password made for this one start (a Redis or PostgreSQL without one would let every user of
the machine run commands as us), so it is printed nowhere. All of it is removed at the end. When the service's variable
names one's own server, the launcher writes that one's version and ends.
"""
