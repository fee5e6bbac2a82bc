"""The HTTP client behind `LlhttpUser`: a Locust user on gevent sockets, parsed by llhttp."""
