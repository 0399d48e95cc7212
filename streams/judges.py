"""The judge of a worker: the lists that come with packages, and the files and numbers that settings name."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from math import ceil
from pathlib import Path

from connectors.settings import SettingsError
from schemas.sighting import Sign
from streams.domain.junk import Asked, Judge

SETTING = "LEADSTREAM_HOSTING_FILE"
FINEST = {4: 24, 6: 48}  # of an address we keep no more than this (`connectors.sources.reading.truncated`)


def judge(heeded: Iterable[str], hosting_file: str, forms_per_hour: int, partitions: int) -> Judge:
    """Return the judge. Raises `SettingsError`.

    A network's forms are spread over the partitions by visitor, so each partition heeds its share of the limit.
    """
    return Judge(
        crawler=crawlers(),
        hosting=within(ranges(hosting_file)),
        disposable=disposable(),
        heeded=frozenset(Sign(sign) for sign in heeded),
        network_forms=max(ceil(forms_per_hour / partitions), 1),
    )


def crawlers() -> Asked:
    """Return what knows crawlers by their user agents, from the package `crawler-user-agents`."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    known = re.compile("|".join(it["pattern"] for it in CRAWLER_USER_AGENTS_DATA))
    return lru_cache(maxsize=16_384)(lambda agent: known.search(agent) is not None)


def disposable() -> Asked:
    """Return what knows domains of throw-away addresses, and what lies below them, from `disposable-email-domains`.

    >>> known = disposable()
    >>> known("mailinator.com"), known("eu.mailinator.com"), known("example.com")
    (True, True, False)
    """
    from disposable_email_domains import blocklist

    @lru_cache(maxsize=16_384)
    def known(domain: str) -> bool:
        labels = domain.split(".")
        return any(".".join(labels[at:]) in blocklist for at in range(len(labels) - 1))

    return known


def ranges(path: str) -> list[tuple[int, int]]:
    """Return the ranges of addresses in a file, merged and in order; none for "".

    One network a line (`203.0.113.0/24`, `2001:db8::/32`); what follows a `#` or a comma is a remark. Raises
    `SettingsError`, with the line.
    """
    found = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines() if path else []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{SETTING}={path} cannot be read ({type(error).__name__}); name a text file") from None
    for number, line in enumerate(lines, 1):
        text = re.split(r"[#,]", line, maxsplit=1)[0].strip()
        if not text:
            continue
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise SettingsError(f"{SETTING}={path}, line {number}: not a network; write 203.0.113.0/24") from None
        if network.prefixlen <= FINEST[network.version]:  # a smaller one cannot be told from its neighbours
            found.append((_number(str(network.network_address)), _number(str(network.broadcast_address))))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def within(found: list[tuple[int, int]]) -> Asked:
    """Return what tells whether an address lies in one of the ranges.

    >>> known = within([(_number("203.0.113.0"), _number("203.0.113.255"))])
    >>> known("203.0.113.0"), known("203.0.114.0"), known("2001:db8::"), known("unknown")
    (True, False, False, False)
    """
    starts = [first for first, _ in found]

    @lru_cache(maxsize=16_384)
    def known(address: str) -> bool:
        try:
            number = _number(address)
        except ValueError:
            return False
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= found[at][1]

    return known if found else lambda _: False


def _number(address: str) -> int:
    """Return an address as a number of its own: IPv6 ones follow all of IPv4. Raises `ValueError`."""
    found = ip_address(address)
    return int(found) + ((1 << 32) if found.version == 6 else 0)
