"""The operations of docs/PROTOCOL.md, section 2: each takes all its fields, checked, before it begins."""

from __future__ import annotations

from typing import Any

from athenic_guest.roomd.requests import Fields, guest_request, room_request
from athenic_guest.roomd.rooms import Rooms
from athenic_guest.roomd.server import Handler
from athenic_guest.roomd.zygotes import Zygotes


def handlers(rooms: Rooms, zygotes: Zygotes, hello: dict[str, Any]) -> dict[str, Handler]:
    """By name of the operation; `hello` is that operation's answer."""

    def say_hello(fields: Fields) -> dict[str, Any]:
        fields.done()
        return hello

    def zygote_start(fields: Fields) -> dict[str, Any]:
        template, path = fields.template(), fields.path("path")
        fields.done()
        zygote = zygotes.start(template, path)
        return {"pid": zygote.child.pid, "millis": zygote.millis}

    def zygote_stop(fields: Fields) -> None:
        template = fields.template()
        fields.done()
        zygotes.stop(template)

    def guest_kill(fields: Fields) -> None:
        sandbox, name, number = fields.identifier("sandbox"), fields.identifier("name"), fields.whole("signal", 1, 64)
        fields.done()
        rooms.kill_guest(sandbox, name, number)

    def list_rooms(fields: Fields) -> dict[str, Any]:
        fields.done()
        return {"sandboxes": rooms.names()}

    return {
        "hello": say_hello,
        "zygote.start": zygote_start,
        "zygote.stop": zygote_stop,
        "room.create": lambda fields: rooms.create(room_request(fields)),
        "guest.start": lambda fields: rooms.start_guest(guest_request(fields)),
        "guest.kill": guest_kill,
        "room.stat": lambda fields: rooms.stat(_sandbox(fields)),
        "room.freeze": lambda fields: rooms.freeze(_sandbox(fields), True),
        "room.thaw": lambda fields: rooms.freeze(_sandbox(fields), False),
        "room.destroy": lambda fields: rooms.destroy(_sandbox(fields)),
        "rooms": list_rooms,
    }


def _sandbox(fields: Fields) -> str:
    name = fields.identifier("sandbox")
    fields.done()
    return name
