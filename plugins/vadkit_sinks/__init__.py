"""Sinks: what `vadkit watch` does with alarms and scores."""

from vadkit.api import Component, hookimpl

_SINKS = (
    ("terminal", "terminal:Terminal", "Prints alarms and a summary."),
    ("jsonl", "files:JsonLines", "Appends alarms to a file, as JSON lines."),
    ("scores", "files:Scores", "Appends the score of every frame to a CSV file."),
    ("command", "command:Command", "Runs a program for each alarm."),
    ("webhook", "webhook:Webhook", "Sends alarms to a URL."),
    ("mqtt", "mqtt:Mqtt", "Publishes alarms and scores to an MQTT broker, for Home Assistant."),
    ("snapshot", "snapshot:Snapshot", "Saves a picture of each alarm with its heat map."),
    ("clip", "clip:Clip", "Saves a video of each alarm, with the seconds before it."),
    ("http", "server.sink:Http", "Serves a health check, Prometheus metrics and a live page."),
)


@hookimpl
def vadkit_components() -> list[Component]:
    """Announce the sinks."""
    return [Component("sink", name, f"vadkit_sinks.{target}", text) for name, target, text in _SINKS]
