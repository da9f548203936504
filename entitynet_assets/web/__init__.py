"""The door to the internet: one polite client; every outcome is a value, never an exception.

Belongs here: identification, quotas, pace per host, Retry-After, deadlines, byte caps, redirects, which addresses may be
connected to, robots.txt, opt-outs, and folders of this machine that are asked like hosts.
Does not belong here: what an answer means (graph/, hits/, images/), where it is kept (lake.py).
"""

from entitynet_assets.web.addresses import PORTS, Reach, host_of, place_of
from entitynet_assets.web.client import Web
from entitynet_assets.web.messages import PASSING, Answer, Request, rest_s, retry_after_s
from entitynet_assets.web.quota import Limit, Quota, QuotaFile

__all__ = [
    "PASSING", "PORTS", "Answer", "Limit", "Quota", "QuotaFile", "Reach", "Request", "Web", "host_of", "place_of", "rest_s",
    "retry_after_s",
]  # fmt: skip
