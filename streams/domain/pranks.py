"""What people write who do not want to be known, or want to be read by somebody else: names that are none, and links.

What could be anybody's name is nobody's prank: Wertz, Trew, Reza and Смит are walks over a keyboard, too. So a walk
counts only where no name is: from where a row begins, without a vowel on its way, or six keys long.
"""

import re
from functools import lru_cache

ROWS = {  # from their first key on, so many keys make a walk
    "qwertyuiop": 4,
    "qwertzuiop": 4,
    "azertyuiop": 6,  # Azer is a name
    "asdfghjkl": 4,
    "qsdfghjklm": 4,
    "zxcvbnm": 4,
    "yxcvbnm": 4,
    "wxcvbn": 4,
    "йцукенгшщзхъ": 4,
    "фывапролджэ": 4,
    "ячсмитьбю": 4,
}
VOWELS = frozenset("eiouyауоыиэяюёе")  # noqa: RUF001 - of two alphabets
LONGEST, MIDDLE, UNIT = 6, 4, 3
NOBODY = frozenset(
    {
        *("test", "test test", "test user", "test lead", "foo bar", "abc", "asd", "asd asd", "lorem ipsum"),
        *("first last", "first name last name", "firstname lastname", "your name", "vorname nachname", "prénom nom"),
        *("max mustermann", "erika mustermann", "mickey mouse", "donald duck", "no name", "none of your business"),
    }
)
NO_ADDRESS = frozenset(
    {"firstname.lastname", "name.surname", "your.name", "yourname", "your.email", "youremail", "fake"}
)
MOST_LINKS = 2  # who asks about a page names it; who names three has something to sell
_LETTERS = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"https?://|\bwww\.\w|\b[\w-]+\.(?:com|net|org|info|ru|ly|me|io|gl|cc|xyz|top)/\w", re.IGNORECASE)
_MARKUP = re.compile(r"\[url[=\]]|<a\s+href", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def is_made_up(name: str) -> bool:
    """Tell whether a whole name is none: each of its words a walk over a keyboard, or a name that stands for nobody.

    >>> is_made_up("Asdf Qwerty"), is_made_up("test"), is_made_up("Jean Test"), is_made_up("Wertz"), is_made_up("")
    (True, True, False, False, False)
    """
    words = _LETTERS.findall(name.lower())
    return " ".join(words) in NOBODY or (bool(words) and all(is_mash(word) for word in words))


@lru_cache(maxsize=16_384)
def is_made_up_address(address: str) -> bool:
    """Tell whether what stands before the @ is a walk over a keyboard, or a form's example.

    >>> [is_made_up_address(f"{local}@example.com") for local in ("asdf12", "your.name", "reza", "j.trew")]
    [True, True, False, False]
    """
    local = address.rpartition("@")[0].lower()
    return local in NO_ADDRESS or is_mash(local.rstrip("0123456789"))


def is_mash(word: str) -> bool:
    """Tell whether a word in lower case is one key pressed three times or more, a walk, or a short walk over and over.

    >>> [is_mash(word) for word in ("xxx", "asdf", "hjkl", "qweqwe", "poiuyt", "lulu", "wert", "смит")]
    [True, True, True, True, True, False, False, False]
    """
    if len(word) < UNIT or not word.isalpha():
        return False
    if len(set(word)) == 1:
        return word.isascii()
    return _is_walk(word) or any(
        word == word[:size] * (len(word) // size) and _is_walk(word[:size], UNIT)
        for size in range(UNIT, len(word) // 2 + 1)
        if len(word) % size == 0
    )


def _is_walk(word: str, shortest: int = MIDDLE) -> bool:
    """Tell whether a word goes along a row: `shortest` keys without a vowel, or from the row's start, else six."""
    bare = not VOWELS & set(word)
    for row, begins in ROWS.items():
        at = row.find(word)
        needed = shortest if bare or (at == 0 and begins == MIDDLE) else LONGEST
        if (at >= 0 or word in row[::-1]) and len(word) >= needed:
            return True
    return False


def is_advertising(said: str) -> bool:
    """Tell whether words of somebody's own are there for their links: marked up, or more than two.

    >>> is_advertising("See https://a.example and www.b.example"), is_advertising("[url=https://a.example]win[/url]")
    (False, True)
    """
    return bool(said) and (_MARKUP.search(said) is not None or len(_LINK.findall(said)) > MOST_LINKS)


@lru_cache(maxsize=16_384)
def is_link(name: str) -> bool:
    """Tell whether there is a link where a person's name belongs.

    >>> is_link("Win $500 bit.ly/x1"), is_link("J.R.R. Tolkien"), is_link("Anne-Marie O'Neill")
    (True, False, False)
    """
    return _LINK.search(name) is not None or _MARKUP.search(name) is not None
