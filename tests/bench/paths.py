# SPDX-License-Identifier: Apache-2.0
# The paths that the programs are compared on: what is true of each, as a scenario of the lab, and how often each program
# is run there.
import dataclasses

LAST_HOP_REACHED = 2  # the narrow link is behind the second of three routers, the target is the fourth hop


@dataclasses.dataclass
class Path:
    name: str
    title: str
    runs: int  # of vpndoctor
    mtu: int = 1400
    far: bool = True  # 40 ms round trip, else below a millisecond
    signalled: bool = False
    loss: float = 0.0  # each way
    rate_limits: bool = False
    open_443: bool = False  # vpndoctor then examines TCP as well, which no peer does
    family: str = "inet"
    alone: bool = False  # without the peers
    median_target: float | None = None  # seconds

    def scenario(self):
        """The path in the lab's words."""
        delays = [5, 10, 5] if self.far else [0, 0, 0]
        hops = [{"delay_ms": delay} for delay in delays]
        hops[1] |= {"mtu_bytes": self.mtu, "too_big": "send" if self.signalled else "silent", "loss_ratio": self.loss}
        if self.rate_limits:
            for hop in hops[1:]:
                hop["rate_limit"] = True
        target = {"tls_server": self.open_443, "ssh_server": True, "rate_limits": self.rate_limits}
        return {"description": self.title, "families": [self.family], "path": {"hops": hops, "target": target}}


def paths(quick):
    few, some, many = (3, 5, 10) if quick else (20, 40, 100)
    return [
        Path("hole", "black hole, 40 ms", few, median_target=0.35),
        Path("signalled", "signalled, 40 ms", few, signalled=True, median_target=0.20),
        Path("near", "black hole, below 1 ms", few, far=False, median_target=0.15),
        Path("hole6", "black hole, 40 ms, IPv6", few, family="inet6"),
        Path("signalled6", "signalled, 40 ms, IPv6", few, signalled=True, family="inet6"),
        Path("limits", "black hole, 40 ms, ICMP rate limits", few, rate_limits=True),
        Path("loss10", "black hole, 40 ms, 10 % lost each way", many, loss=0.1, median_target=0.6),
        Path("loss10odd", "the same, at 1387 bytes", many, loss=0.1, mtu=1387, median_target=0.6),
        Path("loss30", "black hole, 40 ms, 30 % lost each way", some, loss=0.3),
        Path("open443", "black hole, 40 ms, port 443 open", few, open_443=True, alone=True),
    ]
