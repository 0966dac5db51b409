"""Providers post faxes: taken once, acknowledged when they are kept, refused and counted by name."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import FormData

from callcenter.intake.fax_hooks import Posted, sign_ours, sign_phaxio
from callcenter.web.hooks import READING_MAX, Hooks
from tests.web.center import Center, within

SECRET = "a long secret of ours"
URL = "https://fax.example.test/intake/fax/px"


@dataclass
class Source:
    form: str = "callcenter"
    url: str = URL
    secret: str = SECRET


@dataclass
class Port:
    """What was taken, by id."""

    taken: dict[str, Posted] = field(default_factory=dict)
    full: bool = False

    def source(self, name: str) -> Source | None:
        return {"own": Source(), "px": Source("phaxio")}.get(name)

    async def receive(self, source: str, posted: Posted) -> tuple[str, bool]:
        if self.full:
            raise OSError("No space left on device")
        new = posted.id not in self.taken
        self.taken[posted.id] = posted
        return f"contact-{posted.id}", new


def body(name: str = "f-1") -> bytes:
    file = base64.b64encode(b"%PDF-1.7").decode()
    return json.dumps({"id": name, "from": "+34600", "file_base64": file}).encode()


async def post(found: Center, source: str, data: bytes, header: str) -> tuple[int, str]:
    headers = {"X-Callcenter-Signature": header, "Content-Type": "application/json"}
    answer = await found.client.post(f"/intake/fax/{source}", data=data, headers=headers)
    return answer.status, await answer.text()


def listening(found: Center) -> tuple[Port, Hooks]:
    port = Port()
    found.server.hooks._port = port
    return port, found.server.hooks


def test_a_posted_fax_is_taken_once_however_often_it_is_posted(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        port, hooks = listening(found)
        for new in (True, False):
            header = sign_ours(body(), SECRET, int(time.time()))
            status, text = await post(found, "own", body(), header)
            assert (status, json.loads(text)["new"]) == (200, new)
        assert list(port.taken) == ["f-1"]
        assert (hooks._tally.hooks["new"], hooks._tally.hooks["known"]) == (1, 1)

    within(tmp_path, story)


def test_every_refusal_has_its_name_and_is_counted(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        port, hooks = listening(found)
        now = int(time.time())
        good = sign_ours(body(), SECRET, now)
        assert (await post(found, "nobody", body(), good))[0] == 404
        assert (await post(found, "own", body(), ""))[0] == 401
        old = sign_ours(body(), SECRET, now - 1000)
        status, text = await post(found, "own", body(), old)
        assert (status, "replayed" in text) == (401, True)
        assert (await post(found, "own", b"{", sign_ours(b"{", SECRET, now)))[0] == 400
        port.full = True
        status, text = await post(found, "own", body(), good)
        assert (status, "post it again" in text) == (503, True)
        assert not port.taken
        named = ("no_source", "unsigned", "replayed", "malformed", "failed")
        assert {name: hooks._tally.hooks[name] for name in named} == dict.fromkeys(named, 1)
        told = await (await found.client.get("/metrics")).text()
        assert 'callcenter_fax_posts_total{what="unsigned"} 1.0' in told

    within(tmp_path, story)


def test_the_form_of_phaxio_is_taken_with_its_file(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        port, _ = listening(found)
        fax = json.dumps({"id": 7, "direction": "received", "from_number": "+1555"})
        fields, files = [("direction", "received"), ("fax", fax)], {"file": b"%PDF-1.7"}
        form = FormData(fields)
        form.add_field("file", files["file"], filename="fax.pdf", content_type="application/pdf")
        headers = {"X-Phaxio-Signature": sign_phaxio(URL, fields, files, SECRET)}
        answer = await found.client.post("/intake/fax/px", data=form, headers=headers)
        assert answer.status == 200, await answer.text()
        assert port.taken["7"].file == b"%PDF-1.7"
        plain = await found.client.post("/intake/fax/px", data=b"x", headers=headers)
        assert plain.status == 400

    within(tmp_path, story)


def test_without_sources_there_is_nobody_to_post_to(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        assert (await post(found, "own", body(), ""))[0] == 404

    within(tmp_path, story)


def test_a_few_posts_are_read_at_once_and_no_more(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        port, hooks = listening(found)
        header = sign_ours(body(), SECRET, int(time.time()))
        hooks._reading = READING_MAX
        assert (await post(found, "own", body(), header))[0] == 503
        assert (port.taken, hooks._tally.hooks["crowded"]) == ({}, 1)
        hooks._reading = READING_MAX - 1
        assert (await post(found, "own", body(), header))[0] == 200
        assert hooks._reading == READING_MAX - 1

    within(tmp_path, story)


def test_a_signature_of_other_letters_is_one_that_does_not_fit(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        listening(found)
        assert (await post(found, "own", body(), f"t={int(time.time())},v1=é"))[0] == 401

    within(tmp_path, story)
