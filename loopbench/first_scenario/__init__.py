"""The first scenario of the user's own app: finds the app, reads its routes in its own Python, and writes them."""
