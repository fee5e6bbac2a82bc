"""The first scenario of somebody's own app: find the app, read its routes in its own Python, write them down.

`places` looks at files, `reading` asks the app, `routes` decides what may be asked of it, `draft` writes the TOML.
"""
