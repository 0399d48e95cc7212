"""The learner: two scorers, taught by the same outcomes, and which of them routes.

The *pipeline* (`streams.domain.pipeline`) is River's: readable, and what there is to fall back on.
The *classifier* (`streams.domain.learner`) is the challenger, until it has proved better.
Labels come late. When the first bucket of a snapshot closes, both learn it, once: converted, or the chance that it
still will, which hazard heads (`streams.domain.hazards`) know from the buckets that close later. So nobody counts as
lost because their time is not up; and there is one log-odds, with exact reasons, to score with. Each example is scored
by both before either learns it: that decides the calibration, and whether losses have risen, upon which both may move
fast again. Who routes is decided by the verdicts at the horizon, on the scores that were given.

A snapshot holds the whole learner as data, never a pickle: restored, it goes on bit for bit as if it had never stopped.
"""

from array import array
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import isfinite, log

from msgspec import field, json, structs

from schemas.learning import ModelSnapshot, TrainingExample
from schemas.records import Channel
from schemas.rejected import Reason, Rejected
from streams.domain.calibration import Calibration, loss
from streams.domain.contest import Contest
from streams.domain.drift import Watch, psi
from streams.domain.hazards import ENDS_S, Hazards
from streams.domain.learner.classifier import LeadClassifier
from streams.domain.learner.state import Unreadable, pack, unpack
from streams.domain.metrics import WINDOW, Record
from streams.domain.pipeline import Kept, Pipeline
from streams.domain.scoring import CLASSIFIER, KIND, PIPELINE, SCORERS

REMEMBERED = 4096
HASH = 8
DOORS = {  # in this order; who did nothing of it was brought in by people or a list
    Channel.AD: ("came_by_ad", "paid_share"),
    Channel.EMAIL: ("email_clicks_30d", "email_opens_30d"),
    Channel.WEB: ("pages_30d", "docs_30d", "pricing_30d", "forms_30d", "demo_requests_30d"),
}
HUGE = 1e6
RAREST = 1e-6
BITS = 13  # cells of the classifier's table, as a power of two: its state stays a small message
ROOM = 48 << 10  # numbers in the rows that its trees are grown from
HEAD_BITS = 10  # of a hazard head's: it says how many will still convert, not who comes first


class Memory(Kept, frozen=True, kw_only=True):
    """Everything a learner is beside its classifiers: what its pipeline knows, and what it has counted."""

    examples: int = 0
    loss: float = 0.0
    scores: bytes = b""
    labels: bytes = b""
    ids: bytes = b""
    champion: str = PIPELINE
    contest: list[float] = field(default_factory=list)
    calibration: list[float] = field(default_factory=list)
    watch: dict[str, list[float]] = field(default_factory=dict)
    rises: int = 0
    risen: dict[str, int] = field(default_factory=dict)
    taught: int = -1
    conversions: int = -1
    ends: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    won: list[float] = field(default_factory=list)


