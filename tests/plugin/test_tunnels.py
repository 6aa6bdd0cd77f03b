"""Tunnels in tests of both kinds."""

from __future__ import annotations

from .suite import Suite

_TESTS = """
import httpx

SERVE = "setsid python3 -m http.server 0 >log 2>&1 & until grep -o 'port [0-9]*' log; do sleep 0.05; done"

@pytest.mark.devbox(tunnel={"auth_mode": "open"}, environment_variables={"PYTHONUNBUFFERED": "1"})
class TestTunnel:
    def test_sync(self, devbox):
        devbox.file.write(file_path="index.html", contents="sync")
        port = int(devbox.cmd.exec(SERVE).check().stdout().split()[1])
        assert httpx.get(devbox.get_tunnel_url(port), timeout=60).text == "sync"
        assert httpx.get(devbox.net.create_tunnel(port=port).url, timeout=60).text == "sync"
        devbox.net.remove_tunnel()
        assert devbox.get_tunnel_url(port) is None

    @pytest.mark.asyncio
    async def test_async(self, async_devbox):
        await async_devbox.file.write(file_path="index.html", contents="async")
        port = int((await (await async_devbox.cmd.exec(SERVE)).stdout()).split()[1])
        async with httpx.AsyncClient(base_url=await async_devbox.get_tunnel_url(port), timeout=60) as client:
            assert (await client.get("/")).text == "async"
        await async_devbox.net.remove_tunnel()
        tunnel = await async_devbox.net.enable_tunnel(auth_mode="authenticated")
        assert tunnel == await async_devbox.get_tunnel()

    def test_a_token_is_not_reported(self, devbox):
        devbox.net.remove_tunnel()
        tunnel = devbox.net.enable_tunnel(auth_mode="authenticated")
        with open("token", "w") as file:
            file.write(tunnel.auth_token)
        info = devbox.get_info()
        assert info.tunnel is None
"""


def test_a_test_reaches_the_services_in_its_devbox(suite: Suite) -> None:
    suite.write(_TESTS)
    result = suite.run("-p", "no:xdist", "--showlocals")
    result.assert_outcomes(passed=2, failed=1)
    report = result.stdout.str()
    assert "assert TunnelView(" in report
    assert suite.path("token").read_text() not in report
    suite.nothing_is_left()
