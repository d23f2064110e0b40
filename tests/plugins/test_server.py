"""The sink http: health, metrics, and who may read what."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
import watched
from prometheus_client.parser import text_string_to_metric_families

from vadkit.api import SourceStatus, VadkitError
from vadkit_sinks.server.sink import Http

TOKEN = "0123456789abcdef-_"


@contextmanager
def serving(host: str = "127.0.0.1", **keys: Any) -> Iterator[Http]:
    sink = Http(at=f"{host}:0", **keys)
    sink.open(watched.source())
    yield sink
    sink.close(watched.summary())


def get(sink: Http, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    assert sink._server is not None
    connection = http.client.HTTPConnection("127.0.0.1", sink._server.server_port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.headers)
    connection.close()
    return found


def metrics(sink: Http, **headers: str) -> dict[str, float]:
    status, text, _ = get(sink, "/metrics", **headers)
    assert status == 200
    families = text_string_to_metric_families(text.decode())
    return {
        sample.name + "".join(sample.labels.values()): sample.value for family in families for sample in family.samples
    }


def test_health_follows_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(unhealthy_after=30.0) as sink:
        assert get(sink, "/healthz")[:2] == (503, b"no frame has a score yet\n")
        sink.frame(watched.score(1))
        assert get(sink, "/healthz")[:2] == (200, b"ok\n")
        sink._state._since -= 45
        sink.status(SourceStatus("lost", 4.0, "rtsp://user:secret@camera went away"))
        lost = b"no score for 45 s; the source is lost\n"
        assert (get(sink, "/healthz")[:2], get(sink, "/livez")[:2]) == ((503, lost), (200, lost))
        sink.status(SourceStatus("connected", 5.0))
        assert get(sink, "/livez")[0] == 503
        sink.frame(watched.score(2))
        sink.status(SourceStatus("black", 6.0))
        assert get(sink, "/healthz")[:2] == (200, b"ok; the source is black\n")
        assert metrics(sink)["vadkit_source_stateblack"] == 1


def test_metrics_count_frames_alarms_and_losses() -> None:
    with serving() as sink:
        sink.status(SourceStatus("connected", 0.0))
        for frame in range(4):
            sink.frame(watched.score(frame, float("nan") if frame == 3 else frame, latency=0.3, active=frame == 2))
        sink.alarm(watched.begin())
        sink.status(SourceStatus("lost", 1.0, frames_lost=5))
        found = metrics(sink)
        assert found["vadkit_alarm_active"] == 1
        sink.alarm(watched.end())
        sink.status(SourceStatus("connected", 2.0, frames_lost=7))
        found = metrics(sink)
    assert found["vadkit_frames_total"] == 4
    assert found["vadkit_frames_lost_total"] == 7
    assert found["vadkit_alarms_total"] == 1
    assert found["vadkit_alarm_active"] == 0
    assert (found["vadkit_score"], found["vadkit_threshold"]) == (2.0, 2.5)
    assert (found["vadkit_latency_seconds_bucket0.25"], found["vadkit_latency_seconds_bucket0.5"]) == (0, 4)
    assert (found["vadkit_source_stateconnected"], found["vadkit_source_statelost"]) == (1, 0)


def test_a_camera_that_is_lost_has_no_alarm() -> None:
    with serving(page=True) as sink:
        sink.status(SourceStatus("waiting", 0.0, "connection refused"))
        assert json.loads(get(sink, "/state.json")[1])["problem"] == "no frame has a score yet; the source is waiting"
        sink.status(SourceStatus("connected", 1.0))
        sink.frame(watched.score(1, 9.0, active=True))
        assert json.loads(get(sink, "/state.json")[1])["active"]
        sink.status(SourceStatus("lost", 2.0, "no picture for 10 s"))
        state = json.loads(get(sink, "/state.json")[1])
    assert (state["active"], state["state"], state["detail"]) == (False, "lost", "no picture for 10 s")


def test_an_event_of_the_source_is_shown_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(page=True) as sink:
        sink.status(SourceStatus("connected", 0.0))
        sink.status(SourceStatus("losing_frames", 1.0, "slow", frames_lost=5))
        assert metrics(sink)["vadkit_source_stateconnected"] == 1
        assert json.loads(get(sink, "/state.json")[1])["state"] == "losing_frames"
        monkeypatch.setattr("vadkit_sinks.server.state._EVENT_SHOWN", 0.0)
        state = json.loads(get(sink, "/state.json")[1])
        assert (state["state"], state["frames_lost"]) == ("connected", 5)


def test_the_state_of_the_page_is_json_also_without_scores() -> None:
    with serving(page=True) as sink:
        assert json.loads(get(sink, "/state.json")[1])["points"] == []
        sink.frame(watched.score(0, float("nan"), anomaly_map=None))
        for frame in range(1, 60):
            sink.frame(watched.score(frame, frame / 10, active=frame == 30))
        sink.alarm(watched.end())
        state = json.loads(get(sink, "/state.json")[1])
    assert state["points"] == [
        [0.0, 1.2, False],
        [0.5, 2.4, False],
        [1.0, 3.7, True],
        [1.5, 4.9, False],
        [2.0, 5.9, False],
    ]
    assert state["alarms"] == [watched.end().as_dict()]
    assert (state["frame"], state["score"], state["frames"]) == (59, 5.9, 60)


def test_no_request_waits_for_the_range_of_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    from vadkit_sinks.server import state

    made = state.State(watched.source(), 30.0)
    locked: list[bool] = []
    measured = state._range
    monkeypatch.setattr(state, "_range", lambda it: (locked.append(made._lock.locked()), measured(it))[1])
    hot = np.zeros((40, 40), np.float32)
    hot[1, 1] = 3.0
    for anomaly_map in (hot, np.full_like(hot, np.nan), None):
        made.add_frame(watched.score(1, anomaly_map=anomaly_map))
        assert made._hottest == 3.0
    assert locked == [False, False]


def test_pictures_are_the_newest_frame_and_the_alarms() -> None:
    with serving(page=True) as sink:
        assert get(sink, "/picture.jpg")[0] == 404
        sink.frame(watched.score(1))
        plain, hot = get(sink, "/picture.jpg"), get(sink, "/picture.jpg?heat_map=1")
        sink.alarm(watched.begin())
        alarm = get(sink, "/alarms/1.jpg")
        missing = [get(sink, f"/alarms/{name}.jpg")[0] for name in ("2", "-1", "x", "1/..", "")]
        sink.frame(watched.score(2, picture=None))
        assert get(sink, "/picture.jpg")[0] == 404
    for status, data, headers in (plain, hot, alarm):
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        assert data.startswith(b"\xff\xd8")
    assert len({plain[1], hot[1], alarm[1]}) == 3
    assert missing == [404] * 5


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/page.html", "//etc/passwd", "/state.json", "/picture.jpg", "/"]
)
def test_without_the_page_only_health_and_metrics_exist(path: str) -> None:
    with serving() as sink:
        status, text, _ = get(sink, path)
    assert status == 404
    assert text == b"this address does not exist: open /healthz or /metrics\n"


def test_other_methods_are_refused() -> None:
    with serving(page=True) as sink:
        assert sink._server is not None
        connection = http.client.HTTPConnection("127.0.0.1", sink._server.server_port, timeout=10)
        connection.request("POST", "/state.json", body=b"{}")
        assert connection.getresponse().status == 501
        connection.close()


def test_on_loopback_the_name_in_the_request_must_be_known() -> None:
    """Otherwise a web page of another site could read the camera under a name that leads to 127.0.0.1."""
    with serving(page=True) as sink:
        assert get(sink, "/state.json", Host="evil.example")[0] == 403
        assert get(sink, "/healthz", Host="evil.example:8420")[0] == 403
        assert get(sink, "/state.json", Host="localhost:8420")[0] == 200
        assert get(sink, "/state.json", Host="[::1]:8420")[0] == 200
        assert get(sink, "/state.json", Host="]")[0] == 400


def test_elsewhere_a_token_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with serving("0.0.0.0", page=True) as sink:
        printed = capsys.readouterr().out.strip()
        token = printed.rpartition("/?token=")[2]
        assert len(token) >= 32
        for path in (
            "/",
            "/page.js",
            "/state.json",
            "/picture.jpg",
            "/alarms/1.jpg",
            "/metrics",
            "/?token=",
            "/nothing",
        ):
            assert get(sink, path)[0] == 401, path
        assert get(sink, "/state.json", Authorization="Bearer wrong")[0] == 401
        assert get(sink, "/?token=wrong", Cookie="vadkit_token_1=wrong; \xff=1")[0] == 401
        assert get(sink, "/healthz")[0] == 503
        status, _, headers = get(sink, f"/?token={token}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert get(sink, "/", Cookie=cookie.partition(";")[0])[0] == 200
        assert metrics(sink, Authorization=f"Bearer {token}")["vadkit_frames_total"] == 0
    with serving("0.0.0.0", page=True) as sink:
        assert token not in capsys.readouterr().out  # a new one at each start


def test_a_token_of_the_user_is_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCH_TOKEN", TOKEN)
    with serving("0.0.0.0", token="${WATCH_TOKEN}") as sink:
        assert TOKEN not in capsys.readouterr().out
        assert metrics(sink, Authorization=f"Bearer {TOKEN}")["vadkit_threshold"] == 2.5


def test_a_token_of_the_user_counts_on_loopback_too() -> None:
    """Behind a reverse proxy on the same computer, the server listens on loopback."""
    with serving(page=True, token=TOKEN) as sink:
        assert [get(sink, path)[0] for path in ("/", "/metrics", "/state.json")] == [401] * 3
        assert metrics(sink, Authorization=f"Bearer {TOKEN}")["vadkit_threshold"] == 2.5
        assert get(sink, "/healthz")[0] == 503


def test_two_servers_on_a_computer_have_their_own_cookies() -> None:
    """Browsers send the cookies of a host to all of its ports."""
    with serving(page=True, token=TOKEN) as one, serving(page=True, token=TOKEN[::-1]) as other:
        first = get(one, f"/?token={TOKEN}")[2]["Set-Cookie"].partition(";")[0]
        second = get(other, f"/?token={TOKEN[::-1]}")[2]["Set-Cookie"].partition(";")[0]
        both = f"{first}; {second}"
        assert [get(sink, "/", Cookie=both)[0] for sink in (one, other)] == [200, 200]
        assert get(other, "/", Cookie=first)[0] == 401


def test_too_many_connections_are_refused_and_slow_ones_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vadkit_sinks.server.sink._LONGEST", 1.0)
    with serving() as sink, ExitStack() as stack:
        assert sink._server is not None
        address = "127.0.0.1", sink._server.server_port
        slow = [stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(32)]
        assert get(sink, "/healthz")[:2] == (503, b"")
        slow[0].sendall(b"GET /healthz HT")
        assert [connection.recv(1) for connection in slow] == [b""] * 32
        for _ in range(500):
            if get(sink, "/healthz")[1]:
                break
            time.sleep(0.01)
        assert get(sink, "/healthz")[1] == b"no frame has a score yet\n"


def test_every_answer_has_the_headers_of_a_private_page() -> None:
    with serving(page=True) as sink:
        for path in ("/", "/page.css", "/state.json", "/healthz", "/nothing"):
            headers = get(sink, path)[2]
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert "Python" not in headers["Server"]


def test_an_address_in_use_and_impossible_keys_are_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VadkitError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            Http(at=f"127.0.0.1:{port}").open(watched.source())
    refused: list[tuple[dict[str, Any], str]] = [
        ({"at": "8420"}, "is not HOST:PORT"),
        ({"at": "127.0.0.1:99999"}, "is not HOST:PORT"),
        ({"unhealthy_after": 0.0}, "must be above 0"),
        ({"token": "short"}, "16 characters"),
    ]
    for keys, message in refused:
        with pytest.raises(VadkitError, match=message):
            Http(**keys)