class Learner:
    """One writer's model. `learn` changes it in place; `snapshot` exports it."""

    def __init__(self, memory: Memory, classifier: LeadClassifier, hazards: Hazards[LeadClassifier]) -> None:
        self._classifier, self._champion, self._rises = classifier, memory.champion, memory.rises
        self._risen = Counter(memory.risen)
        self._hazards = hazards
        self._taught = memory.examples if memory.taught < 0 else memory.taught
        self._conversions = sum(memory.labels) if memory.conversions < 0 else memory.conversions
        self._contest = Contest.of(memory.contest)
        self._calibration = Calibration(memory.calibration) if memory.calibration else Calibration()
        self._watch = Watch(memory.watch)
        self._pipeline = Pipeline(memory)
        self._record = Record(memory.examples, memory.loss, zip(array("d", memory.scores), memory.labels, strict=True))
        self._ids = deque(memory.ids[at : at + HASH] for at in range(0, len(memory.ids), HASH))
        self._known = set(self._ids)

    @classmethod
    def restore(cls, snapshot: ModelSnapshot | None, ends: Sequence[float] = ENDS_S) -> "Learner":
        """Return the learner as it was at a snapshot; one that knows nothing when there is none.

        Where buckets do not end at `ends` any more, their heads begin anew. So does the classifier, as a challenger,
        when the snapshot is of a release that laid its table out in another way.
        """
        hazards = _heads(ends)
        if snapshot is None or not snapshot.learner:
            return cls(Memory(), LeadClassifier(bits=BITS, room=ROOM), hazards)
        memory = json.decode(snapshot.learner, type=Memory)
        try:
            classifier, *heads = (LeadClassifier.restored(unpack(it)) for it in (snapshot.classifier, *snapshot.heads))
        except Unreadable:
            anew = structs.replace(memory, champion=PIPELINE, contest=[], calibration=[])
            return cls(anew, LeadClassifier(bits=BITS, room=ROOM), hazards)
        if memory.ends == list(ends) and heads:
            hazards.heads, hazards.seen, hazards.won = heads, memory.seen, memory.won
        return cls(memory, classifier, hazards)

    def learn(self, example: TrainingExample) -> bool:
        """Learn one example; False when it knows it already. Raises `Rejected(INVALID_VALUE)`, unchanged."""
        features = {name: example.features[name] for name in sorted(example.features)}
        if not self._is_told_in_time(example):
            raise Rejected(Reason.INVALID_VALUE, f"bucket {example.bucket} of {example.buckets}")
        if example.label not in (0, 1) or not 0.0 <= example.score <= 1.0 or not 0.0 < example.weight <= HUGE:
            raise Rejected(Reason.INVALID_VALUE, "label, score or weight")
        if not all(isfinite(value) and abs(value) <= HUGE for value in features.values()):
            raise Rejected(Reason.INVALID_VALUE, "features")
        head = blake2b(example.id.encode(), digest_size=HASH).digest()
        if head in self._known:
            return False
        self._remember(head)
        if example.buckets in (1, example.bucket):
            self._record.see(example.score, example.label)
            self._conversions += example.label
        if example.bucket == example.buckets:
            self._compare({name: loss(_logit(score), example.label) for name, score in example.scores.items()})
            return True
        if example.bucket == 0:
            self._teach(features, example)
        if example.buckets > 1:
            self._hazards.learn_one(dict(features), example.bucket, bool(example.label), w=example.weight)
        return True

    def _is_told_in_time(self, example: TrainingExample) -> bool:
        """Tell whether an example's buckets are ours, or one of one."""
        last = example.buckets
        return (last, example.bucket) == (1, 0) or (last == len(self._hazards.ends) > 1 and 0 <= example.bucket <= last)

    def _teach(self, features: dict[str, float], example: TrainingExample) -> None:
        """Let both scorers learn what is known once the first bucket has closed."""
        chance, ready = float(example.label), self._pipeline.ready(features)
        if not example.label and example.buckets > 1:
            chance = self._hazards.later(dict(features))
        self._judge(features, ready, example, chance)
        self._pipeline.learn(ready, chance, example.weight)
        self._classifier.learn_chance(features, chance, example.weight)
        self._taught += 1

    def snapshot(self, version: int, created_at: float) -> ModelSnapshot:
        """Return the model as it is now, unsigned."""
        slope, shift = self._calibration.acting
        return ModelSnapshot(
            version=version,
            kind=KIND,
            created_at=created_at,
            examples=self._taught,
            intercept=self._pipeline.intercept,
            terms=self._pipeline.terms(),
            metrics=self._record.figures()
            | {"rises": float(self._rises), "psi": self._moved(), "conversions": float(self._conversions)}
            | {f"rises_{door}": float(self._risen[door]) for door in Channel},
            learner=json.encode(self._memory()),
            classifier=pack(self._classifier.state()),
            heads=[pack(head.state()) for head in self._hazards.heads],
            champion=self._champion,
            slope=slope,
            shift=shift,
        )

    def _judge(
        self, features: dict[str, float], ready: dict[str, float], example: TrainingExample, chance: float
    ) -> None:
        """Let both score an example that neither has learned; note how they did, and whether losses rise."""
        logit = self._classifier.logit(features)
        slope, shift = self._calibration.acting
        of_pipeline = self._pipeline.chance(ready)
        losses = {PIPELINE: loss(_logit(of_pipeline), chance), CLASSIFIER: loss(slope * logit + shift, chance)}
        self._calibration.see(logit, chance, example.weight)
        if risen := self._watch.see(losses[self._champion], door(features)):
            self._rises += 1
            self._risen.update(filter(None, risen))
            self._classifier.raise_steps()
            self._pipeline.raise_steps()
        if example.buckets == 1:
            self._compare(losses)

    def _compare(self, losses: dict[str, float]) -> None:
        """Note who was better on a label that is final; the challenger may have won the contest by it."""
        if self._champion not in losses or len(losses) < len(SCORERS):
            return
        champion = losses.pop(self._champion)
        ((challenger, other),) = losses.items()
        self._contest = self._contest.see(champion, other)
        if self._contest.won:
            self._champion, self._contest = challenger, Contest()

    def _moved(self) -> float:
        """Return how far the later half of the latest scores is from the earlier one."""
        scores = [score for score, _ in self._record.recent]
        return psi(scores[: len(scores) // 2], scores[len(scores) // 2 :]) if len(scores) == WINDOW else 0.0

    def _remember(self, head: bytes) -> None:
        self._ids.append(head)
        self._known.add(head)
        if len(self._ids) > REMEMBERED:
            self._known.discard(self._ids.popleft())

    def _memory(self) -> Memory:
        record = self._record
        return Memory(
            **structs.asdict(self._pipeline.kept()),
            examples=record.n,
            loss=record.loss,
            scores=array("d", (score for score, _ in record.recent)).tobytes(),
            labels=bytes(label for _, label in record.recent),
            ids=b"".join(self._ids),
            champion=self._champion,
            contest=list(self._contest),
            calibration=self._calibration.kept(),
            watch=self._watch.kept(),
            rises=self._rises,
            risen=dict(self._risen),
            taught=self._taught,
            conversions=self._conversions,
            ends=list(self._hazards.ends),
            seen=self._hazards.seen,
            won=self._hazards.won,
        )


def door(features: Mapping[str, float]) -> Channel:
    """Return by which door a lead came, of what it did this month: an ad first, then mail, then pages and forms.

    >>> door({"came_by_ad": 1.0, "pages_30d": 2.0}), door({"email_clicks_30d": 1.0, "pages_30d": 2.0}), door({})
    (<Channel.AD: 'ad'>, <Channel.EMAIL: 'email'>, <Channel.CRM: 'crm'>)
    """
    return next((door for door, names in DOORS.items() if any(features.get(name) for name in names)), Channel.CRM)


def _heads(ends: Sequence[float]) -> Hazards[LeadClassifier]:
    return Hazards(lambda: LeadClassifier(bits=HEAD_BITS, room=0), ends)


def _logit(chance: float) -> float:
    bounded = min(max(chance, RAREST), 1.0 - RAREST)
    return log(bounded / (1.0 - bounded))
