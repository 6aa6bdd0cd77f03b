"""The images of this machine's container engines, as layers to build on.

The engine is asked for an image, and pulls it if it has none. A container of it, which never runs, is written
out once for each image, and unpacked as a layer. The layer belongs to the blueprints that stand on it, as the
layers of build steps do.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .cache import LayerCache
from .container_cli import CHOICE, CliError, ContainerCli, candidates
from .dockerfile.config import DEFAULT_SHELL, Healthcheck, ImageConfig
from .dockerfile.plan import key_of
from .engine.protocol import Capability, Engine
from .image_views import ImageViews
from .machine import build_platform
from .servers import Presence
from .setup import Write

_SERVER, _PLACE = "pytest-runloop.server", "pytest-runloop.export"
"""Labels of the containers that are written out: the server, and where to look whether it lives."""
_LOOK, _CREATE, _PULL, _EXPORT = 30.0, 300.0, 1800.0, 1800.0
"""Seconds that each may take."""
_NANOSECONDS = 1e9
_FORMAT = 1
"""Of what is kept of an image: another one must not find the layers of the old."""


class ImageError(Exception):
    """An image cannot be had. The text says why.

    :param remedy: what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


class NoImagesError(Exception):
    """No image can be had in this place, whichever it is. The text says why, as a clause."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that an engine has.

    :param cli: the engine.
    :param id: by its content.
    :param platform: as `linux/amd64`.
    """

    cli: ContainerCli
    id: str
    platform: str
    config: ImageConfig

    @property
    def key(self) -> str:
        """What its file system is known by."""
        return key_of("image", _FORMAT, self.id)

    @property
    def shown(self) -> str:
        """It, for people: the engine and a part of the id."""
        return f"{self.id.removeprefix('sha256:')[:12]} of {self.cli.program}"


class Images:
    """Finds images and makes layers of them.

    :param engine: whose layers they are.
    :param cache: keeps the layers.
    :param presence: of this server, for the labels of its containers.
    """

    def __init__(self, engine: Engine, cache: LayerCache, presence: Presence) -> None:
        self._engine = engine
        self._cache = cache
        self._presence = presence
        self._swept: set[str] = set()
        self._views = ImageViews()

    async def find(self, reference: str, write: Write) -> FoundImage:
        """Return the image that a reference names, pulled if need be.

        :param write: takes a line of the log.
        :raises NoImagesError: if this machine has no engine that answers, or the tier cannot use images.
        :raises ImageError: if the engine has no such image and cannot pull it, or it is for another machine.
        """
        found = await self._found(reference, write)
        if found.platform != build_platform():
            what = f"the image `{reference}` is for {found.platform}, and this machine is {build_platform()}"
            raise ImageError(what, f"an image for {build_platform()}")
        return found

    async def layer(self, image: FoundImage, blueprint: str, write: Write) -> str:
        """Return the layer that holds the file system of an image.

        :param blueprint: the id of the blueprint that needs it.
        :param write: takes a line of the log.
        :raises ImageError: if the engine cannot write it out.
        :raises EngineError: if it cannot be kept.
        """
        async with self._cache.turn(image.key):
            _, layer = self._cache.prefix([image.key], blueprint)
            if layer is None:
                write("info", f"import the file system of {image.shown}")
                layer = await self._engine.layers.import_root(lambda out: self._export(image, out))
                self._cache.keep(image.key, layer, blueprint)
        return layer

    # Looking

    async def _found(self, reference: str, write: Write) -> FoundImage:
        able, refusals = [], []
        for cli in self._candidates():
            try:
                if found := await self._inspected(cli, reference):
                    return found
                able.append(cli)
            except CliError as error:
                # One question less where all is well: whether it answers at all.
                if await _answers(cli):
                    what = f"{cli.program} cannot look for `{reference}`: {error}"
                    raise ImageError(what, "the name of an image") from error
                refusals.append(f"{cli.program}: {_last_line(error)}")
        if not able:
            raise NoImagesError(f"no container engine answers here ({'; '.join(refusals)})")
        return await self._pulled(able[0], reference, write)

    def _candidates(self) -> Sequence[ContainerCli]:
        if Capability.OWN_ROOT not in self._engine.capabilities:
            what = f"the isolation tier `{self._engine.tier}` cannot use the images of a container engine"
            raise NoImagesError(what)
        try:
            clis = candidates(os.environ)
        except CliError as error:
            raise ImageError(str(error), f"{CHOICE}=docker, podman or none") from error
        if not clis:
            raise NoImagesError("there is no container engine here")
        return clis

    async def _pulled(self, cli: ContainerCli, reference: str, write: Write) -> FoundImage:
        write("info", f"pull `{reference}` with {cli.program}")
        try:
            await cli.run("pull", reference, seconds=_PULL)
            found = await self._inspected(cli, reference)
        except CliError as error:
            raise ImageError(
                f"there is no image `{reference}` here, and {cli.program} cannot pull it: {error}",
                f"an image that `{cli.program} images` lists, a registry that can be reached,"
                f" or {CHOICE}=none, which lets this machine's system stand for images",
            ) from error
        if found is not None:
            return found
        raise ImageError(f"{cli.program} pulled `{reference}` and does not have it", "another name for it")

    async def _inspected(self, cli: ContainerCli, reference: str) -> FoundImage | None:
        view = await self._views.get(cli, reference)
        if view is None:
            return None
        identifier = view["Id"] if ":" in view["Id"] else f"sha256:{view['Id']}"
        return FoundImage(cli, identifier, f"{view['Os']}/{view['Architecture']}", config_of(view))

    # Writing out

    async def _export(self, image: FoundImage, out: int) -> None:
        await self._sweep(image.cli)
        labels = [f"--label={_SERVER}={self._presence.id}", f"--label={_PLACE}={self._presence.place}"]
        # The command, which never runs, is for images that have none.
        create = ["create", "--network=none", *labels, image.id, "/never-run"]
        container = ""
        try:
            container = (await image.cli.run(*create, seconds=_CREATE)).strip()
            await image.cli.run("export", container, seconds=_EXPORT, output=out)
        except CliError as error:
            what = f"{image.cli.program} cannot write out the image {image.shown}: {error}"
            raise ImageError(what, f"`{image.cli.program} create` and `export` to succeed") from error
        finally:
            if container:
                await _remove(image.cli, container)

    async def _sweep(self, cli: ContainerCli) -> None:
        """Remove the containers that servers left which died meanwhile."""
        if cli.program in self._swept:
            return
        self._swept.add(cli.program)
        try:
            listed = await cli.run(
                "ps", "--all", "--quiet", f"--filter=label={_PLACE}={self._presence.place}"
            )
            if not listed.split():
                return
            views = json.loads(await cli.run("inspect", "--type=container", *listed.split()))
        except CliError:
            return
        living = self._presence.living()
        for view in views:
            if view["Config"]["Labels"].get(_SERVER) not in living:
                await _remove(cli, view["Id"])


