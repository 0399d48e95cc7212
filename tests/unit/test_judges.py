"""The judge that settings make: the packages' lists, and a file of networks."""

from pathlib import Path

import pytest

from connectors.settings import SettingsError
from schemas.sighting import Sign
from streams.judges import crawlers, judge, ranges, within


@pytest.mark.parametrize(
    ("agent", "crawler"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", True),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            True,
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0", False),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1",
            False,
        ),
        ("", False),
    ],
)
def test_crawlers_are_known_by_their_own_names(agent: str, crawler: bool) -> None:
    assert crawlers()(agent) is crawler


def test_a_file_of_networks_is_read_with_remarks_merged_and_without_what_cannot_be_told(tmp_path: Path) -> None:
    file = tmp_path / "hosting.txt"
    file.write_text(
        "# two halves, and one in the other\n198.51.100.0/24\n198.51.101.0/24, a provider\n198.51.0.0/17 # all of it\n"
        "203.0.113.64/26\n\n2001:db8::/32\n"
    )
    found = ranges(str(file))
    known = within(found)
    assert len(found) == 2
    assert [known(it) for it in ("198.51.100.0", "198.51.128.0", "203.0.113.0", "2001:db8:7::", "::1")] == [
        True,
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("text", "said"), [("10.0.0.0/8\nhosting\n", "line 2"), (None, "cannot be read")])
def test_a_wrong_file_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "hosting.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=f"LEADSTREAM_HOSTING_FILE=.*{said}"):
        ranges(str(file))


def test_each_partition_heeds_its_share() -> None:
    assert [judge(Sign, "", 60, partitions).network_forms for partitions in (1, 4, 7, 100)] == [60, 15, 9, 1]
