"""Boxes with a root, made by an ordinary user: `python -m tests.support.ordinary_user TIER STATE_DIR`.

Needs the standard library alone, so that a Python which everybody may run will do. Prints what each command
said as JSON, by the command's name.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from pathlib import Path

from pytest_runloop.local.engine import limiter
from pytest_runloop.local.engine.protocol import Box, BoxSpec, Engine, EngineError, Limits
from pytest_runloop.local.engine.select import open_engine
from tests.support import small_system
from tests.support.boxes import put, run, start
from tests.support.packages import APT

PACKAGE = r"""
command -v dpkg-deb >/dev/null && command -v useradd >/dev/null || { echo tiny; exit; }
mkdir ~/build && cd ~/build
mkdir -p tiny/DEBIAN tiny/usr/bin tiny/usr/share/locale/de/LC_MESSAGES tiny/etc/tiny
printf '%s\n' \
  'Package: tiny' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@b>' 'Description: -' >tiny/DEBIAN/control
printf '#!/bin/sh\nset -e\nuseradd -r tinyd\ninstall -d -o tinyd /var/lib/tiny\n' >tiny/DEBIAN/postinst
printf '#!/bin/sh\necho tiny\n' >tiny/usr/bin/tiny
touch tiny/usr/share/locale/de/LC_MESSAGES/tiny.mo tiny/etc/tiny/conf
chmod 755 tiny/usr/bin/tiny tiny/DEBIAN/postinst
dpkg-deb -b tiny tiny.deb >/dev/null && sudo dpkg -i tiny.deb >/dev/null 2>log || cat log
tiny
"""
"""Installs a package that brings files, makes a user and changes an owner. Says `tiny`, also without dpkg."""

_WITH_APT = "command -v apt-get >/dev/null || { echo from a package; exit; }"
_COMMANDS = {
    # Before the next ones take away what hooks of apt need.
    "apt": f"{_WITH_APT}; ( {APT} ) >log 2>&1 || cat log; tiny-of-the-test",
    "user": "whoami; id -u; pwd; echo $HOME",
    "sudo": "sudo whoami",
    "system": "touch /usr/lib/new /etc/new && rm /usr/bin/env && mkdir /usr/share/doc/new && echo ok",
    "replace": "rm -rf /usr/share/doc && mkdir /usr/share/doc && ls -A /usr/share/doc && echo empty",
    "edit": "sed -i s/^/x/ /usr/bin/ldd && head -c 2 /usr/bin/ldd",
    "chown": "touch f && chown 33:33 f && stat -c %u f",
    "package": PACKAGE,
    "processes": "ls /proc | grep -cE '^[0-9]+$'",
    "first": "cat /proc/1/environ /proc/1/mem 2>/dev/null || echo refused",
    "low port": "python -c 'import socket; socket.create_server((str(), 80))' && echo free",
    "python": "python -c 'print(6 * 7)'",
    "hidden": "ls -A /root /tmp /home /mnt | tr '\\n' ' '",
    "shut": "mkdir -p shut/in; echo deep >shut/in/file; chmod 000 shut; echo ok",
}


_GREETER = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    with open("port", "w") as file:
        file.write(f"{listener.getsockname()[1]}\\n")
    connection, _ = listener.accept()
    connection.sendall(b"reached")
"""


async def _greeting(box: Box) -> str:
    """Connect to a service inside, and return what it says."""
    await put(box, "greeter.py", _GREETER.encode())
    await start(box, "python3 greeter.py")
    port = await _say(box, "until [ -s port ]; do sleep 0.01; done; cat port")
    with await box.connect(int(port)) as connection:
        return (await asyncio.get_running_loop().sock_recv(connection, 100)).decode()


_ON_AN_IMAGE = {
    "image": "cat /marker; id -u; ls -d /opt 2>/dev/null || echo none",
    "image changed": "touch /bin/new /etc/new && rm /bin/true && echo x >>/marker && echo ok",
    "image owner": "stat -c '%u %a' /bin/setuid; chown 33:33 /bin/new && stat -c %u /bin/new",
    "image sudo": "sudo id -un; sudo -u app id -un",
}