async def _remove(cli: ContainerCli, container: str) -> None:
    with suppress(CliError):
        await asyncio.shield(cli.run("rm", "--force", "--volumes", container))


async def _answers(cli: ContainerCli) -> bool:
    try:
        await cli.run("version", seconds=_LOOK)
    except CliError:
        return False
    return True


def _last_line(error: CliError) -> str:
    return str(error).splitlines()[-1]


def config_of(view: Mapping[str, Any]) -> ImageConfig:
    """Return the configuration of an image, from what `inspect` shows of it."""
    config = {name: value for name, value in (view.get("Config") or {}).items() if value}
    pairs = [entry.partition("=") for entry in config.get("Env", ())]
    return ImageConfig(
        environment={name: value for name, _, value in pairs},
        working_dir=config.get("WorkingDir", "/"),
        user=config.get("User", ""),
        shell=tuple(config.get("Shell", DEFAULT_SHELL)),
        entrypoint=tuple(config["Entrypoint"]) if "Entrypoint" in config else None,
        command=tuple(config["Cmd"]) if "Cmd" in config else None,
        labels=config.get("Labels", {}),
        exposed_ports=tuple(config.get("ExposedPorts", ())),
        volumes=tuple(config.get("Volumes", ())),
        healthcheck=_healthcheck(config["Healthcheck"]) if "Healthcheck" in config else None,
        stop_signal=config.get("StopSignal"),
        author=view.get("Author") or None,
        onbuild=tuple(config.get("OnBuild", ())),
    )


def _healthcheck(view: Mapping[str, Any]) -> Healthcheck | None:
    if not view.get("Test"):
        return None
    return Healthcheck(
        tuple(view["Test"]),
        interval=view.get("Interval", 0) / _NANOSECONDS,
        timeout=view.get("Timeout", 0) / _NANOSECONDS,
        start_period=view.get("StartPeriod", 0) / _NANOSECONDS,
        start_interval=view.get("StartInterval", 0) / _NANOSECONDS,
        retries=view.get("Retries", 0),
    )
