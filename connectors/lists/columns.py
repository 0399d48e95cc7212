"""Which column of a list means what: by its usual names, as it is told, or as a YAML file says in JMESPath."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

import jmespath.exceptions
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from connectors.lists.table import Unreadable
from connectors.sources.mapping import FIELDS, IDENTITY, Expression, expression
from connectors.written import NotReadError, loaded
from schemas.rejected import Reason, Rejected

__all__ = ["ListMap", "by_names", "from_file", "told"]

OTHER_NAMES = {  # of columns, in lower case and without what is no letter; the fields' own names go without saying
    "email": "emailaddress workemail businessemail mail",
    "phone": "phonenumber workphone businessphone telephone tel mobile mobilephone",
    "name": "fullname contactname contact",
    "first_name": "firstname givenname forename",
    "last_name": "lastname surname familyname",
    "company": "companyname account accountname organisation organization employer",
    "title": "jobtitle position role",
    "employees": "companysize employeecount numberofemployees",
    "postal_code": "zip zipcode postcode",
    "region": "state province",
    "country": "countrycode",
    "user": "userid customerid",
    "campaign_source": "utmsource",
    "campaign_medium": "utmmedium",
    "campaign_name": "utmcampaign campaign",
    "occurred_at": "createdat created date timestamp submittedat consentedat optindate",
    "id": "rowid recordid leadid",
}
KNOWN = {"".join(filter(str.isalpha, field)): field for field in (*FIELDS, "occurred_at")} | {
    name: field for field, names in OTHER_NAMES.items() for name in names.split()
}
YES = frozenset({"1", "true", "yes", "y", "x", "on", "opt-in", "optin", "granted", "ja", "oui", "si", "sí"})
Purpose = Literal["contact", "ads", "analytics"]


class ListMap(BaseModel):
    """What the columns mean: each of `map` is an expression over one row, an object of texts by column.

    `id` tells a row from others ("" = all that is mapped of it); `occurred_at` says when it was; `consent` holds what
    was answered: yes, true, 1, x (anything else is a no, an empty cell no answer).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    map: dict[str, Expression]
    id: Expression | Literal[""] = ""
    occurred_at: Expression | Literal[""] = ""
    consent: dict[Purpose, Expression] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if unknown := sorted(set(self.map) - FIELDS):
            raise ValueError(f"there is no field {', '.join(unknown)}; there are {', '.join(sorted(FIELDS))}")
        if not set(self.map) & set(IDENTITY):
            raise ValueError(f"nobody could be told from anybody: map at least one of {', '.join(IDENTITY)}")
        return self

    def read(self, cells: Mapping[str, str]) -> tuple[dict[str, str], str, str, dict[str, bool]]:
        """Return a row's fields, its id, its time and its consent, as texts. Raises `Rejected(INVALID_VALUE)`."""
        fields = {field: found for field, path in self.map.items() if (found := _text(path, cells))}
        answers = {purpose: _text(path, cells) for purpose, path in self.consent.items()}
        consent: dict[str, bool] = {purpose: it.lower() in YES for purpose, it in answers.items() if it}
        return fields, _text(self.id, cells), _text(self.occurred_at, cells), consent


def by_names(columns: Iterable[str]) -> ListMap:
    """Return the map that columns' names give. Raises `Unreadable` where they name nobody."""
    found: dict[str, str] = {}
    for column in columns:
        field = KNOWN.get("".join(filter(str.isalpha, column.lower())))
        if field is not None:
            found.setdefault(field, _quoted(column))
    return _made(found, "no column is called email, phone or user; say --map email=COLUMN, or give a --mapping")


def told(pairs: Iterable[str], columns: Iterable[str]) -> ListMap:
    """Return the map of `field=column` pairs. Raises `Unreadable`."""
    there, found = set(columns), dict[str, str]()
    for pair in pairs:
        field, _, column = pair.partition("=")
        if column not in there:
            raise Unreadable(f"--map {pair}: there is no column {column!r}; there are {', '.join(sorted(there))}")
        found[field.strip()] = _quoted(column)
    return _made(found, "--map")


def from_file(path: Path) -> ListMap:
    """Return the map in a YAML file. Raises `Unreadable`."""
    try:
        return ListMap.model_validate(loaded(path))
    except NotReadError as error:
        raise Unreadable(f"--mapping {path} {error}") from None
    except ValidationError as error:
        raise Unreadable(f"--mapping {path}: {_faults(error)}") from None


def _made(found: dict[str, str], complaint: str) -> ListMap:
    extras = {field: found.pop(field) for field in ("id", "occurred_at") if field in found}
    consent = {field.removeprefix("consent_"): found.pop(field) for field in [*found] if field.startswith("consent_")}
    try:
        return ListMap.model_validate({"map": found, "consent": consent, **extras})
    except ValidationError as error:
        raise Unreadable(f"{complaint} ({_faults(error)})") from None


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}".lstrip(": ") for it in error.errors())


def _quoted(column: str) -> str:
    """Return the expression of a column: its name as JMESPath quotes it."""
    escaped = column.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(path: str, cells: Mapping[str, str]) -> str:
    if not path:
        return ""
    try:
        found = expression(path).search(cells)
    except jmespath.exceptions.JMESPathError as error:
        raise Rejected(Reason.INVALID_VALUE, f"{path}: {type(error).__name__}") from None
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found).strip() if isinstance(found, (str, int, float)) else ""
