"""What the neighbours post, on its way to us: late, twice, not at all, and again without an answer."""

from dataclasses import dataclass, field
from random import Random

from tests.simulation.interleaved.scheduler import Scheduler
from tests.simulation.world import Letter

DELAY_SECONDS = (0.0, 4.0)
AGAIN_SECONDS = 6.0
REFUSED, GONE = 400, 401
"""From there on a delivery was refused; with the second one for good: its signature is too old."""


@dataclass
class Mail:
    """One delivery until it is answered."""

    post: "Post"
    letter: Letter
    due: float

    def answered(self, status: int) -> None:
        """The sender has our answer."""
        if status < REFUSED:
            self.post.acknowledged.append(self.letter)
        if status < REFUSED or status == GONE:
            self.post.forget(self)
            return
        self.post.refused[status] = self.post.refused.get(status, 0) + 1


@dataclass
class Post:
    """All deliveries that are under way; one that is not answered is sent again."""

    FAULTS = ("a delivery is lost", "a delivery comes twice", "a delivery comes late")

    scheduler: Scheduler
    chance: Random
    mails: list[Mail] = field(default_factory=list)
    acknowledged: list[Letter] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    def add(self, letters: list[Letter]) -> None:
        """The neighbours have posted."""
        now = self.scheduler.clock.monotonic()
        for letter in letters:
            delay = 0.0 if self.scheduler.is_calm else self.chance.uniform(*DELAY_SECONDS)
            self.mails.append(Mail(self, letter, now + delay))

    def has_mail(self) -> bool:
        """Whether something has arrived that nobody is about to answer."""
        now = self.scheduler.clock.monotonic()
        return any(mail.due <= now for mail in self.mails)

    def take(self, what: str | None) -> Mail | None:
        """What has arrived first; it comes again if nobody answers."""
        now = self.scheduler.clock.monotonic()
        arrived = sorted((mail for mail in self.mails if mail.due <= now), key=lambda mail: mail.due)
        if not arrived:
            return None
        mail = arrived[0]
        if what == self.FAULTS[0]:
            self.forget(mail)
            return None
        if what == self.FAULTS[1]:
            self.mails.append(Mail(self, mail.letter, now + 1))
        if what == self.FAULTS[2]:
            mail.due = now + 20
            return None
        mail.due = now + AGAIN_SECONDS
        return mail

    def forget(self, mail: Mail) -> None:
        if mail in self.mails:
            self.mails.remove(mail)
