"""Keys: kept as hashes, two of a name while one is changed, from their origins alone."""

import json

import pytest
from typer.testing import CliRunner

from connectors.keyring import KeyRing, digest_of
from connectors.settings import CollectorSettings, SettingsError
from streams.cli import app

SHOP, BLOG = "https://shop.example", "https://blog.example"


def test_two_keys_of_a_name_are_good_while_one_is_changed_and_three_are_a_mistake() -> None:
    ring = KeyRing.parse("shop:old,shop:new,blog:other")
    assert [ring.owner(key) for key in ("old", "new", "other", "none")] == ["shop", "shop", "blog", ""]
    with pytest.raises(ValueError, match="more than 2 keys"):
        KeyRing.parse("shop:a,shop:b,shop:c")


def test_a_key_may_be_given_as_its_hash_and_the_hash_opens_nothing() -> None:
    hashed = f"sha256={digest_of('k1').hex()}"
    ring = KeyRing.parse(f"shop:{hashed}")
    assert ring.owner("k1") == "shop"
    assert not ring.owner(hashed)


def test_a_key_with_origins_is_used_from_them_alone() -> None:
    ring = KeyRing.parse(f"shop:k1;origins={SHOP}|{BLOG},server:k2")
    assert [ring.owner("k1", origin) for origin in (SHOP, BLOG, "https://evil.example", "", "null")] == [
        "shop",
        "shop",
        "",
        "",
        "",
    ]
    assert ring.owner("k2") == ring.owner("k2", SHOP) == "server"
    assert ring.origins == {SHOP, BLOG}


@pytest.mark.parametrize(
    "origin", ["https://shop.example/", "https://shop.example/shop", "shop.example", "javascript:alert", "*", "null"]
)
def test_an_origin_that_no_browser_sends_is_refused_and_told(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        KeyRing.parse(f"shop:k1;origins={origin}")
    drawn = CliRunner().invoke(app, ["keys", "new", "shop", "--origin", origin])
    assert (drawn.exit_code, drawn.stdout) == (2, "")
    assert "is no origin" in drawn.stderr
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LEADSTREAM_PEPPER": "pepper-for-tests-only"}
    with pytest.raises(SettingsError, match="LEADSTREAM_CORS_ORIGINS"):
        CollectorSettings.read(environ | {"LEADSTREAM_CORS_ORIGINS": origin})


@pytest.mark.parametrize("text", ["shop", "shop:", ":k1", "shop:sha256=zz", "shop:sha256=00ff", ";origins=https://a"])
def test_a_ring_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        KeyRing.parse(text)


def test_a_ring_shows_names_only() -> None:
    shown = repr(KeyRing.parse("shop:secret-1"))
    assert shown == "KeyRing(shop)"


def test_a_new_key_fits_its_entry_and_no_two_are_alike() -> None:
    drawn = [
        json.loads(CliRunner().invoke(app, ["keys", "new", "shop", "--origin", SHOP, "--json"]).stdout) for _ in "ab"
    ]
    assert drawn[0]["key"] != drawn[1]["key"]
    assert KeyRing.parse(drawn[0]["entry"]).owner(drawn[0]["key"], SHOP) == "shop"
    assert not KeyRing.parse(drawn[0]["entry"]).owner(drawn[1]["key"], SHOP)
    assert CliRunner().invoke(app, ["keys", "new", "a:b"]).exit_code
