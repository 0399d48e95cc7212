"""Who an event is about: identifiers made comparable, those that stand for nobody refused, and the ids that follow.

An event belongs to the lead of its e-mail, else of its phone, its user id, a role mailbox, its visitor.
A role mailbox (info@, sales@) is a desk, not a person: it may be a lead of its own, but it never joins two.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from schemas.keys import pseudonym
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


NOBODY = words("-1 null none nil nan undefined unknown anonymous guest true false test n/a") | {"[object object]"}
ROLES = words("""
    abuse accounts admin billing contact contato desk donotreply enquiries hello help hr info jobs kontakt mail
    marketing no-reply noreply office orders postmaster press privacy reception root sales security service
    support team webmaster
""")
FREE_MAIL = words("""
    126.com 163.com aol.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.de gmx.net googlemail.com hey.com
    hotmail.co.uk hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru
    me.com msn.com naver.com orange.fr outlook.com outlook.de pm.me proton.me protonmail.com qq.com rediffmail.com
    t-online.de tutanota.com web.de wp.pl yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com
    yandex.ru ymail.com zoho.com
""")
LONGEST = 256
ZEROS = "0-"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LEAD = re.compile(r"[vupec]-[0-9a-f]{24}")
_PHONE_NOISE = str.maketrans("", "", " \t\u00a0().-/")


class Known(NamedTuple):
    """The usable identifiers of one event, normalised; "" = not there. `mailbox` is an e-mail address of a role."""

    visitor: str = ""
    user: str = ""
    email: str = ""
    phone: str = ""
    mailbox: str = ""
    lead: str = ""


def known(identifiers: Identifiers) -> Known:
    """Return what remains of an event's identifiers. Raises `Rejected`: MISSING_ID, or JUNK_ID when none is usable.

    >>> known(Identifiers(visitor="null", email=" Jane.Doe@Example.COM ")).email
    'jane.doe@example.com'
    """
    address, user = email(identifiers.email), token(identifiers.user)
    if not address and "@" in user and (address := email(user)):
        user = ""  # many sites use the address as their user id: one person, one id
    desk = bool(address) and is_role(address)
    found = Known(
        visitor=token(identifiers.visitor),
        user=user,
        email="" if desk else address,
        phone=phone(identifiers.phone),
        mailbox=address if desk else "",
        lead=lead if (lead := identifiers.lead.strip()) and _LEAD.fullmatch(lead) else "",
    )
    if not any(found):
        given = any((identifiers.visitor, identifiers.user, identifiers.email, identifiers.phone, identifiers.lead))
        raise Rejected(Reason.JUNK_ID if given else Reason.MISSING_ID, "identifiers")
    return found


def token(text: str) -> str:
    """Return a visitor or user id without surrounding blanks; "" when it stands for nobody.

    >>> token(" 42 "), token("000-00"), token("[object Object]"), token("NaN")
    ('42', '', '', '')
    """
    text = text.strip()
    if not text or len(text) > LONGEST or not text.strip(ZEROS) or text.lower() in NOBODY:
        return ""
    return text


def email(text: str) -> str:
    """Return an e-mail address in lower case, its domain in ASCII; "" when it is none, or a tester's.

    >>> email("Jörg@Bücher.example"), email("test@example.com"), email("nobody")
    ('jörg@xn--bcher-kva.example', '', '')
    """
    if not text:
        return ""
    text = text.strip().rstrip(".").lower()
    if len(text) > LONGEST or not _EMAIL.fullmatch(text):
        return ""
    local, _, domain = text.rpartition("@")
    if local in NOBODY or not local.strip(ZEROS):
        return ""
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return ""
    return f"{local}@{domain}"


def phone(text: str) -> str:
    """Return an international phone number as +digits (E.164); "" without a country code: it could be anyone's.

    >>> phone("+44 (20) 7946-0958"), phone("0049 30 901820"), phone("030 901820"), phone("+1 111 111 1111")
    ('+442079460958', '+4930901820', '', '')
    """
    if not text:
        return ""
    digits = text.strip().translate(_PHONE_NOISE)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    number = digits[1:]
    if digits[:1] != "+" or not (number.isascii() and number.isdigit()) or not 8 <= len(number) <= 15:
        return ""
    return "" if number[0] == "0" or len(set(number[3:])) == 1 else digits


def is_role(address: str) -> bool:
    """Tell whether an address is a role's, not a person's.

    >>> is_role("info@example.com"), is_role("sales+eu@example.com"), is_role("jane@example.com")
    (True, True, False)
    """
    return address.partition("@")[0].partition("+")[0] in ROLES


def account_of(address: str, registrable: Callable[[str], str]) -> str:
    """Return the business domain of an address; "" for free mail. `registrable` maps `eu.example.com` to `example.com`.

    >>> account_of("jane@example.com", str), account_of("jane@gmail.com", str)
    ('example.com', '')
    """
    domain = address.rpartition("@")[2]
    if not domain or domain in FREE_MAIL:
        return ""
    found = registrable(domain)
    return "" if found in FREE_MAIL else found


class Ids:
    """Pseudonymous ids of one event's identifiers, for one pepper."""

    def __init__(self, pepper: bytes) -> None:
        self._hash = lru_cache(maxsize=16_384)(lambda kind, value: pseudonym(kind, value, pepper))

    def visitor(self, who: Known) -> str:
        """Return the anonymous lead's id, "" without a visitor."""
        return self._hash("v", who.visitor) if who.visitor else ""

    def user(self, who: Known) -> str:
        """Return the user lead's id, "" without a user id."""
        return self._hash("u", who.user) if who.user else ""

    def person(self, who: Known) -> str:
        """Return the lead that an address or number of a person's own proves, "" without one."""
        if who.email:
            return self._hash("e", who.email)
        return self._hash("p", who.phone) if who.phone else ""

    def desk(self, who: Known) -> str:
        """Return the role mailbox's lead, "" without one."""
        return self._hash("e", who.mailbox) if who.mailbox else ""

    def network(self, address: str) -> str:
        """Return the name of a network: its address is nobody's business."""
        return self._hash("n", address)

    def key(self, who: Known) -> str:
        """Return the key under which an event has to arrive: by its visitor, else user, e-mail, phone, lead."""
        return self.visitor(who) or self.user(who) or self.desk(who) or self.person(who) or who.lead
