"""What one person does: visits, says who they are, reads mail, and what becomes of it. All chance comes from `rng`."""

import random

from streams.demo import payloads
from streams.demo.odds import SENIORITY, Seen, chance
from streams.demo.payloads import Campaign
from streams.demo.people import CAMPAIGNS, PAID, Person, Role
from streams.demo.sends import Event

DAY = 86_400.0
PERIOD = 30 * DAY
PAGES = ("/", "/blog", "/docs", "/customers")
NOISE = 0.3
MACHINE = 0.3
UNSUBSCRIBED = 0.05


class Diary:
    """One person's events so far, and what an onlooker would have counted."""

    def __init__(self, who: Person, rng: random.Random, start: float) -> None:
        self.who, self.rng, self.now = who, rng, start
        self.events: list[Event] = []
        self.pricing = self.clicks = 0
        self.demo = self.known = False
        self.idle_days = 0.0

    def id(self) -> str:
        """Return the id of the next event."""
        return f"{self.who.visitor}-{len(self.events)}"

    def likely(self, base: float, pull: float = 0.15) -> bool:
        """Draw something that happens more often to people of higher intent."""
        return self.rng.random() < base + pull * self.who.intent

    def visit(self, campaign: Campaign | None, pages: int) -> None:
        """A visit: pages some minutes apart, pricing and a request for a demonstration as intent has it."""
        for number in range(pages):
            path = "/pricing" if self.likely(0.22) else self.rng.choice(PAGES)
            self.pricing += path == "/pricing"
            came_by = campaign if number == 0 else None
            self.events.append(payloads.page(self.who, self.now, self.id(), path, came_by, known=self.known))
            self.now += self.rng.expovariate(1 / 90.0)
        if self.known and not self.demo and self.likely(0.15, 0.2):
            self.events.append(payloads.track(self.who, self.now, self.id(), "Demo Requested"))
            self.demo = True

    def introduce(self) -> None:
        """The visitor says who they are, and whom they work for."""
        self.known = True
        self.events.append(payloads.identify(self.who, self.now, self.id(), payloads.position(self.who)))
        self.now += 2.0
        self.events.append(payloads.group(self.who, self.now, self.id()))
        self.now += 20.0

    def mailing(self, number: int) -> bool:
        """A message and what became of it. Return False when it made them unsubscribe."""
        message = f"{self.who.visitor}-m{number}"
        steps: list[tuple[str, float, bool]] = [("delivered", 0.0, False)]
        if self.rng.random() < MACHINE:
            steps.append(("open", 1.0, True))
        if self.likely(0.45):
            steps.append(("open", self.rng.uniform(60, 20_000), False))
            if self.likely(0.35, 0.2):
                steps.append(("click", 30.0, False))
                self.clicks += 1
            elif self.rng.random() < UNSUBSCRIBED:
                steps.append(("unsubscribe", 40.0, False))
        for event, pause, machine in steps:
            self.now += pause
            self.events.append(payloads.mail(self.who, self.now, self.id(), event, message, machine=machine))
        return steps[-1][0] != "unsubscribe"

    def rest(self, days: float) -> None:
        """Some time passes."""
        self.idle_days = self.rng.expovariate(1 / days)
        self.now += self.idle_days * DAY

    def seen(self) -> Seen:
        """Return what sales could have observed."""
        who = self.who
        paid = who.role is Role.AD_LEAD or (who.campaign is not None and who.campaign[1] in PAID)
        return Seen(
            SENIORITY[who.title],
            who.company.employees,
            who.company.industry,
            self.pricing,
            self.demo,
            self.clicks,
            paid,
            self.idle_days,
        )

    def close(self) -> None:
        """Sales talks to the lead; some days later the CRM says what came of it."""
        won = self.rng.random() < chance(self.seen(), self.rng.gauss(0.0, NOISE))
        self.now += self.rng.uniform(1.0, 4.0) * DAY
        if won:
            self._outcome("meeting")
            if self.rng.random() < 0.6:
                self.now += self.rng.uniform(0.5, 2.0) * DAY
                self._outcome("won", value=50.0 * self.who.company.employees)
        elif SENIORITY[self.who.title] < 0 or self.rng.random() < 0.2:
            self._outcome("disqualified", reason="no budget")
        else:
            self._outcome("lost", reason="no decision")

    def _outcome(self, kind: str, value: float = 0.0, reason: str = "") -> None:
        self.events.append(payloads.outcome(self.who.email, self.now, self.id(), kind, value=value, reason=reason))


def journey(who: Person, rng: random.Random, start: float) -> list[Event]:
    """Return all that one person does from `start` on, in time order."""
    diary = Diary(who, rng, start)
    if who.role is Role.BOT:
        diary.visit(None, pages=rng.randint(5, 12))
    elif who.role is Role.STRANGER:
        for _ in range(rng.randint(1, 2)):
            diary.visit(who.campaign, pages=rng.randint(1, 3))
            diary.rest(2.0)
    elif who.role is Role.AD_LEAD:
        diary.events.append(payloads.lead_form(who, diary.now, diary.id(), test=rng.random() < 0.05))
        diary.now += 30.0
        if diary.likely(0.6):
            diary.visit(("google", "cpc", "lead-form"), pages=rng.randint(1, 3))
            diary.introduce()
        _nurture(diary)
    else:
        for _ in range(rng.randint(1, 3)):
            diary.visit(who.campaign, pages=rng.randint(1, 3))
            diary.rest(0.8)
        diary.introduce()
        diary.visit(None, pages=rng.randint(1, 3))
        _nurture(diary)
    return diary.events


def _nurture(diary: Diary) -> None:
    """Mail and further visits until sales talks to the lead."""
    rng = diary.rng
    for number in range(rng.randint(1, 2)):
        diary.rest(0.5)
        if not diary.mailing(number):
            break
        if diary.likely(0.4):
            diary.rest(0.5)
            diary.visit(rng.choice(CAMPAIGNS), pages=rng.randint(1, 3))
    diary.close()
