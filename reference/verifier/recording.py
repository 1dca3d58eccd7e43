"""A transcript that writes down its steps: for the test vectors, and for `verify.py --transcript`."""

from itertools import groupby

from transcript import Transcript


class Recording(Transcript):
    """A transcript that writes down its steps, as docs/protocol/README.md, "Test vectors", says."""

    def __init__(self, domain, messages):
        super().__init__(domain, messages)
        self.steps = []

    def lines(self):
        """Messages of one kind and label in a row are one line."""
        result = []
        for key, steps in groupby(self.steps, lambda step: step[0]):
            steps = [line for _, line in steps]
            result += steps if key is None else [steps[0] + (f", {len(steps)} of them" if steps[1:] else "")]
        return result

    def note(self, line, key=None):
        self.steps.append((key, line))

    def absorb(self, label, data):
        super().absorb(label, data)
        self.note(f"absorb {label} {data.hex()}")

    def message(self, kind, label, size):
        at, data = self.at, super().message(kind, label, size)
        self.note(f"message {label} kind {kind} offset {at} bytes {size}", (kind, label))
        return data

    def challenge(self, label):
        drawn = super().challenge(label)
        self.note(f"challenge {label} = {drawn}")
        return drawn

    def positions(self, label, count, bound):
        drawn = super().positions(label, count, bound)
        self.note(f"positions {label} = {drawn}")
        return drawn

    def grind(self, label, bits):
        if bits:
            self.note(f"grind {label} {bits} bits")
        super().grind(label, bits)

    def harden(self, label, count):
        super().harden(label, count)
        self.note(f"harden {label} {count} hashes")
