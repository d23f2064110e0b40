"""Publishes alarms and scores to an MQTT broker, in the form that Home Assistant discovers."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

from vadkit.api import AlarmEvent, FrameScore, Sink, SourceStatus, VadkitError, WatchedSource, WatchSummary
from vadkit_sinks.environment import expand

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_WAITING = 1000  # messages that wait for the connection
_START, _END = 3.0, 3.0  # seconds to connect at the start, and to send the rest at the end
_GONE = frozenset({"waiting", "lost", "ended"})  # states of a source that gives no frames


class Mqtt(Sink):
    """Publishes alarms and scores to an MQTT broker. Home Assistant finds them by its MQTT discovery.

    Topics, with `BASE` = `TOPIC/NAME`: `BASE/alarm` (ON or OFF, retained), `BASE/event` (each begin and end as JSON,
    the last one is retained), `BASE/score`, and `BASE/status` (online or offline, retained). The status is also the
    last will, so it becomes offline if the process or the network fails. It is also offline while a live source has no
    connection. If the broker is not available, alarms wait, and the sink sends them when it is connected again.

    It needs the package paho-mqtt: `pip install "vadkit[mqtt]"`.

    Args:
        host: name or address of the broker.
        port: its port; 8883 is usual with `tls`.
        name: name of this camera, in topics and in Home Assistant: letters, digits, "_" and "-".
        topic: first part of the topics.
        username: name of the user. Empty if the broker needs no login. `${NAME}` stands for an environment variable.
        password: password of the user. `${NAME}` stands for an environment variable.
        tls: whether to encrypt the connection and to check the broker's certificate.
        discovery: first part of Home Assistant's discovery topics. Empty for no discovery.
        score_every: seconds between two published scores. The sink publishes the highest score of this time.

    Raises:
        VadkitError: the name is not valid, an environment variable is not set, or a number is out of range.

    Example:
        >>> try:
        ...     Mqtt(name="front door")
        ... except VadkitError as error:
        ...     print(error)
        'name' is 'front door'
          -> use letters, digits, '_' and '-', such as front_door
    """

    needs_frames = True

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int = 1883,
        name: str = "camera",
        topic: str = "vadkit",
        username: str = "",
        password: str = "",
        tls: bool = False,
        discovery: str = "homeassistant",
        score_every: float = 1.0,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise VadkitError(f"'name' is {name!r}", fix="use letters, digits, '_' and '-', such as front_door")
        if any(sign in topic + discovery for sign in "#+") or not topic:
            raise VadkitError("'topic' and 'discovery' must not contain '#' or '+', and 'topic' must not be empty")
        if not 0 < port < 65536 or score_every <= 0:
            raise VadkitError("'port' must be from 1 to 65535, and 'score_every' above 0 seconds")
        self._broker, self._name, self._base = (host, port), name, f"{topic.strip('/')}/{name}"
        self._login = (expand(username, where="mqtt 'username'"), expand(password, where="mqtt 'password'"))
        self._tls, self._discovery, self._every = tls, discovery.strip("/"), score_every
        self._client: Any = None
        self._refused = ""  # why the broker refused the last connection
        self._answered = threading.Event()  # whether the first attempt to connect has ended
        self._retained: dict[str, str] = {"alarm": "OFF", "status": "online"}
        self._highest, self._due = float("-inf"), 0.0

    def open(self, source: WatchedSource) -> None:
        """Connect in the background, and wait a moment for the connection.

        Raises:
            VadkitError: paho-mqtt is not installed, or the broker refuses the login.
        """
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            what = "the sink 'mqtt' needs the package paho-mqtt"
            raise VadkitError(what, fix="install it: pip install 'vadkit[mqtt]'") from error
        self._discovered = self._entities(source)
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"vadkit-{self._base}".replace("/", "-"))
        client.max_queued_messages_set(_WAITING)
        client.reconnect_delay_set(1, 60)
        if self._login[0]:
            client.username_pw_set(*self._login)
        if self._tls:
            client.tls_set()
        client.will_set(f"{self._base}/status", "offline", qos=1, retain=True)
        client.on_connect = self._connected
        client.on_connect_fail = lambda *_: self._answered.set()
        client.connect_async(*self._broker)
        client.loop_start()
        self._client = client
        self._answered.wait(_START)
        if self._refused:
            client.loop_stop()
            raise VadkitError(f"the broker {self._where} refuses: {self._refused}", fix="correct the login")

    def alarm(self, event: AlarmEvent) -> None:
        """Publish the alarm and its details.

        Raises:
            VadkitError: there is no connection. The message is sent when there is one again.
        """
        self._publish("event", json.dumps(event.as_dict()))
        self._publish("alarm", "ON" if event.begins else "OFF")
        self._require_connection()

    def frame(self, score: FrameScore) -> None:
        """Publish the highest score of the last second."""
        if score.score > self._highest:
            self._highest = score.score
        now = time.monotonic()
        if now < self._due or self._highest == float("-inf"):
            return
        value, self._highest, self._due = self._highest, float("-inf"), now + self._every
        self._require_connection()
        self._client.publish(f"{self._base}/score", f"{value:.6g}", qos=0)

    def status(self, status: SourceStatus) -> None:
        """Publish whether the source is available."""
        self._publish("status", "offline" if status.state in _GONE else "online")

    def close(self, summary: WatchSummary) -> None:
        """Publish that the camera is offline, and disconnect.

        Raises:
            VadkitError: there is no connection, or the broker did not confirm the last message.
        """
        del summary
        last = self._publish("status", "offline")
        try:
            self._require_connection()
            last.wait_for_publish(_END)
            if not last.is_published():
                raise VadkitError(f"the broker {self._where} did not confirm the last message")
            self._client.disconnect()
            self._client.loop_stop()
        finally:
            self._client.disconnect()  # without a connection, this ends the thread that tries to connect

    @property
    def _where(self) -> str:
        return f"{self._broker[0]}:{self._broker[1]}"

    def _publish(self, name: str, value: str) -> Any:
        self._retained[name] = value
        return self._client.publish(f"{self._base}/{name}", value, qos=1, retain=True)

    def _require_connection(self) -> None:
        if not self._client.is_connected():
            reason = f"refuses: {self._refused}" if self._refused else "cannot be reached"
            fix = "check the address and the network; vadkit connects again by itself"
            raise VadkitError(f"the broker {self._where} {reason}", fix=fix)

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        """Send all retained messages: a broker that was restarted may have lost them."""
        self._refused = str(reason) if reason.is_failure else ""
        if reason.is_failure:
            self._answered.set()
            return
        for topic, entity in self._discovered.items():
            client.publish(topic, json.dumps(entity), qos=1, retain=True)
        for name, value in list(self._retained.items()):  # the sink's thread can add a key
            client.publish(f"{self._base}/{name}", value, qos=1, retain=True)
        self._answered.set()

    def _entities(self, source: WatchedSource) -> dict[str, dict[str, Any]]:
        """Discovery topic -> entity, in the format of Home Assistant's MQTT discovery."""
        if not self._discovery:
            return {}
        node = f"vadkit_{self._name}".replace("-", "_")
        common = {
            "availability_topic": f"{self._base}/status",
            "device": {"identifiers": [node], "name": self._name, "manufacturer": "vadkit", "model": source.run},
        }
        alarm = {
            "name": "Alarm",
            "unique_id": f"{node}_alarm",
            "device_class": "problem",
            "state_topic": f"{self._base}/alarm",
            "json_attributes_topic": f"{self._base}/event",
        }
        score = {
            "name": "Score",
            "unique_id": f"{node}_score",
            "state_class": "measurement",
            "state_topic": f"{self._base}/score",
        }
        return {
            f"{self._discovery}/binary_sensor/{node}/alarm/config": alarm | common,
            f"{self._discovery}/sensor/{node}/score/config": score | common,
        }
