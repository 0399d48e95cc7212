"""Names that are none are told from names: people of many tongues are let through, walks over keyboards are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.pranks import ROWS, is_advertising, is_link, is_made_up, is_made_up_address, is_mash

PEOPLE = """
    Jane Doe, John Smith, Jon Tester, Jennifer Null, Jean Test, Maria Wertz, Trew Smith, Fred Dassler, Pia Poiret,
    Ed Wert, Reza Pahlavi, Azer Bülbül, Zaza Pachulia, Junjun Binay, Lulu Lala, Bobo Bo, Mimi Li, Xi Xi, Na Li, Ng Ng,
    Wu Wei, O O, Bao Bao, Foo Mee Har, Abe Bar, Abdul Asad, Saad Saad, Dadda Dad, Hrvoje Krk, Grgur Vlk, Zmrzlý Smrž,
    Yu Yu, Bryn Llwyd, Llŷr Gwyn, Nguyễn Văn An, Trần Thị Hoa, Phạm Phú Quốc, Xyooj Vaj, Mkrtchyan Mkrtich,
    Qwest Jones, Zbigniew Brzeziński, Mzia Mchedlishvili, Poi Poipoi, Sasa Sasa, Aaliyah Aaronson, Sofía Ñíguez,
    Siobhán Ní Bhriain, Þór Jónsson, Åsa Ås, Øyvind Øy, Jürgen Qvist, Yuio Tamura, Gert Rewt, Ilhan Öztürk, Şule Işık,
    Oğuz Iğdır, Keanu Kealiʻi, Hiʻilei Kaʻaʻawa, Иван Смит, Анна Фы, Олег Прол, Апр Ропа, Юрий Цой, Μαρία Παππά, 李明,
    李李, 王芳芳芳, 田中 太郎, すずき いちろう, 김민수, 나 나, สมชาย ใจดี, محمد محمد, علي علي, דוד כהן, आर्या शर्मा,
    Ọlájídé Adébáyọ̀, Nkosazana Dlamini, Ntwanano Mthethwa, Sdravko Zdravkov, Anne-Marie O'Neill, J.R.R. Tolkien,
    St. John Rivers, Max Muster, Erika Mann, Mickey Rourke, Donald Trump, Don Duck
"""  # noqa: RUF001 - these letters are their names'
NAMES = [name.strip() for name in PEOPLE.split(",")]
PRANKS = """
    asdf, Asdf Asdf, asdfghjkl, qwerty, Qwertz, azerty, zxcvbn, hjkl, sdfsdf, qweqweqwe, xxx, AAAA aaaa, lkjh, poiuyt,
    йцукен, фыва фыва, test, Test  Test, foo bar, Max Mustermann, First Last
"""
MADE_UP = [name.strip() for name in PRANKS.split(",")]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_person_is_one(name: str) -> None:
    assert not is_made_up(name)
    assert not is_link(name)
    assert not any(is_mash(word) for word in name.lower().split())


@pytest.mark.parametrize("name", NAMES)
def test_nor_is_an_address_made_of_a_name(name: str) -> None:
    words = name.lower().split()
    for local in (".".join(words), "".join(words), words[-1], words[0][0] + words[-1], f"{words[0]}1984"):
        assert not is_made_up_address(f"{local}@example.com")


@pytest.mark.parametrize("name", MADE_UP)
def test_a_walk_and_a_stand_in_are_none(name: str) -> None:
    assert is_made_up(name)


@pytest.mark.parametrize("local", ["asdf", "asdf123", "qwerty", "hjklhjkl", "xxx", "firstname.lastname", "your.name"])
def test_an_address_may_be_made_up_by_its_local_part(local: str) -> None:
    assert is_made_up_address(f"{local}@example.com")


@given(st.sampled_from(sorted(ROWS)), st.integers(0, 3), st.integers(6, 9), st.booleans())
def test_six_keys_in_a_row_are_a_walk_from_anywhere_either_way(row: str, at: int, keys: int, back: bool) -> None:
    walk = row[at : at + keys]
    if len(walk) >= 6:
        assert is_mash(walk[::-1] if back else walk)


@given(st.text(max_size=40))
def test_whatever_is_written_is_judged(said: str) -> None:
    assert {type(ask(said)) for ask in (is_made_up, is_made_up_address, is_link, is_advertising)} == {bool}


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("", False),
        ("Do you integrate with https://www.example.com/api?", False),
        ("Our site is www.example.com, theirs https://shop.example. Same price?", False),
        ("see https://a.example https://b.example https://c.example", True),
        ("<a href='https://casino.example'>win</a>", True),
        ("[URL]https://casino.example[/URL]", True),
        ("Version 2.0/3.1 of node.js/deno, and/or 10.0.0.0/8", False),
    ],
)
def test_a_question_may_name_pages_and_an_advertisement_is_one(said: str, due: bool) -> None:
    assert is_advertising(said) is due


@pytest.mark.parametrize(
    "name", ["Win $500 https://casino.example", "bit.ly/x1y2", "WWW.CASINO.EXAMPLE", "[url=x]Jane[/url]"]
)
def test_a_link_is_nobodys_name(name: str) -> None:
    assert is_link(name)