async def _on_an_image(engine: Engine, place: Path) -> dict[str, str]:
    root = small_system.make(place, [*small_system.TOOLS, "bash"])
    shutil.copy2(root / "bin/true", root / "bin/setuid")
    (root / "bin/setuid").chmod(0o6755)
    archive = small_system.archive(root)

    async def write(descriptor: int) -> None:
        def put() -> None:
            with open(descriptor, "wb", closefd=False) as pipe:
                pipe.write(archive)

        await asyncio.to_thread(put)

    layer = await engine.layers.import_root(write)
    box = await engine.boot(BoxSpec("image", layer=layer))
    said = {name: await _say(box, command) for name, command in _ON_AN_IMAGE.items()}
    upper = await box.freeze()
    copy = await engine.boot(BoxSpec("image-copy", layer=upper))
    said["image layer"] = await _say(copy, "ls /bin/new /bin/true; cat /marker")
    await box.destroy()
    await copy.destroy()
    await engine.layers.delete(upper)
    await engine.layers.delete(layer)
    said["image left"] = str(engine.layers.exists(layer))
    return said


async def _say(box: Box, command: str) -> str:
    return (await run(box, command))[1].strip()


async def _visit(box: Box) -> dict[str, str]:
    """Say what is reached of a server at all of this machine's addresses."""
    said = {}
    outside = _address()
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        for name, host in (("loopback", "127.0.0.1"), ("outside", outside)):
            connect = f"(exec 3<>/dev/tcp/{host}/{port}) 2>/dev/null && echo connected || echo refused"
            said[name] = await _say(box, connect) if host else "nowhere"
    return said


class _Guard:
    """Permits one port, and knows no name."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def permits(self, host: str, port: int) -> bool:
        return port == self._port

    async def answer(self, query: bytes, *, stream: bool) -> bytes | None:
        return query[:2] + b"\x81\x83" + query[4:]


_GUARDED = """
import ctypes, socket, sys
for port in sys.argv[2:]:
    print(socket.socket().connect_ex((sys.argv[1], int(port))))
led_out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
led_out.connect((sys.argv[1], int(sys.argv[2])))
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: that others may look into it no more.
print(led_out.connect_ex((sys.argv[1], int(sys.argv[3]))))
try:
    print(led_out.sendmsg([b"x"], [], 0, (sys.argv[1], int(sys.argv[3]))))
except PermissionError:
    print("refused")
try:
    socket.getaddrinfo("service.example", 80)
except socket.gaierror as error:
    print(error.errno == socket.EAI_NONAME)
"""


async def _visit_guarded(engine: Engine, outside: str) -> str:
    """Say what a box with a guard reaches of two servers, and of names."""
    with socket.create_server((outside, 0)) as one, socket.create_server((outside, 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
        box = await engine.boot(BoxSpec("guarded", guard=_Guard(ports[0])))
        await put(box, "guarded.py", _GUARDED.encode())
        said = await _say(box, f"python3 guarded.py {outside} {ports[0]} {ports[1]}")
        await box.destroy()
    return said


def _address() -> str:
    """Return an address of this machine that is not of its loopback, or an empty text."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        if finder.connect_ex(("192.0.2.1", 9)):
            return ""
        host: str = finder.getsockname()[0]
        return host


async def _main(tier: str, state_dir: Path) -> dict[str, str]:
    engine = await open_engine(tier, state_dir)
    try:
        on_image = await _on_an_image(engine, state_dir / "small")
        box = await engine.boot(BoxSpec("box"))
        said = on_image | {name: await _say(box, command) for name, command in _COMMANDS.items()}
        said["connect"] = await _greeting(box)
        said |= await _visit(box)
        outside = _address()
        said["guarded"] = await _visit_guarded(engine, outside) if outside else "nowhere"
        idle = await box.freeze()
        said["from idle"] = await _say(
            await engine.boot(BoxSpec("copy1", layer=idle)), "cat shut/in/file; ls /etc/new"
        )
        await _say(box, "nohup sleep 600 >/dev/null 2>&1 &")
        busy = await box.freeze()
        said["from busy"] = await _say(
            await engine.boot(BoxSpec("copy2", layer=busy)), "cat shut/in/file; ls /usr/bin/env"
        )
        small = await engine.boot(BoxSpec("small", limits=Limits(processes=40)))
        said["bomb"] = await _say(
            small, "sh -c 'for _ in $(seq 60); do sleep 60 >/dev/null 2>&1 & done' 2>&1 | grep -c fork"
        )
        said["others"] = await _say(box, "sleep 0 & wait && echo ok")
        said["limits"] = " ".join(sorted(engine.capabilities & limiter.ALL))
    finally:
        await engine.close()
    said["left"] = " ".join(
        path.name for place in ("trash", "sessions") for path in (state_dir / place).iterdir()
    )
    return said


if __name__ == "__main__":
    try:
        print(json.dumps(asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))))
    except EngineError as error:
        print(json.dumps({"refused": str(error)}))
