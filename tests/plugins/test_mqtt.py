"""The sink mqtt, with a real broker."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watched

from vadkit.api import SourceStatus, VadkitError
from vadkit_sinks.mqtt import Mqtt

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")


class Broker:
    """Mosquitto on a free port of loopback."""

    def __init__(self, folder: Path, *settings: str) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            pytest.skip("mosquitto is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = folder / "mosquitto.conf"
        config.write_text("\n".join((f"listener {self.port} 127.0.0.1", *settings)) + "\n")
        self._command = [program, "-c", str(config)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


def wait_for(condition: Callable[[], Any]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("the condition did not become true")


class Listener:
    """Keeps the messages of every topic."""

    def __init__(self, port: int, **login: str) -> None:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, str]] = []
        self.client: Any = paho.Client(CallbackAPIVersion.VERSION2)
        if login:
            self.client.username_pw_set(**login)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode())
        )
        subscribed: list[bool] = []
        self.client.on_subscribe = lambda *_: subscribed.append(True)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_for(lambda: subscribed)

    def of(self, topic: str) -> list[str]:
        return [payload for name, payload in self.messages if name == topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path, "allow_anonymous true")
    yield made
    made.stop()


def test_home_assistant_discovers_the_alarm_and_the_score(broker: Broker) -> None:
    listener = Listener(broker.port)
    sink = Mqtt(host="127.0.0.1", port=broker.port, name="front-door", score_every=1e-9)
    sink.open(watched.source())
    sink.frame(watched.score(1, 0.5))
    sink.alarm(watched.begin())
    sink.alarm(watched.end())
    sink.status(SourceStatus("lost", 4.0, "no answer"))
    sink.status(SourceStatus("connected", 5.0))
    sink.close(watched.summary())
    base = "vadkit/front-door"
    wait_for(lambda: listener.of(f"{base}/status").count("offline") == 2)
    config = json.loads(listener.of("homeassistant/binary_sensor/vadkit_front_door/alarm/config")[0])
    assert config["state_topic"] == f"{base}/alarm"
    assert config["availability_topic"] == f"{base}/status"
    assert config["json_attributes_topic"] == f"{base}/event"
    score = json.loads(listener.of("homeassistant/sensor/vadkit_front_door/score/config")[0])
    assert score["unique_id"] != config["unique_id"]
    assert score["device"] == config["device"]
    assert listener.of(f"{base}/alarm") == ["OFF", "ON", "OFF"]
    assert [json.loads(text) for text in listener.of(f"{base}/event")] == [
        watched.begin().as_dict(),
        watched.end().as_dict(),
    ]
    assert listener.of(f"{base}/score") == ["0.5"]
    assert listener.of(f"{base}/status") == ["online", "offline", "online", "offline"]
    listener.close()


def test_a_new_topic_while_the_client_connects_again() -> None:
    """The thread of the client sends what is retained, while the thread of the sink adds a topic."""
    sink = Mqtt(host="127.0.0.1")
    sent: list[str] = []

    class Client:
        def publish(self, topic: str, *_args: object, **_keys: object) -> None:
            sent.append(topic)
            sink._retained[f"new {len(sent)}"] = "ON"

    class Success:
        is_failure = False

    sink._discovered = {}
    sink._retained = {"status": "online", "alarm": "OFF"}
    sink._connected(Client(), None, None, Success(), None)
    assert sent == [f"{sink._base}/status", f"{sink._base}/alarm"]


def test_the_score_is_the_highest_of_its_interval(broker: Broker) -> None:
    listener = Listener(broker.port)
    sink = Mqtt(host="127.0.0.1", port=broker.port, score_every=60.0)
    sink.open(watched.source())
    for frame, value in enumerate([1.0, 7.0, float("nan"), 2.0]):
        sink.frame(watched.score(frame, value))
    sink._due = 0.0
    sink.frame(watched.score(9, 3.0))
    sink.close(watched.summary())
    wait_for(lambda: len(listener.of("vadkit/camera/score")) == 2)
    assert listener.of("vadkit/camera/score") == ["1", "7"]
    listener.close()


def test_alarms_wait_for_a_broker_that_is_away(broker: Broker) -> None:
    broker.stop()
    sink = Mqtt(host="127.0.0.1", port=broker.port)
    sink.open(watched.source())
    with pytest.raises(VadkitError, match=r"127\.0\.0\.1:\d+ cannot be reached[\s\S]*connects again"):
        sink.alarm(watched.begin())
    broker.start()
    listener = Listener(broker.port)
    wait_for(lambda: "ON" in listener.of("vadkit/camera/alarm"))
    wait_for(lambda: bool(listener.of("vadkit/camera/event")))  # another message, which comes later
    assert json.loads(listener.of("vadkit/camera/event")[0]) == watched.begin().as_dict()
    sink.alarm(watched.end())
    sink.close(watched.summary())
    wait_for(lambda: listener.of("vadkit/camera/alarm")[-1] == "OFF")
    listener.close()


def test_a_broker_notices_a_process_that_dies(broker: Broker) -> None:
    listener = Listener(broker.port)
    sink = Mqtt(host="127.0.0.1", port=broker.port)
    sink.open(watched.source())
    wait_for(lambda: listener.of("vadkit/camera/status") == ["online"])
    sink._client.socket().shutdown(socket.SHUT_RDWR)  # as after a kill: no farewell
    wait_for(lambda: "offline" in listener.of("vadkit/camera/status"))
    with contextlib.suppress(VadkitError):  # it connects again later
        sink.close(watched.summary())
    listener.close()


def test_a_wrong_password_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([maker, "-b", "-c", str(passwords), "me", "right"], check=True, capture_output=True)
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {passwords}", "user root")
    monkeypatch.setenv("MQTT_PASSWORD", "wrong")
    keys: dict[str, Any] = {"host": "127.0.0.1", "port": broker.port, "username": "me"}
    with pytest.raises(VadkitError, match="refuses: Not authorized") as caught:
        Mqtt(**keys, password="${MQTT_PASSWORD}").open(watched.source())
    assert "wrong" not in str(caught.value)
    sink = Mqtt(**keys, password="right")
    sink.open(watched.source())
    sink.close(watched.summary())
    broker.stop()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "front door"}, "'name' is 'front door'"),
        ({"topic": "a/#"}, "must not contain"),
        ({"port": 0}, "'port' must be from 1"),
        ({"password": "${NO_SUCH_VARIABLE}"}, "NO_SUCH_VARIABLE is not set"),
    ],
)
def test_impossible_keys_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(VadkitError, match=message):
        Mqtt(**keys)
