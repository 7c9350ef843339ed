"""The operations of docs/PROTOCOL.md, section 2: each takes all its fields, checked, before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.kept import Kept
from athenic_guest.roomd.layers import Layers
from athenic_guest.roomd.requests import Fields, guest_request, room_request, snapshot_request
from athenic_guest.roomd.rooms import Rooms
from athenic_guest.roomd.server import Handler
from athenic_guest.roomd.trees import Trees
from athenic_guest.roomd.zygotes import Zygotes


_PAGE: Final = 40  # a record is at most 1.5 KiB, an answer at most 64


def handlers(rooms: Rooms, zygotes: Zygotes, layers: Layers, kept: Kept | None, trees: Trees, hello: dict[str, Any],
             leave: Callable[[], None]) -> dict[str, Handler]:
    """By name of the operation; `hello` is the unchanging part of that operation's answer, `leave` what `shutdown` does."""

    def say_hello(fields: Fields) -> dict[str, Any]:
        fields.done()
        return {**hello, **rooms.page("")}

    def list_page(fields: Fields) -> dict[str, Any]:
        after = fields.identifier("after")
        fields.done()
        return rooms.page(after)

    def shutdown(fields: Fields) -> None:
        fields.done()
        leave()

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

    def freeze(fields: Fields) -> None:
        sandbox, keep = fields.identifier("sandbox"), fields.flag("keep")
        fields.done()
        rooms.freeze(sandbox, True, keep)

    def destroy(fields: Fields) -> None:
        sandbox, keep = fields.identifier("sandbox"), fields.flag("keep")
        fields.done()
        if keep:
            rooms.keep(sandbox)
        else:
            rooms.destroy(sandbox)

    def snapshot_list(fields: Fields) -> dict[str, Any]:
        after = fields.after()
        fields.done()
        return layers.page(after, _PAGE)

    def snapshot_drop(fields: Fields) -> None:
        snapshot = fields.identifier("snapshot")
        fields.done()
        layers.drop(snapshot)

    def kept_list(fields: Fields) -> dict[str, Any]:
        after = fields.after()
        fields.done()
        return {"kept": [], "more": False} if kept is None else kept.page(after, _PAGE)

    def kept_drop(fields: Fields) -> None:
        sandbox = _sandbox(fields)
        if kept is None:
            raise RoomError("not_found", f"no disk of sandbox {sandbox} is kept")
        kept.drop(sandbox)

    def commit(fields: Fields) -> dict[str, Any]:
        sandbox, tree = fields.identifier("sandbox"), fields.tree()
        fields.done()
        return rooms.keep_files(sandbox, tree)

    def list_trees(fields: Fields) -> dict[str, Any]:
        fields.done()
        return trees.all()

    def collect(fields: Fields) -> dict[str, Any]:
        keep, bound = fields.trees("keep", 1000), fields.whole("bytes", 0, 1 << 50)
        fields.done()
        return trees.collect(keep, bound)

    return {
        "hello": say_hello,
        "zygote.start": zygote_start,
        "zygote.stop": zygote_stop,
        "room.create": lambda fields: rooms.create(room_request(fields)),
        "guest.start": lambda fields: rooms.start_guest(guest_request(fields)),
        "guest.kill": guest_kill,
        "room.stat": lambda fields: rooms.stat(_sandbox(fields)),
        "rooms.stat": lambda fields: {"rooms": rooms.samples(_sandboxes(fields))},
        "room.freeze": freeze,
        "room.thaw": lambda fields: rooms.freeze(_sandbox(fields), False),
        "room.destroy": destroy,
        "snapshot.create": lambda fields: rooms.snapshot(snapshot_request(fields)),
        "snapshot.list": snapshot_list,
        "snapshot.drop": snapshot_drop,
        "kept.list": kept_list,
        "kept.drop": kept_drop,
        "rooms": list_rooms,
        "template.commit": commit,
        "template.trees": list_trees,
        "template.collect": collect,
        "room.list": list_page,
        "shutdown": shutdown,
    }


def _sandboxes(fields: Fields) -> list[str]:
    names = fields.identifiers("sandboxes", 200)
    fields.done()
    return names


def _sandbox(fields: Fields) -> str:
    name = fields.identifier("sandbox")
    fields.done()
    return name
