"""The first scenario of the user's own app: finds the app, reads its routes in its own Python, and writes them.

`places` looks at files, `reading` asks the app, `routes` decides what may be asked of it, `draft` writes the TOML.
"""
