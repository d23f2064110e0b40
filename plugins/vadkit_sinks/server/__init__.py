"""A small web server: health, Prometheus metrics and a live page."""
