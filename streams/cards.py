"""The scorecard file: points for what leads are and do, in YAML. The usual one is streams/scorecard.yaml."""

from math import log
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.settings import SettingsError
from connectors.written import NotReadError, loaded
from schemas.records import Kind
from streams.domain.card import NO_BOUND, Bounds, Card, Fade, Rule, Stated
from streams.domain.profile import PAID

SETTING = "LEADSTREAM_SCORECARD_FILE"
USUAL = Path(__file__).parent / "scorecard.yaml"
KINDS = frozenset({*(kind.value for kind in Kind), PAID})
CONDITIONS = ("event", "trait", "quiet_days")
OF_EVENTS = ("per_day", "half_life_days", "gone_after_days")
OF_TRAITS = ("is_", "has_word", "at_least", "at_most", "stated")
LARGEST = 1e6

Name = Annotated[str, Field(min_length=1, max_length=64)]
Group = Annotated[str, Field(pattern="^(fit|engagement)$")]
Points = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=3_650)]
Texts = Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class BoundsEntry(_Part):
    """From where to where points count."""

    floor: Points | None = None
    cap: Points | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        bounds = self.bounds()
        if not bounds.floor <= 0.0 <= bounds.cap:
            raise ValueError("floor must be 0 or less and cap 0 or more: without any event there are 0 points")
        return self

    def bounds(self) -> Bounds:
        """Return them; what is not given bounds nothing."""
        return Bounds(-NO_BOUND if self.floor is None else self.floor, NO_BOUND if self.cap is None else self.cap)


class RuleEntry(BoundsEntry):
    """One rule: points, and what they are for."""

    name: Name
    group: Group
    points: Points
    event: Name | Texts | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None
    half_life_days: Days | None = None
    gone_after_days: Days | None = None
    trait: Name | None = None
    is_: Annotated[Texts | None, Field(alias="is")] = None
    has_word: Texts | None = None
    at_least: Points | None = None
    at_most: Points | None = None
    stated: bool | None = None
    quiet_days: Days | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        said = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"give one of event, trait and quiet_days; there is {' and '.join(said) or 'none'}")
        wrong = [name for name in OF_EVENTS if self.event is None and getattr(self, name) is not None]
        wrong += [name.rstrip("_") for name in OF_TRAITS if self.trait is None and getattr(self, name) is not None]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: does not go with {said[0]}; remove it")
        if self.half_life_days and self.gone_after_days:
            raise ValueError("half_life_days and gone_after_days: points fade in one way; remove one")
        if unknown := sorted(self.events() - KINDS):
            raise ValueError(f"event: there is no event {', '.join(unknown)}; there are {', '.join(sorted(KINDS))}")
        if self.trait is not None:
            self._one_question()
        return self

    def _one_question(self) -> None:
        asked = [self.is_, self.has_word, self.stated, (self.at_least is not None or self.at_most is not None) or None]
        if sum(it is not None for it in asked) != 1:
            raise ValueError("trait: give one of is, has_word, stated, and at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is more than at_most: no number lies within")

    def events(self) -> frozenset[str]:
        """Return the kinds it is for."""
        return (
            frozenset()
            if self.event is None
            else frozenset([self.event] if isinstance(self.event, str) else self.event)
        )

    def rule(self) -> Rule:
        """Return it as the domain has it."""
        return Rule(
            name=self.name,
            group=self.group,
            points=self.points,
            events=self.events(),
            per_day=NO_BOUND if self.per_day is None else self.per_day,
            bounds=self.bounds(),
            fade=Fade(self.half_life_days or 0.0, self.gone_after_days or 0.0),
            stated=None if self.trait is None else self._stated(self.trait),
            quiet_days=self.quiet_days or 0.0,
        )

    def _stated(self, trait: str) -> Stated:
        return Stated(
            trait,
            values=frozenset(text.strip().lower() for text in self.is_ or ()),
            words=frozenset(text.strip().lower() for text in self.has_word or ()),
            at_least=-NO_BOUND if self.at_least is None else self.at_least,
            at_most=NO_BOUND if self.at_most is None else self.at_most,
            nothing=self.stated is False,
            anything=self.stated is True,
        )


class Odds(_Part):
    """What points mean."""

    at_zero: Annotated[float, Field(gt=0, lt=1)] = 0.05
    doubled_by: Annotated[float, Field(gt=0, le=LARGEST)] = 10.0


class ColdStart(_Part):
    """From when on the model has a part in the score, and when the card has none any more; in closed labels."""

    card_alone_until: Annotated[int, Field(ge=0)] = 50
    model_alone_from: Annotated[int, Field(ge=1)] = 500

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.card_alone_until >= self.model_alone_from:
            raise ValueError("model_alone_from must be more than card_alone_until")
        return self


class GroupsEntry(_Part):
    """The bounds of both groups."""

    fit: BoundsEntry = BoundsEntry()
    engagement: BoundsEntry = BoundsEntry()


class CardFile(_Part):
    """The whole file."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    odds: Odds = Odds()
    cold_start: ColdStart = ColdStart()
    groups: GroupsEntry = GroupsEntry()
    total: BoundsEntry = BoundsEntry()
    rules: Annotated[tuple[RuleEntry, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"rules: {', '.join(twice)} is there twice; give each rule a name of its own")
        return self


def card(path: str = "", setting: str = SETTING) -> Card:
    """Return the card in a file, the usual one for "". Raises `SettingsError`: file, rule, field, and what to do."""
    place = Path(path or USUAL)
    try:
        found = loaded(place)
    except NotReadError as error:
        raise _complaint(setting, path, [str(error)]) from None
    try:
        file = CardFile.model_validate(found)
    except ValidationError as error:
        raise _complaint(
            setting, path, [_fault(found, dict(fault)) for fault in error.errors(include_url=False)]
        ) from None
    odds, cold = file.odds, file.cold_start
    return Card(
        name=file.name,
        version=file.version,
        rules=tuple(rule.rule() for rule in file.rules),
        groups={"fit": file.groups.fit.bounds(), "engagement": file.groups.engagement.bounds()},
        total=file.total.bounds(),
        zero=log(odds.at_zero / (1.0 - odds.at_zero)),
        doubling=odds.doubled_by,
        alone_until=float(cold.card_alone_until),
        model_from=float(cold.model_alone_from),
    )


def _fault(found: Any, fault: dict[str, Any]) -> str:
    """Return one fault, led by the rule and the field it is at."""
    said = str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    match fault["type"]:
        case "extra_forbidden":
            said = "there is no such field; remove it, or see streams/scorecard.yaml"
        case "missing":
            said = "is missing; add it"
        case "string_pattern_mismatch":
            said = "it should be fit or engagement"
        case "model_type" if not fault["loc"]:
            return "is no mapping; write name, version and rules, as streams/scorecard.yaml has them"
    place = [part for part in fault["loc"] if not (isinstance(part, str) and ("[" in part or part in ("str", "tuple")))]
    if place[:1] == ["rules"] and len(place) > 1 and isinstance(place[1], int):
        number = place[1]
        rule = found["rules"][number]
        name = rule.get("name") if isinstance(rule, dict) else None
        place[:2] = [f"rule {number + 1}" + (f" ({name})" if name else "")]
    where = ", ".join(str(part) for part in place)
    return f"{where}: {said}" if where else said


def _complaint(setting: str, path: str, faults: list[str]) -> SettingsError:
    led = f"{setting} {path or USUAL.name}"
    return SettingsError("\n".join(dict.fromkeys(f"{led}: {fault}" for fault in faults)))
