"""One thing that scripts/doctor looks at, judged twice: for the fallback on the kernel's sockets and for DPDK."""

from dataclasses import dataclass

OK, WARN, BAD = "ok", "warn", "bad"
MODES = ("fallback", "dpdk")


@dataclass(frozen=True)
class Condition:
    name: str
    value: str  # what was seen
    why: str  # why it matters
    next: str = ""  # what to do when it is not ok
    fallback: str = OK
    dpdk: str = OK

    def judged(self, mode):
        verdict = getattr(self, mode)
        return {"name": self.name, "value": self.value, "verdict": verdict, "why": self.why,
                "next": "" if verdict == OK else self.next}


def unless(good, otherwise):
    """The verdict `otherwise`, unless all is well."""
    return OK if good else otherwise
